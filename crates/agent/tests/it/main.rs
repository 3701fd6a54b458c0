//! The agent against a scripted server.

mod commands;
mod conformance;
mod engines;
mod handback;
mod offline;
mod outage;
mod runs;
mod script;
