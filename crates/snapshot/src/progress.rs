//! Counters of a running upload, restore or verification, to be read at any time by any thread.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

const UNKNOWN: u64 = u64::MAX;

type UploadedBytes = Box<dyn Fn() -> u64 + Send + Sync>;

/// Figures of one run. They only rise; totals are unknown until they are known and then stay.
pub struct Progress {
    bytes_total: AtomicU64,
    files_total: AtomicU64,
    bytes_processed: AtomicU64,
    bytes_read: AtomicU64,
    bytes_new: AtomicU64,
    files_done: AtomicU64,
    directories_done: AtomicU64,
    cached_files: AtomicU64,
    errors: AtomicU64,
    current: Mutex<String>,
    uploaded: OnceLock<UploadedBytes>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            bytes_total: AtomicU64::new(UNKNOWN),
            files_total: AtomicU64::new(UNKNOWN),
            bytes_processed: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
            bytes_new: AtomicU64::new(0),
            files_done: AtomicU64::new(0),
            directories_done: AtomicU64::new(0),
            cached_files: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            current: Mutex::new(String::new()),
            uploaded: OnceLock::new(),
        }
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress")
            .field("bytes_total", &self.bytes_total())
            .field("bytes_processed", &self.bytes_processed())
            .field("files_done", &self.files_done())
            .finish_non_exhaustive()
    }
}

fn known(counter: &AtomicU64) -> Option<u64> {
    Some(counter.load(Ordering::Relaxed)).filter(|&value| value != UNKNOWN)
}

impl Progress {
    /// All counters at zero, totals unknown.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes to process, once they are known.
    pub fn bytes_total(&self) -> Option<u64> {
        known(&self.bytes_total)
    }

    /// Files to process, once they are known.
    pub fn files_total(&self) -> Option<u64> {
        known(&self.files_total)
    }

    /// Upload: sizes of files read or found unchanged. Restore: bytes written. Verification: bytes checked.
    pub fn bytes_processed(&self) -> u64 {
        self.bytes_processed.load(Ordering::Relaxed)
    }

    /// Upload: bytes read from files.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Upload: bytes of contents that the repository did not have, before compression.
    pub fn bytes_new(&self) -> u64 {
        self.bytes_new.load(Ordering::Relaxed)
    }

    /// Bytes that reached the store in this run.
    pub fn bytes_uploaded(&self) -> u64 {
        self.uploaded.get().map_or(0, |uploaded| uploaded())
    }

    /// Files and symbolic links finished.
    pub fn files_done(&self) -> u64 {
        self.files_done.load(Ordering::Relaxed)
    }

    /// Directories finished.
    pub fn directories_done(&self) -> u64 {
        self.directories_done.load(Ordering::Relaxed)
    }

    /// Upload: files and symbolic links taken over from an earlier snapshot.
    pub fn cached_files(&self) -> u64 {
        self.cached_files.load(Ordering::Relaxed)
    }

    /// Entries with errors.
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Path of a file or directory being worked on, empty before the first.
    pub fn current_item(&self) -> String {
        self.current.lock().clone()
    }

    pub(crate) fn set_totals(&self, bytes: u64, files: u64) {
        self.bytes_total.store(bytes, Ordering::Relaxed);
        self.files_total.store(files, Ordering::Relaxed);
    }

    pub(crate) fn set_current(&self, path: &str) {
        // A reader that holds the lock at this moment sees the next path.
        if let Some(mut current) = self.current.try_lock() {
            path.clone_into(&mut current);
        }
    }

    /// Where the number of uploaded bytes comes from; the first one set stays.
    pub(crate) fn set_uploaded(&self, uploaded: impl Fn() -> u64 + Send + Sync + 'static) {
        // A second run on the same counters keeps the first source, which counts on.
        let _ = self.uploaded.set(Box::new(uploaded));
    }

    pub(crate) fn add_processed(&self, bytes: u64) {
        self.bytes_processed.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_read(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
        self.add_processed(bytes);
    }

    pub(crate) fn add_new(&self, bytes: u64) {
        self.bytes_new.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_files(&self, files: u64) {
        self.files_done.fetch_add(files, Ordering::Relaxed);
    }

    pub(crate) fn add_directory(&self) {
        self.directories_done.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_cached(&self, files: u64, bytes: u64) {
        self.cached_files.fetch_add(files, Ordering::Relaxed);
        self.add_files(files);
        self.add_processed(bytes);
    }

    pub(crate) fn add_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_a_value_and_unknown_is_not_zero() {
        let progress = Progress::new();
        assert_eq!(
            (progress.bytes_total(), progress.bytes_processed()),
            (None, 0)
        );
        progress.set_totals(0, 0);
        assert_eq!(
            (progress.bytes_total(), progress.files_total()),
            (Some(0), Some(0))
        );
        progress.set_uploaded(|| 7);
        progress.set_uploaded(|| 8);
        assert_eq!(progress.bytes_uploaded(), 7);
    }
}
