//! The client API, one file a noun. Each route has a row in `auth::access`.

pub(crate) mod agents;
pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod change;
pub(crate) mod commands;
pub(crate) mod comparisons;
pub(crate) mod downloads;
pub(crate) mod enrolment_tokens;
pub(crate) mod input;
pub(crate) mod jobs;
pub(crate) mod notifications;
pub(crate) mod overview;
pub(crate) mod points;
pub(crate) mod restores;
pub(crate) mod retention;
pub(crate) mod run_logs;
pub(crate) mod runs;
pub(crate) mod schedules;
pub(crate) mod searches;
pub(crate) mod selection;
pub(crate) mod session;
pub(crate) mod set_up;
pub(crate) mod settings;
pub(crate) mod stream;
pub(crate) mod users;
pub(crate) mod vaults;

use serde::Deserialize;

/// The parameters of every list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListParams {
    pub(crate) limit: Option<u64>,
    pub(crate) cursor: Option<String>,
}
