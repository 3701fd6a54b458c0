//! Starting runs while the server is away: what the agent is given for it, and how it tells of them afterwards
//! (`POST offline-runs`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::ids::{Attempt, RunId};
use super::run::RunWork;

/// How long an agent may use what it was given after the last word of the server, in seconds: 30 days.
pub const LONGEST_SILENCE_SECONDS: i64 = 30 * 24 * 3600;

/// What an agent may start by itself. It holds secrets; the agent keeps it sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfflinePlan {
    /// Tells two plans apart; says nothing about what is in them.
    pub digest: String,
    /// The jobs, each with its next runs; empty takes back everything that was given before.
    pub jobs: Vec<OfflineJob>,
}

/// A job that an agent may start by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfflineJob {
    /// When it starts: a `holdfast_planning::occurrences::Timetable`.
    pub timetable: Value,
    /// What a run does. Ids of the run and the claim are the agent's to fill in.
    pub work: RunWork,
    /// The same as the server shows it; told again with each run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<RunSettings>,
}

/// With what a run was started, as the server shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Name of the job.
    pub job_name: String,
    /// Source paths.
    pub paths: Vec<String>,
    /// Policy, schedule and limit of the job; the agent does not look into it.
    pub policy: Value,
}

/// A run that an agent started by itself. Telling of one at work again makes a new claim of it, under which it is numbered
/// from the beginning; otherwise it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfflineRun {
    /// The process that tells of it.
    pub instance: Uuid,
    /// The run, as it stands in the tags of its snapshots.
    pub run_uuid: Uuid,
    /// The job.
    pub job_uuid: Uuid,
    /// The occurrence of the job's schedule.
    pub due_at: Timestamp,
    /// When it began, by the agent's clock.
    pub started_at: Timestamp,
    /// When it ended, by the agent's clock; absent while it is at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The agent's clock now.
    pub clock: Timestamp,
    /// With what it was started; absent when the server gave nothing to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<RunSettings>,
}

/// Under which identity an agent reports on a run that it started by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfflineRunTaken {
    /// The run on this wire.
    pub run_id: RunId,
    /// The claim.
    pub attempt: Attempt,
}
