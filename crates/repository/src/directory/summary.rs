//! Summaries of a directory and everything below it (format 2 §4.4).

use serde::{Deserialize, Serialize};

use super::{DirectoryEntry, EntryKind};
use crate::json::UnixNanos;

/// What a directory holds, itself and everything below included.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DirectorySummary {
    /// Sum of file sizes, bytes.
    #[serde(rename = "size")]
    pub total_size: i64,
    /// Number of files.
    pub files: i64,
    /// Number of symlinks.
    pub symlinks: i64,
    /// Number of directories, this one included.
    pub dirs: i64,
    /// Latest modification time of an entry.
    #[serde(rename = "maxTime")]
    pub max_time: UnixNanos,
    /// Why the directory is incomplete; empty when it is complete.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub incomplete: String,
    /// Entries that could not be stored.
    #[serde(rename = "numFailed")]
    pub failed: i64,
    /// Entries that could not be stored where the policy says to go on.
    #[serde(rename = "numIgnoredErrors", skip_serializing_if = "is_zero")]
    pub ignored_errors: i64,
    /// What failed, sorted by path; never truncated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<EntryError>,
}

fn is_zero(value: &i64) -> bool {
    *value == 0
}

/// One entry that could not be stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EntryError {
    /// Path relative to the snapshot root, with `/`.
    pub path: String,
    /// What happened, in words.
    pub error: String,
}

/// Builds the summary of one directory from its entries and failures.
#[derive(Debug, Clone, Default)]
pub struct SummaryBuilder {
    summary: DirectorySummary,
    entries: usize,
}

impl SummaryBuilder {
    /// A directory without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts an entry of the directory.
    pub fn add(&mut self, entry: &DirectoryEntry) {
        let total = &mut self.summary;
        self.entries += 1;
        total.max_time = total.max_time.max(entry.mtime);
        match (&entry.kind, &entry.summary) {
            (EntryKind::File, _) => {
                total.files = total.files.wrapping_add(1);
                total.total_size = total.total_size.wrapping_add(entry.size);
            }
            (EntryKind::Symlink, _) => total.symlinks = total.symlinks.wrapping_add(1),
            (EntryKind::Directory, Some(child)) => {
                total.total_size = total.total_size.wrapping_add(child.total_size);
                total.files = total.files.wrapping_add(child.files);
                total.symlinks = total.symlinks.wrapping_add(child.symlinks);
                total.dirs = total.dirs.wrapping_add(child.dirs);
                total.failed = total.failed.wrapping_add(child.failed);
                total.ignored_errors = total.ignored_errors.wrapping_add(child.ignored_errors);
                total.max_time = total.max_time.max(child.max_time);
                total.errors.extend_from_slice(&child.errors);
            }
            (EntryKind::Directory, None) | (EntryKind::Other(_), _) => {}
        }
    }

    /// Counts an entry that could not be stored; `ignored` when the policy says to go on.
    pub fn add_failure(&mut self, path: String, error: String, ignored: bool) {
        let counter = if ignored {
            &mut self.summary.ignored_errors
        } else {
            &mut self.summary.failed
        };
        *counter += 1;
        self.summary.errors.push(EntryError { path, error });
    }

    /// The summary. `own_mtime` is the directory's own time, which only counts when it has no entries;
    /// `incomplete` is empty for a finished directory.
    pub fn finish(mut self, own_mtime: UnixNanos, incomplete: &str) -> DirectorySummary {
        self.summary.dirs = self.summary.dirs.wrapping_add(1);
        if self.entries == 0 {
            self.summary.max_time = own_mtime;
        }
        self.summary.incomplete = incomplete.to_owned();
        self.summary
            .errors
            .sort_by(|left, right| left.path.cmp(&right.path));
        self.summary
    }
}
