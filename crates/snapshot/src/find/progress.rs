//! How far a search has come, to be read at any time by any thread.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one search.
#[derive(Debug, Default)]
pub struct FindProgress {
    points: AtomicU64,
    points_done: AtomicU64,
    folders: AtomicU64,
}

impl FindProgress {
    /// Snapshots to search; 0 as long as that is not known.
    pub fn points(&self) -> u64 {
        self.points.load(Ordering::Relaxed)
    }

    /// Snapshots of which all is told.
    pub fn points_done(&self) -> u64 {
        self.points_done.load(Ordering::Relaxed)
    }

    /// Folders read from the repository so far.
    pub fn folders(&self) -> u64 {
        self.folders.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self, points: u64) {
        self.points.store(points, Ordering::Relaxed);
    }

    pub(super) fn add_points(&self, points: u64) {
        self.points_done.fetch_add(points, Ordering::Relaxed);
    }

    pub(super) fn add_folder(&self) {
        self.folders.fetch_add(1, Ordering::Relaxed);
    }
}
