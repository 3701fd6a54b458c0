//! The agent against a scripted server.

mod commands;
mod handback;
mod outage;
mod runs;
mod script;
