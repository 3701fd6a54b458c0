//! Runs: one execution of a job, or one restore.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    common::{Action, AgentReference, Reference},
    problem::Failure,
};
use crate::{
    Time,
    agent::{RunStatus, StageReport},
    ids::{PointId, RunId},
};

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunType {
    /// Makes a restore point.
    Backup,
    /// Brings data back.
    Restore,
}

/// What started a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunTrigger {
    /// Somebody.
    Manual,
    /// The job's schedule.
    Schedule,
    /// The job's schedule, by the agent alone: the server could not be reached.
    Offline,
}

/// A run as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunSummary {
    /// Identity.
    pub id: RunId,
    /// What it does.
    #[serde(rename = "type")]
    pub kind: RunType,
    /// Where it stands.
    pub status: RunStatus,
    /// Somebody asked to stop it.
    pub cancel_requested: bool,
    /// What started it.
    pub trigger: RunTrigger,
    /// The job; for a restore the job that made the point.
    pub job: Option<Reference>,
    /// The machine; absent when it was deleted.
    pub agent: Option<AgentReference>,
    /// When it was asked for.
    pub created_at: Time,
    /// When the agent took it.
    pub started_at: Option<Time>,
    /// When it was over.
    pub finished_at: Option<Time>,
    /// How far it is.
    pub progress: Progress,
    /// Items that could not be read or written.
    pub problem_count: u64,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// How far a run is. Absent figures are unknown, not zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// 0 to 100; absent while the total is unknown. Never falls.
    pub percent: Option<f64>,
    /// Backups: bytes read from the source. Restores: absent.
    pub bytes_processed: Option<u64>,
    /// Backups: bytes that reached the storage, 0 when all was stored already. Restores: bytes written to the target.
    pub bytes_transferred: Option<u64>,
    /// Bytes in all.
    pub bytes_total: Option<u64>,
    /// Files done.
    pub objects_transferred: Option<u64>,
    /// Files in all.
    pub objects_total: Option<u64>,
    /// Bytes handled a second.
    pub speed_bytes_per_second: Option<u64>,
    /// Rest of the time in seconds: what the agent expects.
    pub eta_seconds: Option<u64>,
    /// Rest of the time in seconds, low end.
    pub eta_low_seconds: Option<u64>,
    /// Rest of the time in seconds, high end.
    pub eta_high_seconds: Option<u64>,
    /// What it works on; gone when the run is over.
    pub current_item: Option<String>,
    /// Percent of the read bytes that did not have to be sent.
    pub savings_percent: Option<f64>,
    /// Last report of the agent.
    pub reported_at: Option<Time>,
}

/// A run with everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// What lists show.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// The vault.
    pub vault: Reference,
    /// Which try of the agent this is, from 1; 0 before the first.
    pub attempt: i64,
    /// What it backs up, or restores.
    pub paths: Vec<String>,
    /// Restores: where to.
    pub target_path: Option<String>,
    /// Its steps so far.
    pub stages: Vec<StageReport>,
    /// Items that could not be read or written, grouped by cause.
    pub problem_groups: Vec<ProblemGroup>,
    /// Figures of the result.
    pub statistics: Statistics,
    /// The restore point it made; for a restore the one it reads.
    pub point_id: Option<PointId>,
    /// The previous finished run of the job, to compare with.
    pub previous: Option<PreviousRun>,
    /// Settings that were in force, as of its start.
    #[schema(value_type = Object)]
    pub policy: Map<String, Value>,
    /// Seconds until the server gives a silent run up; absent when it is over or heard from lately.
    pub given_up_in_seconds: Option<u64>,
    /// Why a queued run does not start yet.
    pub waiting_reason: Option<WaitingReason>,
    /// Number of events so far.
    pub event_count: u64,
    /// Whose full log this run has: its own, once its agent wrote a line (`GET /runs/{id}/log`).
    pub log_ref: Option<RunId>,
    /// Lines of the full log so far.
    pub log_lines: u64,
    /// For `If-Match`.
    pub version: i64,
    /// What the caller may do with it: `cancel`, `run_again`, `restore`.
    pub actions: Vec<Action>,
}

/// Why a queued run does not start yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingReason {
    /// What it waits for.
    pub code: WaitingCode,
    /// Name of the machine or vault that it waits for.
    pub name: Option<String>,
    /// `window`: when it may begin.
    pub until: Option<Time>,
}

/// What a queued run waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitingCode {
    /// Its machine is not connected.
    MachineAway,
    /// Its machine works on another run.
    MachineBusy,
    /// Its machine is connected and takes it in a moment.
    Machine,
    /// A window of its schedule, in which nothing begins.
    Window,
    /// The repository of its vault.
    Vault,
}

/// Items with the same cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemGroup {
    /// Stable code of the cause.
    pub code: String,
    /// The cause in words.
    pub title: String,
    /// What to do about it.
    pub hints: Vec<String>,
    /// How many items.
    pub count: u64,
    /// Their size in bytes as far as known.
    pub bytes: u64,
    /// Up to three of their paths.
    pub examples: Vec<String>,
}

/// One item that could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunProblem {
    /// Number within the run, from 1.
    pub seq: i64,
    /// Stable code of the cause.
    pub code: String,
    /// The item.
    pub path: String,
    /// What the system said.
    pub message: String,
    /// Its size in bytes.
    pub size: Option<u64>,
}

/// Figures of a run's result; absent ones are unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Statistics {
    /// Files seen.
    pub files: Option<u64>,
    /// Folders seen.
    pub dirs: Option<u64>,
    /// Bytes of all files.
    pub total_bytes: Option<u64>,
    /// Bytes read from files.
    pub bytes_read: Option<u64>,
    /// Bytes that were not in the vault before.
    pub bytes_new: Option<u64>,
    /// Bytes that reached the storage.
    pub bytes_uploaded: Option<u64>,
    /// Files that had not changed.
    pub cached_files: Option<u64>,
    /// Items that failed.
    pub errors: Option<u64>,
    /// Seconds it took.
    pub duration_seconds: Option<f64>,
}

/// The run before, to compare with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PreviousRun {
    /// Identity.
    pub id: RunId,
    /// When it was over.
    pub finished_at: Option<Time>,
    /// Its figures.
    pub statistics: Statistics,
}

/// One event of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunEvent {
    /// Number within the run, from 1; give the last one as `after`.
    pub seq: i64,
    /// When the agent or the server wrote it.
    pub time: Time,
    /// `info`, `stage`, `progress`, `summary`, `cancelled`, `warning`, `error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `info`, `warn`, `error`.
    pub level: String,
    /// Stable id of the sentence.
    pub message_id: String,
    /// The sentence's parameters.
    #[schema(value_type = Object)]
    pub params: Map<String, Value>,
    /// The sentence, in English.
    pub message: String,
}

/// Events of a run after a given one, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunEvents {
    /// The events.
    pub items: Vec<RunEvent>,
    /// Give this as `after` the next time.
    pub last_seq: i64,
    /// There are more right now.
    pub more: bool,
}
