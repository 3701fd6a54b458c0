//! Jobs: what is protected, from where to where.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    common::{Action, AgentReference, Reference},
    retention::{Retention, RetentionApplied},
    runs::RunSummary,
    schedules::Schedule,
};
use crate::{
    Time,
    ids::{AgentId, JobId, VaultId},
};

/// What kind of thing a job protects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Files and folders, kept as restore points.
    #[default]
    Files,
}

/// How data is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Compression {
    /// zstd at its default level.
    #[default]
    #[serde(rename = "zstd-default")]
    ZstdDefault,
    /// S2.
    #[serde(rename = "s2")]
    S2,
    /// gzip, on several cores.
    #[serde(rename = "pgzip")]
    Pgzip,
    /// Not at all.
    #[serde(rename = "none")]
    None,
}

/// How a job backs up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JobPolicy {
    /// How data is compressed.
    pub compression: Compression,
    /// What is left out, in the syntax of gitignore files, at most 1,000 rules.
    pub ignore_rules: Vec<String>,
    /// Only files that match one of these rules are taken, when there are any; at most 1,000, in the same syntax without `!`.
    /// What `ignore_rules` leave out stays left out.
    pub include_rules: Vec<String>,
    /// Larger files are left out, at least 1; absent: of any size.
    pub max_file_size_bytes: Option<u64>,
    /// Leave out what lies on another file system than the path it is in.
    pub one_file_system: bool,
    /// Files read at once, 1 to 64; absent: the agent decides.
    pub parallelism: Option<u32>,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Identity.
    pub id: JobId,
    /// Name.
    pub name: String,
    /// What kind of thing it protects.
    pub kind: JobKind,
    /// It may run.
    pub enabled: bool,
    /// The machine.
    pub agent: AgentReference,
    /// Where the data goes.
    pub vault: Reference,
    /// What is protected: absolute paths.
    pub paths: Vec<String>,
    /// How.
    pub policy: JobPolicy,
    /// When.
    pub schedule: Schedule,
    /// When it starts by itself next, its share of the spread included; absent: it does not.
    pub next_run_at: Option<Time>,
    /// Its agent starts what is due by itself while the server cannot be reached.
    pub offline_start: bool,
    /// Its agent has said that it cannot read when the job is due, so it does not.
    pub offline_start_refused: bool,
    /// Its machine is not connected, and the next run starts when it is back.
    pub starts_when_back: bool,
    /// How long its restore points are kept. It is applied after each run that succeeds, and once a day.
    pub retention: Retention,
    /// What the last application of it did that changed something or failed.
    pub retention_applied: Option<RetentionApplied>,
    /// Most bytes a second sent to the vault; absent: no limit.
    pub upload_limit_bytes_per_second: Option<u64>,
    /// How old the newest restore point may be before the job counts as unprotected; absent: no limit.
    pub max_age_seconds: Option<u64>,
    /// It has a restore point inside the limit that is not known to be damaged.
    pub protected: bool,
    /// Time of its newest restore point.
    pub latest_point_at: Option<Time>,
    /// Restore points it has.
    pub points: u64,
    /// Its newest run.
    pub last_run: Option<RunSummary>,
    /// Its run that is not over.
    pub active_run: Option<RunSummary>,
    /// Its last 28 days in the tenant's zone, oldest first.
    pub days: Vec<JobDay>,
    /// When it was made.
    pub created_at: Time,
    /// For `If-Match`.
    pub version: i64,
    /// What the caller may do with it: `run`, `update`, `delete`, `restore`.
    pub actions: Vec<Action>,
}

/// The runs of one job on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobDay {
    /// The day, `2026-11-24`.
    pub date: String,
    /// The worst result: failed, partial_success, cancelled, running, success; absent: nothing ran.
    pub worst: Option<crate::agent::RunStatus>,
    /// Number of runs.
    pub runs: u32,
    /// Times at which the schedule asked for a run and none was started.
    pub missed: u32,
    /// The run that `worst` speaks of.
    pub run_id: Option<crate::ids::RunId>,
    /// How many runs ended how, the worst first.
    pub results: Vec<DayResult>,
    /// When the first of the missed starts was due.
    pub missed_due_at: Option<Time>,
}

/// Runs of a day that ended alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayResult {
    /// How they ended, or where they are.
    pub status: crate::agent::RunStatus,
    /// How many.
    pub runs: u32,
}

/// Makes a job.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobCreate {
    /// Name, 1 to 100 characters, unique in the tenant.
    pub name: String,
    /// What kind of thing it protects.
    #[serde(default)]
    pub kind: JobKind,
    /// The machine.
    pub agent_id: AgentId,
    /// The vault; a directory vault must lie on the same machine.
    pub vault_id: VaultId,
    /// What is protected: 1 to 200 absolute paths.
    pub paths: Vec<String>,
    /// How.
    #[serde(default)]
    pub policy: JobPolicy,
    /// When.
    #[serde(default)]
    pub schedule: Schedule,
    /// How long its restore points are kept; absent: the 10 newest, 48 hourly, 7 daily, 4 weekly, 24 monthly and 3 annual.
    pub retention: Option<Retention>,
    /// Most bytes a second sent to the vault, at least 1,024; absent: no limit.
    pub upload_limit_bytes_per_second: Option<u64>,
    /// How old the newest restore point may be, at least 3,600.
    pub max_age_seconds: Option<u64>,
    /// It may run; default true.
    pub enabled: Option<bool>,
    /// Its agent starts what is due by itself while the server cannot be reached; default false. It keeps the vault's keys
    /// and password for that, sealed.
    pub offline_start: Option<bool>,
}

/// Changes a job; absent fields stay. The vault cannot change.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JobPatch {
    /// New name.
    pub name: Option<String>,
    /// It may run.
    pub enabled: Option<bool>,
    /// What is protected.
    pub paths: Option<Vec<String>>,
    /// How.
    pub policy: Option<JobPolicy>,
    /// When.
    pub schedule: Option<Schedule>,
    /// How long its restore points are kept. What it does not keep is deleted after the next run, or within a day.
    pub retention: Option<Retention>,
    /// Its agent starts what is due by itself while the server cannot be reached.
    pub offline_start: Option<bool>,
    /// Most bytes a second sent to the vault; 0 lifts the limit.
    pub upload_limit_bytes_per_second: Option<u64>,
    /// How old the newest restore point may be; 0 lifts the limit.
    pub max_age_seconds: Option<u64>,
}

/// Starts a run of a job.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunStart {}
