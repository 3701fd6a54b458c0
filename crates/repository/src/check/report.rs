//! What a check is told and what it tells.

use holdfast_host::Cancel;
use serde::Serialize;

use crate::Result;
use crate::repository::Repository;

/// What is checked, and how it is watched.
#[derive(Default, Clone)]
pub struct CheckOptions<'p> {
    /// Also the layout rules of the format.
    pub strict: bool,
    /// Also every content's data.
    pub read_data: bool,
    /// Stops the check.
    pub cancel: Cancel,
    /// Called from time to time, on the thread of the check.
    pub progress: Option<&'p dyn Fn(Progress)>,
}

impl std::fmt::Debug for CheckOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            strict, read_data, ..
        } = self;
        f.debug_struct("CheckOptions")
            .field("strict", strict)
            .field("read_data", read_data)
            .finish_non_exhaustive()
    }
}

impl CheckOptions<'_> {
    /// Fails when the check was cancelled.
    pub(super) fn go_on(&self, repository: &Repository) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(holdfast_storage::Error::cancelled("check", repository.location()).into());
        }
        Ok(())
    }
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being checked.
    pub stage: CheckStage,
    /// How many of them were checked.
    pub done: u64,
    /// How many there are, 0 when that is not known.
    pub total: u64,
}

/// Parts of a check in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckStage {
    /// Index blobs.
    Indexes,
    /// Entries of the index.
    Contents,
    /// Packs.
    Packs,
    /// Snapshots and their trees.
    Snapshots,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckProblem {
    /// The blob, content, manifest or path that it is about.
    pub subject: String,
    /// What is wrong with it.
    pub reason: String,
}

impl std::fmt::Display for CheckProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.subject, self.reason)
    }
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct CheckCounts {
    /// Blobs in the store.
    pub blobs: u64,
    /// Index blobs that count.
    pub index_blobs: u64,
    /// Session markers; those of sessions that were killed stay for some days.
    pub session_markers: u64,
    /// Contents that are not deleted.
    pub contents: u64,
    /// Deleted contents that can still be read.
    pub deleted_contents: u64,
    /// Packs in the store.
    pub packs: u64,
    /// Packs that no entry of the index points into; left by killed sessions, removed by maintenance.
    pub unreferenced_packs: u64,
    /// Packs that cannot be opened and hold nothing that is needed; removed by maintenance.
    pub useless_packs: u64,
    /// Contents whose data was read.
    pub contents_read: u64,
    /// Manifests.
    pub manifests: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Distinct directories.
    pub directories: u64,
    /// Distinct files and symlinks.
    pub files: u64,
}

/// The outcome of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CheckReport {
    /// What was looked at.
    pub counts: CheckCounts,
    /// What is wrong, in the order it was found.
    pub problems: Vec<CheckProblem>,
}

impl CheckReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}
