//! The Holdfast server: accounts, agents, vaults, jobs, runs; the client API, the agents' wire, the web page.
//!
//! It never opens a vault and never dials an agent: agents pull their work. Everything lives in the database of the
//! data folder; secrets and file names in it are sealed under the master key.

mod access;
mod agent_api;
mod alerts;
mod app;
mod auth;
mod catalogue;
mod commands;
mod db;
mod extract;
mod live;
mod maintenance;
mod notify;
mod openapi;
mod options;
mod points;
mod presence;
mod problem;
mod retention;
mod routes;
mod runs;
mod schedules;
mod sealing;
mod serve;
mod server;
mod settings;
mod tasks;
mod transfers;
mod unplanned;
mod usage;
mod view;
mod wake;
mod web;

pub use openapi::openapi_json;
pub use options::{FirstAccount, ServerOptions};
pub use server::{Running, run, start};
pub use settings::FixedSettings;
