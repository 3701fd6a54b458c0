//! Restore points: what one run stored; a catalogue, never the truth.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::common::{Action, Reference};
use crate::{
    Time,
    ids::{JobId, PointId, RunId, SnapshotId},
};

/// Whether a point is still in its vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PointState {
    /// It is there.
    Present,
    /// It is no longer there.
    Gone,
    /// Some of its data is damaged.
    Damaged,
}

/// A restore point: the snapshots of one run, one a source path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Point {
    /// Identity.
    pub id: PointId,
    /// When its data was read.
    pub time: Time,
    /// Whether it is still there.
    pub state: PointState,
    /// The job that made it; absent when the vault's own listing brought it.
    pub job: Option<Reference>,
    /// The vault.
    pub vault: Reference,
    /// The machine it came from, as `user@host`.
    pub source: String,
    /// The run that made it.
    pub run_id: Option<RunId>,
    /// Files in it.
    pub files: u64,
    /// Bytes of its files.
    pub total_bytes: u64,
    /// Bytes that its run sent; absent when unknown.
    pub bytes_uploaded: Option<u64>,
    /// Items that are missing in it.
    pub problem_count: u64,
    /// Whether something pins it, so that it is never deleted.
    pub pinned: bool,
    /// Why it is pinned, in the words of whoever did it.
    pub pin_note: Option<String>,
    /// One entry a source path.
    pub snapshots: Vec<PointSnapshot>,
    /// What the caller may do with it: `browse`, `restore`, `pin`, `unpin`, `delete`.
    pub actions: Vec<Action>,
}

/// One source path in a restore point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PointSnapshot {
    /// Identity.
    pub id: SnapshotId,
    /// The source path.
    pub path: String,
    /// Files in it.
    pub files: u64,
    /// Folders in it.
    pub dirs: u64,
    /// Bytes of its files.
    pub total_bytes: u64,
}

/// Lists a folder in a restore point.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContentRequest {
    /// Which source path; absent: the first.
    pub snapshot_id: Option<SnapshotId>,
    /// The folder inside it, with `/` between names; empty: its top.
    pub path: String,
    /// Continues an earlier listing.
    pub cursor: Option<String>,
    /// Entries a page, 1 to 1,000; default 1,000.
    pub limit: Option<u32>,
    /// How long the answer may wait for the agent, 0 to 25 seconds; default 25.
    pub wait_seconds: Option<u64>,
}

/// All restore points of a job, of a vault or of the tenant as marks in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Timeline {
    /// The points, newest first.
    pub points: Vec<PointMark>,
    /// Whether there are older ones that are left out.
    pub truncated: bool,
}

/// What a line of thousands of restore points shows of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PointMark {
    /// Identity.
    pub id: PointId,
    /// When its data was read.
    pub time: Time,
    /// Whether it is still there.
    pub state: PointState,
    /// The job that made it; absent when the vault's own listing brought it.
    pub job_id: Option<JobId>,
    /// Files in it.
    pub files: u64,
    /// Bytes of its files.
    pub total_bytes: u64,
    /// Bytes that its run sent; absent when unknown.
    pub bytes_uploaded: Option<u64>,
    /// Items that are missing in it.
    pub problem_count: u64,
    /// Whether something pins it.
    pub pinned: bool,
    /// Why it is pinned, in the words of whoever did it.
    pub pin_note: Option<String>,
}

/// Asks in which restore points of the same source a path is.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PathSearch {
    /// Which source path; absent: the first.
    pub snapshot_id: Option<SnapshotId>,
    /// The path inside it, with `/` between names.
    pub path: String,
    /// How long the answer may wait for the agent, 0 to 25 seconds; default 25.
    pub wait_seconds: Option<u64>,
}

/// Pins a restore point.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PinRequest {
    /// Why, at most 100 characters; it is kept in the vault.
    pub note: Option<String>,
    /// How long the answer may wait for the agent, 0 to 25 seconds; default 25.
    pub wait_seconds: Option<u64>,
}

/// Asks an agent something about a restore point.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PointRequest {
    /// How long the answer may wait for the agent, 0 to 25 seconds; default 25.
    pub wait_seconds: Option<u64>,
}

/// Whether a restore point is pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PinState {
    /// Whether something pins it.
    pub pinned: bool,
    /// Why, in the words of whoever did it.
    pub note: Option<String>,
}
