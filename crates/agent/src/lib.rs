//! The Holdfast agent: the loop that pulls work from the server, the engines that execute runs, and the commands that it
//! serves beside them.

pub mod agent;
pub mod cli;
pub mod commands;
pub mod config;
pub mod engines;
pub mod enrol;
pub mod failure;
pub mod http;
pub mod logging;
pub mod offline;
pub mod runs;
pub mod service;
pub mod signals;
pub mod state;
pub mod tags;
pub mod timing;
pub mod vaults;
