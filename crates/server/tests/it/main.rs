//! A real server on a free port, each test with its own database, and agents that follow a script.

mod support;

mod accounts;
mod agents;
mod alerts;
mod bad_input;
mod cut_points;
mod downloads;
mod explorer;
mod generated;
mod jobs;
mod live;
mod maintenance;
mod never_silent;
mod notifications;
mod offline;
mod overview;
mod resilience;
mod retention;
mod run_logs;
mod runs;
mod schedules;
mod searches;
mod secrets;
mod tenants;
mod vaults;
