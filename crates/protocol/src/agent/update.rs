//! Reports about a run (`POST runs/{id}/update`, `POST runs/{id}/events`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ids::{Attempt, RunId};

/// Time between two progress updates of a run, in seconds.
pub const PROGRESS_SECONDS: u64 = 2;

/// Most events in one request.
pub const MOST_EVENTS: usize = 200;

/// Most problems that one run reports one by one; the rest is counted.
pub const MOST_PROBLEMS: usize = 1000;

/// Status of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Waits for its agent.
    Queued,
    /// Claimed, nothing reported yet.
    Starting,
    /// Being executed.
    Running,
    /// Ended well.
    Success,
    /// Ended, some items failed.
    PartialSuccess,
    /// Ended without a usable result.
    Failed,
    /// Ended on request.
    Cancelled,
}

impl RunStatus {
    /// Whether nothing can follow.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Success | Self::PartialSuccess | Self::Failed | Self::Cancelled
        )
    }

    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Success => "success",
            Self::PartialSuccess => "partial_success",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The state of a run as its agent sees it. An absent field means "unchanged"; a byte count of zero is sent as zero.
///
/// Each update is the whole present state, so that a lost one needs no repetition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunUpdate {
    /// The run.
    pub run_id: RunId,
    /// The claim that it belongs to.
    pub attempt: Attempt,
    /// Rises by one or more with each update of an attempt; an older one changes nothing.
    pub seq: u64,
    /// New status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    /// Percent done, 0 to 100; absent while the total is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_pct: Option<f64>,
    /// Backup: bytes that reached the storage. Restore: bytes written to the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_transferred: Option<u64>,
    /// Bytes read from the source, or known to be unchanged. Not sent by restores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_processed: Option<u64>,
    /// Bytes to process; constant once the scan is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_total: Option<u64>,
    /// Files done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects_transferred: Option<u64>,
    /// Files to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects_total: Option<u64>,
    /// Bytes handled per second since the work began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_bytes_per_sec: Option<u64>,
    /// Rest of time in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
    /// What is being worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_item: Option<String>,
    /// Code of the failure ([`super::failures`]), with a failed status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Sentence about the failure in English, without engine names and secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_summary: Option<String>,
    /// Full log of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_ref: Option<String>,
    /// Result figures, with a terminal status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats_json: Option<RunStatistics>,
    /// Phases of the run so far, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageReport>,
    /// Items that failed, with a terminal status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<ItemProblem>,
    /// How many items failed, more than `problems` lists when there are many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem_count: Option<u64>,
    /// Snapshots that the run wrote, one for each source path, with a terminal status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<PointReport>,
}

impl RunUpdate {
    /// An update that says nothing but who it is from: a heartbeat.
    pub fn heartbeat(run_id: RunId, attempt: Attempt, seq: u64) -> Self {
        Self {
            run_id,
            attempt,
            seq,
            status: None,
            progress_pct: None,
            bytes_transferred: None,
            bytes_processed: None,
            bytes_total: None,
            objects_transferred: None,
            objects_total: None,
            speed_bytes_per_sec: None,
            eta_seconds: None,
            current_item: None,
            error_code: None,
            error_summary: None,
            log_ref: None,
            stats_json: None,
            stages: Vec::new(),
            problems: Vec::new(),
            problem_count: None,
            points: Vec::new(),
        }
    }
}

/// Answer to an update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateAnswer {
    /// Whether somebody asked to cancel the run; saves a poll.
    #[serde(default)]
    pub cancel_requested: bool,
}

/// One phase of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StageReport {
    /// Name, such as `storage_init`; texts are in [`super::events`].
    pub name: String,
    /// When it began, by the agent's clock.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// One item that could not be handled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ItemProblem {
    /// Cause, one of [`super::problems`].
    pub code: String,
    /// Path of the item.
    pub path: String,
    /// What the system said, in English.
    #[serde(default)]
    pub message: String,
    /// Size of the item in bytes, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// Figures of a finished run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunStatistics {
    /// Manifest id of the first snapshot, when one was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_id: Option<String>,
    /// Files in the snapshots, or restored.
    pub files: u64,
    /// Folders.
    pub dirs: u64,
    /// Files taken over from the previous snapshot without reading them.
    pub cached_files: u64,
    /// Items that failed.
    pub errors: u64,
    /// Bytes of all files.
    pub bytes_total: u64,
    /// Bytes read from the source.
    pub bytes_read: u64,
    /// Bytes of new contents before compression.
    pub bytes_new: u64,
    /// Bytes that reached the storage, or were written to the target.
    pub bytes_uploaded: u64,
    /// Wall time in seconds.
    pub seconds: f64,
}

/// One snapshot that a run wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointReport {
    /// Source path.
    pub source_path: String,
    /// User and host half of the source, as stored.
    pub source_user: String,
    /// Host half of the source, as stored.
    pub source_host: String,
    /// Id of the manifest.
    pub manifest_id: String,
    /// Object id of the root.
    pub root_object: String,
    /// Start time in the manifest.
    pub start_time: Timestamp,
    /// End time in the manifest.
    pub end_time: Timestamp,
    /// Files below the root.
    pub files: u64,
    /// Folders below the root.
    pub dirs: u64,
    /// Bytes of the files below the root.
    pub bytes: u64,
    /// Items that failed.
    pub errors: u64,
}

/// Events of a run in the order in which they happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PushEvents {
    /// The run.
    pub run_id: RunId,
    /// The claim that they belong to.
    pub attempt: Attempt,
    /// At most [`MOST_EVENTS`].
    pub events: Vec<RunEvent>,
}

/// One event of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    /// Number inside the attempt, from 1; a repeated one is dropped by the server.
    pub seq: u64,
    /// When it happened, by the agent's clock.
    pub time: Timestamp,
    /// Type: `info`, `stage`, `progress`, `cancelled`, `warning`, `error`, `summary`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Level: `info`, `warn`, `error`.
    pub level: String,
    /// Id in [`super::events`].
    pub message_id: String,
    /// Parameters of the message.
    #[serde(default)]
    pub params_json: Map<String, Value>,
}
