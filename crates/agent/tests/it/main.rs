//! The agent against a scripted server.

mod absence;
mod commands;
mod conformance;
mod engines;
mod enrolment;
mod explorer;
mod handback;
mod maintenance;
mod offline;
mod outage;
mod runs;
mod script;
mod search;
mod selection;
mod transfer;
