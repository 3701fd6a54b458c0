//! The client API, `/api/v1`: one module a noun. Requests refuse unknown fields, answers may grow.

pub mod agents;
pub mod alerts;
pub mod audit;
pub mod commands;
pub mod common;
pub mod comparisons;
pub mod downloads;
pub mod jobs;
pub mod notifications;
pub mod overview;
pub mod points;
pub mod problem;
pub mod restores;
pub mod retention;
pub mod run_logs;
pub mod runs;
pub mod schedules;
pub mod searches;
pub mod session;
pub mod settings;
pub mod usage;
pub mod users;
pub mod vaults;
