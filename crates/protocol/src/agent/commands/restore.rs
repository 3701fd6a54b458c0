//! `restore` and `cancel`.

use serde::{Deserialize, Serialize};

use crate::agent::ids::{Attempt, RunId};

fn first_attempt() -> Attempt {
    Attempt(1)
}

/// Restore files of a snapshot to a folder of the agent's host; progress is reported on `restore_run_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// Id of the snapshot's manifest; an empty one is answered by `snapshot_not_found`.
    #[serde(default)]
    pub manifest_id: String,
    /// Absolute path of the folder to restore into; created when missing.
    pub target_path: String,
    /// The run that shows the progress.
    pub restore_run_id: RunId,
    /// Attempt of that run.
    #[serde(default = "first_attempt")]
    pub attempt: Attempt,
    /// What to restore; empty for the whole of `manifest_id`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<RestoreItem>,
    /// What to do with files that exist in the target.
    #[serde(default)]
    pub overwrite: Overwrite,
    /// How many files are written at once; absent or 0 for the agent's own choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Download limit in units of 1,000 bytes per second; absent or 0 for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_limit_kbps: Option<u64>,
}

/// One part of a restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreItem {
    /// Id of the snapshot's manifest; absent for the command's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_id: Option<String>,
    /// Path below the snapshot's root, `/` between names; empty for all of it.
    #[serde(default)]
    pub path: String,
    /// Folder below the target that receives it; empty for the target itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub into: String,
}

/// What to do with files that exist in the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overwrite {
    /// Replace them.
    Always,
    /// Keep them.
    Never,
    /// Replace those whose size or time differs.
    #[default]
    Different,
}

/// What a restore did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreResult {
    /// Files restored.
    pub files: u64,
    /// Folders.
    pub dirs: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Files kept as they were.
    pub skipped: u64,
    /// Items that failed.
    pub errors: u64,
}

/// Cancel a run that the agent executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRun {
    /// The run.
    pub run_id: RunId,
}
