//! `list_points`, `list_content`, `find_path`, `pin`, `preview_deletion` and `delete_points`: the snapshots of
//! a vault.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Most points of one page.
pub const LARGEST_POINT_PAGE: u32 = 5000;

/// Most entries of one page of a snapshot's folder.
pub const LARGEST_CONTENT_PAGE: u32 = 1000;

/// List the snapshots of a vault, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPoints {
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Points wanted, at most [`LARGEST_POINT_PAGE`], which is also the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// What the server notes on a later page for itself; of no meaning to the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub so_far: Option<ListedSoFar>,
}

/// What the pages before brought of a listing in several pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedSoFar {
    /// When the first page was asked for, in milliseconds since 1970.
    pub asked_at: i64,
    /// Pages.
    pub pages: u32,
    /// Points that are in the repository.
    pub present: u64,
    /// Points that were not known before.
    pub added: u64,
}

/// A page of snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointListing {
    /// The snapshots.
    pub points: Vec<ListedPoint>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One snapshot as its manifest describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedPoint {
    /// Id of the manifest at present; a pin or a changed description replaces it.
    pub manifest_id: String,
    /// User half of the source.
    pub source_user: String,
    /// Host half of the source.
    pub source_host: String,
    /// Path half of the source.
    pub source_path: String,
    /// Start time.
    pub start_time: Timestamp,
    /// End time.
    pub end_time: Timestamp,
    /// Object id of the root.
    pub root_object: String,
    /// Files below the root.
    pub files: u64,
    /// Folders below the root.
    pub dirs: u64,
    /// Bytes of the files below the root.
    pub bytes: u64,
    /// Items that failed.
    pub errors: u64,
    /// Why the snapshot is not complete; such a one is a checkpoint, not a restore point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// Description.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Pins, which keep it from being deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<String>,
    /// The job that made it, when it was one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_uuid: Option<Uuid>,
    /// The run that made it, when it was one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_uuid: Option<Uuid>,
}

/// List a folder of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListContent {
    /// Id of the snapshot's manifest.
    pub manifest_id: String,
    /// Path below the root, `/` between names; empty for the root.
    #[serde(default)]
    pub path: String,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Entries wanted, at most [`LARGEST_CONTENT_PAGE`], which is also the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page of a folder of a snapshot, in stored order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ContentListing {
    /// The path that was asked for.
    pub path: String,
    /// The entries.
    pub entries: Vec<ContentEntry>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One entry of a folder of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ContentEntry {
    /// Name as stored.
    pub name: String,
    /// Kind.
    pub kind: EntryKind,
    /// Size in bytes: of a file its own, of a folder that of all files below.
    pub size: u64,
    /// Time of the last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// Permission bits, in octal as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Object id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub object_id: String,
    /// Files below, for folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
}

/// Kinds of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, a pipe, a socket.
    Special,
}

/// Most restore points in each direction that are looked at for a path.
pub const MOST_POINTS_FOR_PATH: usize = 1000;

/// Say in which of some snapshots a path is, nearest to a moment first: one after it, one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindPath {
    /// Path below the root, `/` between names.
    pub path: String,
    /// Later snapshots, the earliest of them first.
    #[serde(default)]
    pub later: Vec<NamedSnapshot>,
    /// Earlier snapshots, the latest of them first.
    #[serde(default)]
    pub earlier: Vec<NamedSnapshot>,
}

/// A snapshot of a restore point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedSnapshot {
    /// The server's name for the point.
    pub point: Uuid,
    /// Id of the snapshot's manifest.
    pub manifest_id: String,
}

/// Where a path is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PathFound {
    /// The nearest later restore point that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later: Option<Uuid>,
    /// The nearest earlier restore point that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Uuid>,
}

/// Pin a restore point, or take all its pins away. A pinned one is never deleted, by whatever program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The server's name for the point.
    pub point: Uuid,
    /// Its snapshots as the server's catalogue has them.
    pub snapshots: Vec<CondemnedSnapshot>,
    /// The name of the pin that is added; absent: all pins go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
}

/// What a pin changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinResult {
    /// The pins that the point has now.
    pub pins: Vec<String>,
    /// Its manifests, in the order of the snapshots that were named: a pin makes new ones.
    pub manifests: Vec<String>,
}

/// What deleting restore points would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeletionPreview {
    /// What would become of each.
    pub would: DeletePointsResult,
    /// At most so many bytes of storage are freed: what the points before and after them do not need. Absent where the
    /// points are too large to find out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most_bytes: Option<u64>,
    /// For so many seconds from its last extension each object is locked; absent without a lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_seconds: Option<u64>,
}

/// Delete restore points that the server chose. The agent looks again before it does: a point of which anything is pinned,
/// was not made by the job, or is not what the server takes it for stays as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletePoints {
    /// The job whose tag the snapshots must carry; absent: any, also snapshots of other programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_uuid: Option<Uuid>,
    /// The points.
    pub points: Vec<CondemnedPoint>,
}

/// A restore point that is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CondemnedPoint {
    /// The server's name for it.
    pub point: Uuid,
    /// Its snapshots, one a source path.
    pub snapshots: Vec<CondemnedSnapshot>,
}

/// A snapshot as the server's catalogue has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CondemnedSnapshot {
    /// Id of its manifest when the catalogue was written; a pin or a changed description replaces it.
    pub manifest_id: String,
    /// User half of the source.
    pub source_user: String,
    /// Host half of the source.
    pub source_host: String,
    /// Path half of the source.
    pub source_path: String,
    /// Start time; compared in milliseconds.
    pub start_time: Timestamp,
    /// Object id of the root.
    pub root_object: String,
}

/// What was deleted. Space is freed by the vault's maintenance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeletePointsResult {
    /// Points that were deleted now.
    pub deleted: Vec<Uuid>,
    /// Points that were not there any more.
    pub missing: Vec<Uuid>,
    /// Points that stay.
    pub refused: Vec<RefusedPoint>,
}

/// A point that was not deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RefusedPoint {
    /// The server's name for it.
    pub point: Uuid,
    /// Why.
    pub reason: RefusalReason,
}

/// Why a point stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// Something of it is pinned.
    Pinned,
    /// The manifest of that id is of another snapshot.
    Changed,
    /// It does not carry the job's tag.
    Foreign,
    /// Repair has set lists of snapshots aside; nothing is deleted until they are back.
    SetAside,
    /// A reason of a newer agent.
    #[serde(other)]
    Other,
}
