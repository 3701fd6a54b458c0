//! The agent against a scripted server.

mod commands;
mod conformance;
mod engines;
mod handback;
mod outage;
mod runs;
mod script;
