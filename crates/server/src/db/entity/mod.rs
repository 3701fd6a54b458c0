//! Rows as the database holds them; private to `db`.

#![allow(unreachable_pub, missing_docs)] // the derive macros want `pub`, and the columns are described in the migrations

pub mod agent;
pub mod alert;
pub mod audit_entry;
pub mod command;
pub mod enrolment_token;
pub mod idempotency_key;
pub mod job;
pub mod notification_channel;
pub mod occurrence;
pub mod outbox;
pub mod periodic_task;
pub mod point;
pub mod point_snapshot;
pub mod run;
pub mod run_event;
pub mod run_log;
pub mod run_log_chunk;
pub mod run_problem;
pub mod session;
pub mod setting;
pub mod sign_in_place;
pub mod tenant;
pub mod user;
pub mod vault;
pub mod vault_access;
pub mod vault_usage_day;
