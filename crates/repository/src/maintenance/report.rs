//! What a run did, or would do.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Mode, Safety, Task, TaskStatistics};

/// What a run of maintenance did; of a dry run, what it would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    /// Quick or full.
    pub mode: Mode,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Which margins were kept.
    pub safety: Safety,
    /// When it began, by the clock of the storage; of a dry run, by the local clock.
    pub start: Timestamp,
    /// The tasks in their order.
    pub tasks: Vec<TaskReport>,
    /// Packs and session markers that were deleted; of a dry run, that would be.
    pub freed_blobs: u64,
    /// Their bytes.
    pub freed_bytes: u64,
    /// What later runs free at the earliest, if nothing changes meanwhile.
    pub later: Vec<Freed>,
    /// Contents that could not be moved because they are damaged.
    pub problems: Vec<String>,
}

/// Blobs that a later run frees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Freed {
    /// The first full run that can free them.
    pub from: Timestamp,
    /// What it waits for.
    pub reason: FreedReason,
    /// How many.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Why something is not free yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FreedReason {
    /// All its contents are deleted; two collections must have seen that.
    Deleted,
    /// What is kept of it was moved; readers may still look for it there.
    Moved,
    /// Nothing refers to it, but it is young: somebody may be about to.
    Young,
    /// Nothing refers to it, but its session may still be at work.
    Session,
    /// It is not needed, and waits for its lock.
    Locked,
}

impl Freed {
    /// Adds a blob to those of the same time and reason.
    pub(super) fn add(list: &mut Vec<Self>, from: Timestamp, reason: FreedReason, bytes: u64) {
        let same = |freed: &&mut Self| freed.from == from && freed.reason == reason;
        match list.iter_mut().find(same) {
            Some(freed) => {
                freed.blobs += 1;
                freed.bytes += bytes;
            }
            None => list.push(Self {
                from,
                reason,
                blobs: 1,
                bytes,
            }),
        }
    }
}

/// What one task did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskReport {
    /// Which task.
    pub task: Task,
    /// Why it was not its time yet; absent when it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Its figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics: Option<TaskStatistics>,
}

/// Figures of a task, with the kind and the names of the reference implementation.
pub(super) fn statistics(kind: &str, data: Value) -> TaskStatistics {
    TaskStatistics {
        kind: kind.to_owned(),
        data: data.into(),
    }
}

/// Figures of a task that found nothing to do.
pub(super) fn nothing(kind: &str) -> TaskStatistics {
    statistics(kind, json!({}))
}
