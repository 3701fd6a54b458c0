//! Rows as the client API shows them.

pub(crate) mod agents;
pub(crate) mod alerts;
pub(crate) mod catalog;
pub(crate) mod commands;
pub(crate) mod days;
pub(crate) mod failures;
pub(crate) mod jobs;
pub(crate) mod notifications;
pub(crate) mod overview;
pub(crate) mod points;
pub(crate) mod runs;
pub(crate) mod users;
pub(crate) mod vaults;
