//! The one long poll (`POST poll`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::commands::CommandDelivery;
use super::ids::{Attempt, CommandId, RunId};
use super::offline::OfflinePlan;
use super::run::RunWork;

/// Longest time that the server holds a poll open, in seconds.
pub const LONGEST_WAIT_SECONDS: u32 = 25;

/// Time between two polls that do not wait, in seconds, while nothing runs (the fallback where a proxy cuts long requests).
pub const IDLE_POLL_SECONDS: u64 = 5;

/// The same while a run is active.
pub const BUSY_POLL_SECONDS: u64 = 3;

/// What the agent has in hand and what it could take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollRequest {
    /// Random per start of the agent process.
    pub instance: Uuid,
    /// How many more backup runs the agent would take now; 0 while all slots are busy.
    pub slots: u32,
    /// Runs that this process is executing, restores among them. Being listed is a heartbeat.
    #[serde(default)]
    pub running: Vec<RunningRun>,
    /// Commands that the agent holds; being listed renews their lease.
    #[serde(default)]
    pub commands: Vec<CommandId>,
    /// How long the server may wait for something to hand out, in seconds, at most [`LONGEST_WAIT_SECONDS`]; 0 answers at once.
    #[serde(default)]
    pub wait: u32,
    /// Digest of the plan for the server's absence that the agent has, empty when it has none; absent from agents that do
    /// nothing by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_digest: Option<String>,
    /// The agent's clock at the time of sending; a clock may go wrong long after the hello. Absent from older agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Timestamp>,
    /// Jobs of the plan for its absence that the agent cannot start by itself, because it cannot read when they are due.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offline_unplanned: Vec<Uuid>,
}

/// One run that the agent is executing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningRun {
    /// The run.
    pub run_id: RunId,
    /// The attempt that the agent was given.
    pub attempt: Attempt,
}

/// What the server hands out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PollAnswer {
    /// A run to begin: the agent's own run handed back, else the oldest queued one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunWork>,
    /// Commands to serve, each delivered at least once.
    #[serde(default)]
    pub commands: Vec<CommandDelivery>,
    /// Runs in hand that somebody asked to cancel; repeated until the run is over.
    #[serde(default)]
    pub cancel: Vec<CancelOrder>,
    /// Runs listed in the request that are not this agent's any more (deleted, or handed to a newer attempt): stop without a report.
    #[serde(default)]
    pub forget: Vec<RunningRun>,
    /// What the agent may start by itself from now on while the server is away, when it has another plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<OfflinePlan>,
    /// The server's clock.
    pub server_time: Timestamp,
}

/// A request to cancel one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelOrder {
    /// Always `cancel`.
    #[serde(rename = "type")]
    pub kind: CancelTag,
    /// The run to cancel.
    pub run_id: RunId,
    /// Why, when it was not a user: `WINDOW_ENDED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl CancelOrder {
    /// A user's request to cancel `run_id`.
    pub fn new(run_id: RunId) -> Self {
        Self {
            kind: CancelTag::Cancel,
            run_id,
            reason: None,
        }
    }
}

/// The word `cancel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelTag {
    /// `cancel`.
    Cancel,
}
