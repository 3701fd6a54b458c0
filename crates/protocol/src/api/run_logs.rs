//! The full log of a run.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Time, agent::LogLevel};

/// One line of a run's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunLogLine {
    /// Number within the run, from 1.
    pub line: i64,
    /// When the agent wrote it, by its clock.
    pub time: Time,
    /// How grave it is.
    pub level: LogLevel,
    /// Which try of the agent wrote it.
    pub attempt: i64,
    /// The text, in English, as the agent sent it: it may hold anything that a file name may hold.
    pub text: String,
}

/// A part of a run's log, oldest line first.
///
/// With a filter only a part of the log is looked through for one answer; `from` and `to` say which, and the next request
/// goes on from there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunLog {
    /// The lines that match.
    pub items: Vec<RunLogLine>,
    /// First line that was looked at; give it as `before` for older ones.
    pub from: i64,
    /// Last line that was looked at; give it as `after` for newer ones.
    pub to: i64,
    /// There are older lines before `from`, or newer ones after `to`, by the direction that was asked for.
    pub more: bool,
    /// Lines in all.
    pub lines: i64,
    /// The log had become as long as a log may be, and ends there.
    pub full: bool,
    /// The log was erased because of its age.
    pub erased: bool,
}
