//! What a run found, and how much was read when.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ContentId;

/// A blob that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DamagedBlob {
    /// Its name.
    pub blob: String,
    /// What is wrong with it.
    pub reason: String,
    /// When that was found first.
    pub found: Timestamp,
}

/// Blobs by the time since they were last read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Age {
    /// At most so many days, and more than in the group before; nothing in the last group.
    pub up_to_days: Option<u32>,
    /// How many.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// How much of a repository was read back and checked, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// Every blob is to be read again within so many days.
    pub window_days: u32,
    /// Blobs of the repository.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that were read within the window.
    pub read_blobs: u64,
    /// Their bytes.
    pub read_bytes: u64,
    /// Those that were not read since they were stored.
    pub never_read_blobs: u64,
    /// Their bytes.
    pub never_read_bytes: u64,
    /// Those that were neither read nor stored within the window.
    pub overdue_blobs: u64,
    /// Their bytes.
    pub overdue_bytes: u64,
    /// When the blob was read, or else stored, that waits longest; nothing in a repository without blobs.
    pub oldest: Option<Timestamp>,
    /// When a run last came to its end, by when it began.
    pub last_run: Option<Timestamp>,
    /// Those that were read, by how long ago.
    pub ages: Vec<Age>,
    /// What was damaged or missing when it was last looked at.
    pub damaged: Vec<DamagedBlob>,
}

/// What a run read and found.
#[derive(Debug, Clone)]
pub struct CoverageRun {
    /// Blobs that were read.
    pub read_blobs: u64,
    /// Their bytes.
    pub read_bytes: u64,
    /// What is damaged or missing, by this run.
    pub damaged: Vec<DamagedBlob>,
    /// Contents that cannot be read any more, and why.
    pub lost_contents: HashMap<ContentId, String>,
    /// How much was read when, after this run.
    pub coverage: Coverage,
}
