//! Copying a repository blob by blob to another place. No key is needed: blobs are copied as they are.
//!
//! Order, so that what the destination holds can be read at every moment:
//!
//! 1. packs and logs, several at once;
//! 2. epoch markers, then index blobs, the newest first: a content that maintenance moved is found where it is now, never
//!    where it was, because its old pack may be gone. Snapshots that were there before stay whole; one that is new may be
//!    listed before all of it is indexed, until the run has ended;
//! 3. records of compactions, deletion watermarks, settings;
//! 4. blob configuration and format blob, last: a first copy cannot be opened before it is complete, and after each step
//!    one of the passwords of the source opens a later one (`settings`);
//! 5. only on request, what the source does not have: indexes before the packs that they name.
//!
//! Indexes are listed before packs, so what a listed index needs is among the listed packs. Blobs that maintenance of the
//! source deletes meanwhile are the sign to list anew. Session markers are not copied: nobody is at work in the copy. Nor
//! is the record of maintenance: what it says was done was done to other blobs. One that a copy has is removed.
//!
//! Packs, index blobs and records never change under their names. One that is shorter in the source than in the copy lost its
//! end there, so the copy keeps its own, and the report names it.
//!
//! What would lose or hide data is refused before anything is written (`guard`): a copy that was maintained by itself, a
//! source that lists nothing, and deletions that are many.

mod guard;
mod plan;
mod run;
mod settings;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use holdfast_host::{Cancel, Clock};
use serde::Serialize;

use crate::format::RetentionSetting;

pub use run::sync;

/// How to copy.
#[derive(Debug, Clone)]
pub struct SyncOptions {
    /// Delete blobs of the destination that the source does not have.
    pub delete: bool,
    /// Change nothing; only say what would be done.
    pub dry_run: bool,
    /// Delete also when that is a large part of the destination, or what is in no repository but the copy.
    pub confirmed: bool,
    /// Fail when the destination holds no copy yet.
    pub must_exist: bool,
    /// Lock the blobs of the copy for so long from now on, those that it has already included. Without it nothing is
    /// locked, whatever the source demands of its own blobs: that stands in blobs that need the password.
    pub lock: Option<RetentionSetting>,
    /// Source of the times at which locks end.
    pub clock: Arc<dyn Clock>,
    /// Packs that are copied at once.
    pub parallelism: NonZeroUsize,
    /// Counters to watch.
    pub progress: Arc<SyncProgress>,
    /// Stops the copy between two blobs.
    pub cancel: Cancel,
}

/// Counters of a copy under way.
#[derive(Debug, Default)]
pub struct SyncProgress {
    total: AtomicU64,
    done: AtomicU64,
    blobs: AtomicU64,
}

impl SyncProgress {
    /// Bytes that have to be copied, as far as is known.
    pub fn bytes_total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Bytes that are copied.
    pub fn bytes_done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Blobs that are copied.
    pub fn blobs_done(&self) -> u64 {
        self.blobs.load(Ordering::Relaxed)
    }

    fn add_total(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    fn add_done(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        self.blobs.fetch_add(1, Ordering::Relaxed);
    }
}

/// A number of blobs and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct BlobTally {
    /// How many.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl BlobTally {
    fn add(&mut self, bytes: u64) {
        self.blobs += 1;
        self.bytes += bytes;
    }

    fn take(&mut self, bytes: u64) {
        self.blobs -= 1;
        self.bytes -= bytes;
    }
}

/// What was done, or would be done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SyncReport {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Blobs of the source, without session markers.
    pub source: BlobTally,
    /// Blobs that the destination had already.
    pub same: BlobTally,
    /// Blobs that it had not.
    pub copied: BlobTally,
    /// Blobs that it had cut off or, settings, with other content.
    pub replaced: BlobTally,
    /// Blobs that never change and are shorter in the source than in the destination, with their bytes in the source. They are
    /// damaged there; the destination keeps its own.
    pub cut: BlobTally,
    /// Their names, all of them.
    pub cut_names: Vec<String>,
    /// Blobs that the source does not have and that were deleted.
    pub deleted: BlobTally,
    /// Blobs that the source does not have and that stay.
    pub extra: BlobTally,
    /// Those of them that were to be deleted and stay because of their locks.
    pub locked: BlobTally,
    /// Names of the first blobs that were deleted, or would be.
    pub examples: Vec<String>,
    /// Whether a deletion needs [`SyncOptions::confirmed`], in words why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_confirmation: Option<String>,
    /// Whether the blobs of the source are locked and those of the copy are not.
    pub unlocked_copy: bool,
}
