//! The start page: is everything protected, what must be done, how full is the storage.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    alerts::Alert,
    common::{Action, AgentReference},
    jobs::{JobDay, JobKind},
    runs::RunSummary,
    usage::VaultFill,
    vaults::VaultState,
};
use crate::{
    Time,
    agent::RunStatus,
    ids::{JobId, VaultId},
};

/// The start page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// When this was computed.
    pub checked_at: Time,
    /// Enabled jobs.
    pub jobs_total: u64,
    /// Enabled jobs inside their limit.
    pub jobs_protected: u64,
    /// Machines enrolled.
    pub agents_total: u64,
    /// Machines heard from lately.
    pub agents_online: u64,
    /// Open alerts that nobody took note of yet.
    pub alerts_open: u64,
    /// Open alerts: first those that nobody took note of, worst and oldest first; at most 20.
    pub alerts: Vec<Alert>,
    /// Jobs, of one machine if that was asked for; those with problems first, at most 50.
    pub jobs: Vec<OverviewJob>,
    /// Runs that are not over.
    pub active_runs: Vec<RunSummary>,
    /// The newest ten finished runs.
    pub recent_runs: Vec<RunSummary>,
    /// The vaults: first those that will be full soonest, then the largest.
    pub vaults: Vec<OverviewVault>,
    /// The newest restore that ended well: proof that data comes back.
    pub last_restore: Option<RunSummary>,
}

/// A job on the start page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OverviewJob {
    /// Identity.
    pub id: JobId,
    /// Name.
    pub name: String,
    /// What kind of thing it protects.
    pub kind: JobKind,
    /// Its machine.
    pub agent: AgentReference,
    /// It may run.
    pub enabled: bool,
    /// It has a restore point inside its limit.
    pub protected: bool,
    /// Seconds by which the newest point is older than allowed.
    pub late_by_seconds: Option<u64>,
    /// Time of the newest point.
    pub latest_point_at: Option<Time>,
    /// When it starts by itself next; absent: it does not.
    pub next_run_at: Option<Time>,
    /// Its machine is not connected, and the next run starts when it is back.
    pub starts_when_back: bool,
    /// Status of the newest run.
    pub last_status: Option<RunStatus>,
    /// The last 28 days, oldest first.
    pub days: Vec<JobDay>,
}

/// A vault on the start page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OverviewVault {
    /// Identity.
    pub id: VaultId,
    /// Name.
    pub name: String,
    /// Whether the repository is there.
    pub state: VaultState,
    /// How full it is.
    pub fill: VaultFill,
    /// Bytes that runs have sent to it so far; only as long as it was never measured.
    pub sent_bytes: Option<u64>,
    /// What the caller may do with it: `update`.
    pub actions: Vec<Action>,
}
