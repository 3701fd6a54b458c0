//! What all workers of one upload share.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use holdfast_files::{Excluded, Metadata};
use holdfast_host::Cancel;
use holdfast_repository::directory::{DirectoryEntry, DirectorySummary};
use holdfast_repository::manifest::Manifest;
use holdfast_repository::object::ObjectId;
use holdfast_repository::policy::PolicyTree;
use holdfast_repository::snapshot::{SnapshotManifest, SnapshotStats};
use holdfast_repository::splitter::SplitterKind;
use holdfast_repository::{
    Compression, CompressionAlgorithm, Hasher, Repository, Result, Session, Splitter,
};
use parking_lot::Mutex;

use super::actions::FolderActions;
use super::checkpoint::Checkpoints;
use super::extended::Held;
use super::node::Node;
use super::queue::Queue;
use crate::error::Error;
use crate::problem::{Problem, ProblemCode, Severity};
use crate::progress::Progress;

/// Files up to this many bytes are read whole into a batch; larger ones are cut while they are read.
const SMALL_FILE_LIMIT: usize = 512 * 1024;
/// Lanes a worker has at most: what vector units hash side by side. A number between this and its double leaves lanes of
/// every second step empty, and the double takes twice the memory for nothing that was measured.
const MOST_LANES: usize = 4;
/// New data is published each time that this much of it is stored, so that little is sent again after a crash.
const PUBLISH_LEAST: u64 = 64 << 20;
/// The same as a share of the estimated total.
const PUBLISH_SHARE: u64 = 50;

/// How the upload is to be done.
pub(super) struct Settings {
    pub(super) workers: usize,
    /// Memory for the chunks of large files, in bytes.
    pub(super) memory_budget: u64,
    pub(super) fail_fast: bool,
    /// Objects that are not taken over, because contents of them are gone.
    pub(super) lost: HashSet<ObjectId>,
    /// Device of the root.
    pub(super) root_device: u64,
    /// Source and start of the snapshot, for checkpoints.
    pub(super) checkpoint: SnapshotManifest,
}

/// One source on its way into the repository.
pub(super) struct Upload<'a> {
    repository: Arc<Repository>,
    session: &'a Session,
    policies: PolicyTree,
    settings: Settings,
    splitter: Splitter,
    queue: Arc<Queue>,
    progress: Arc<Progress>,
    cancel: Cancel,
    /// Set when the upload ends without a root.
    stopped: AtomicBool,
    failure: Mutex<Option<Error>>,
    root: Mutex<Root>,
    problems: Mutex<Vec<Problem>>,
    counters: Counters,
    publishing: Mutex<()>,
    actions: FolderActions,
    checkpoints: Checkpoints,
    held: Mutex<Held>,
}

/// The root entry in the making.
struct Root {
    entry: DirectoryEntry,
    is_file: bool,
    path: String,
}

/// What a directory takes over from earlier snapshots.
#[derive(Clone, Copy, Default)]
pub(super) struct Cached {
    pub(super) entries: u64,
    pub(super) file_bytes: u64,
    pub(super) symlink_bytes: u64,
}

/// Counters of the manifest.
#[derive(Default)]
struct Counters {
    total_size: AtomicU64,
    files: AtomicU64,
    cached_files: AtomicU64,
    directories: AtomicU64,
    excluded_files: AtomicU64,
    excluded_bytes: AtomicU64,
    excluded_directories: AtomicU64,
    errors: AtomicU64,
    ignored_errors: AtomicU64,
}

fn add(counter: &AtomicU64, value: u64) {
    counter.fetch_add(value, Ordering::Relaxed);
}

/// The compression of this policy name; unknown ones, and those that cannot be written, store data as it is.
pub(super) fn compression_by_name(name: &str) -> Compression {
    CompressionAlgorithm::by_name(name).filter(|algorithm| algorithm.is_writable())
}

impl<'a> Upload<'a> {
    /// An upload of the tree with this root entry, at a path for messages.
    pub(super) fn new(
        repository: &Arc<Repository>,
        session: &'a Session,
        policies: PolicyTree,
        settings: Settings,
        root: (DirectoryEntry, String),
        (progress, cancel): (Arc<Progress>, Cancel),
    ) -> Result<Self> {
        let (entry, path) = root;
        let is_file = !entry.is_directory();
        Ok(Self {
            splitter: repository.splitter("")?,
            repository: Arc::clone(repository),
            session,
            policies,
            checkpoints: Checkpoints::new(repository.clock(), settings.checkpoint.clone()),
            settings,
            queue: Arc::default(),
            progress,
            cancel,
            stopped: AtomicBool::new(false),
            failure: Mutex::new(None),
            root: Mutex::new(Root {
                entry,
                is_file,
                path,
            }),
            problems: Mutex::default(),
            counters: Counters::default(),
            publishing: Mutex::new(()),
            actions: FolderActions::default(),
            held: Mutex::default(),
        })
    }

    /// The same with programs around single folders.
    pub(super) fn with_actions(self, actions: FolderActions) -> Self {
        Self { actions, ..self }
    }

    /// Programs around single folders.
    pub(super) fn actions(&self) -> &FolderActions {
        &self.actions
    }

    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    pub(super) fn session(&self) -> &Session {
        self.session
    }

    pub(super) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Device of the root.
    pub(super) fn root_device(&self) -> u64 {
        self.settings.root_device
    }

    /// Notes an object that only extended metadata refers to.
    pub(super) fn hold(&self, object: ObjectId, length: Option<u64>) {
        let mut held = self.held.lock();
        let known = held.entry(object).or_default();
        *known = known.or(length);
    }

    /// What was noted so far.
    pub(super) fn held(&self) -> Held {
        self.held.lock().clone()
    }

    pub(super) fn checkpoints(&self) -> &Checkpoints {
        &self.checkpoints
    }

    /// How many workers there are.
    pub(super) fn workers(&self) -> usize {
        self.settings.workers
    }

    pub(super) fn hasher(&self) -> &Hasher {
        self.repository.hasher()
    }

    pub(super) fn policies(&self) -> &PolicyTree {
        &self.policies
    }

    pub(super) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The splitter of a policy; the repository's when the policy names none or an unknown one.
    pub(super) fn splitter(&self, name: &str) -> Result<Splitter> {
        if name.is_empty() || SplitterKind::by_name(name).is_none() {
            return Ok(self.splitter.clone());
        }
        self.repository.splitter(name)
    }

    /// The splitter of directories and indexes.
    pub(super) fn metadata_splitter(&self) -> Splitter {
        self.splitter.clone()
    }

    /// Streams shorter than this are one chunk.
    pub(super) fn single_chunk_limit(&self) -> usize {
        self.splitter.min_length()
    }

    /// Files up to this size are one chunk and read whole.
    pub(super) fn small_file_limit(&self) -> usize {
        // A policy may cut finer than the repository; 128 KiB is the finest cut of the format.
        let finest =
            if self.policies.is_flat() && self.policies.root().splitter.algorithm.is_empty() {
                self.splitter.min_length()
            } else {
                FINEST_CUT
            };
        SMALL_FILE_LIMIT.min(finest - 1)
    }

    /// The largest chunk of any policy's splitter, in bytes.
    pub(super) fn largest_chunk(&self) -> usize {
        if self.policies.is_flat() && self.policies.root().splitter.algorithm.is_empty() {
            self.splitter.max_length()
        } else {
            COARSEST_CUT.max(self.splitter.max_length())
        }
    }

    /// How many chunks each worker has in flight.
    pub(super) fn lanes(&self) -> usize {
        let chunk = (self.largest_chunk() + super::stream::READ_STEP) as u64;
        let fitting = self.settings.memory_budget / chunk / self.settings.workers.max(1) as u64;
        usize::try_from(fitting)
            .unwrap_or(MOST_LANES)
            .clamp(1, MOST_LANES)
    }

    /// Compression of the directory at a path.
    pub(super) fn metadata_compression_at(&self, path: &str) -> Compression {
        compression_by_name(
            &self
                .policies
                .policy(path)
                .metadata_compression
                .compressor_name,
        )
    }

    /// Whether an object of an earlier snapshot may be referred to again. One whose content is marked as deleted, or is
    /// not there, is written anew: else every later snapshot would inherit what is missing.
    pub(super) fn is_stored(&self, object: &ObjectId) -> bool {
        !self.settings.lost.contains(object)
            && self.repository.is_live(&object.content()).unwrap_or(false)
    }

    /// Whether nothing is to be read any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) || self.cancel.is_cancelled()
    }

    /// Ends the upload without a snapshot. The first error counts.
    pub(super) fn stop(&self, error: Error) {
        self.failure.lock().get_or_insert(error);
        self.stopped.store(true, Ordering::Relaxed);
        self.queue.close();
    }

    pub(super) fn root_unreadable(&self, reason: String) {
        let path = self.root.lock().path.clone();
        self.stop(Error::Source { path, reason });
    }

    /// Counts a stored content and publishes what is stored when enough has come together.
    pub(super) fn count_written(&self, new: bool, length: usize) -> Result<()> {
        if !new {
            return Ok(());
        }
        self.progress.add_new(length as u64);
        let due = PUBLISH_LEAST.max(self.progress.bytes_total().unwrap_or(0) / PUBLISH_SHARE);
        if self.session.unpublished_bytes() < due {
            return Ok(());
        }
        // One worker publishes, the others go on.
        let Some(_guard) = self.publishing.try_lock() else {
            return Ok(());
        };
        self.session.commit_index().map(|_| ())
    }

    pub(super) fn count_file(&self, bytes: u64) {
        add(&self.counters.files, 1);
        add(&self.counters.total_size, bytes);
        self.progress.add_files(1);
    }

    /// Counts entries taken over from an earlier snapshot; the sizes of symbolic links are part of the manifest's sum, but
    /// not of the progress.
    pub(super) fn count_cached(&self, cached: Cached) {
        if cached.entries > 0 {
            add(&self.counters.cached_files, cached.entries);
            add(
                &self.counters.total_size,
                cached.file_bytes + cached.symlink_bytes,
            );
            self.progress.add_cached(cached.entries, cached.file_bytes);
        }
    }

    pub(super) fn count_directory(&self, excluded: Excluded) {
        add(&self.counters.directories, 1);
        add(&self.counters.excluded_files, excluded.files);
        add(&self.counters.excluded_bytes, excluded.bytes);
        add(&self.counters.excluded_directories, excluded.directories);
    }

    /// Records an entry that is left out, and stops the upload if that was asked for.
    pub(super) fn entry_failed(
        &self,
        path: String,
        code: ProblemCode,
        message: String,
        size: Option<u64>,
        ignored: bool,
    ) -> Problem {
        let severity = if ignored {
            Severity::Ignored
        } else {
            Severity::Error
        };
        add(
            if ignored {
                &self.counters.ignored_errors
            } else {
                &self.counters.errors
            },
            1,
        );
        let problem = Problem {
            code,
            severity,
            path,
            message,
            size,
        };
        if !ignored {
            self.progress.add_error();
            if self.settings.fail_fast {
                self.stop(Error::FailedFast {
                    path: problem.path.clone(),
                    message: problem.message.clone(),
                });
            }
        }
        self.report(problem.clone());
        problem
    }

    pub(super) fn report(&self, problem: Problem) {
        let (code, path, message) = (problem.code, &problem.path, &problem.message);
        match problem.severity {
            Severity::Ignored => tracing::debug!(%code, path, "{message}"),
            Severity::Error | Severity::Warning => tracing::warn!(%code, path, "{message}"),
        }
        self.problems.lock().push(problem);
    }

    /// The root entry as far as it is known.
    pub(super) fn root_entry(&self) -> DirectoryEntry {
        self.root.lock().entry.clone()
    }

    pub(super) fn is_file_root(&self) -> bool {
        self.root.lock().is_file
    }

    /// Completes the root and ends the work.
    pub(super) fn set_root_directory(&self, object: ObjectId, summary: DirectorySummary) {
        let mut root = self.root.lock();
        root.entry.object = Some(object);
        root.entry.summary = Some(Box::new(summary));
        drop(root);
        self.queue.close();
    }

    /// Takes over the only entry of a stand-in directory as the root (format 2 §5.11).
    pub(super) fn set_root_file(&self, node: &Node) {
        if let Some((entry, failure)) = node.take_single() {
            match (entry.object, failure) {
                (Some(object), _) => {
                    let mut root = self.root.lock();
                    let summary = DirectorySummary {
                        total_size: entry.size,
                        files: 1,
                        max_time: root.entry.mtime,
                        ..DirectorySummary::default()
                    };
                    root.entry.object = Some(object);
                    root.entry.summary = Some(Box::new(summary));
                    root.entry.extras = entry.extras;
                }
                (None, reason) => self.root_unreadable(reason.unwrap_or_default()),
            }
        }
        self.queue.close();
    }

    /// What became of the upload.
    pub(super) fn finish(self) -> Result<Uploaded, Error> {
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        if let Some(error) = self.failure.into_inner() {
            return Err(error);
        }
        let stats = self.counters.stats();
        Ok(Uploaded {
            root: self.root.into_inner().entry,
            companion: None,
            stats,
            problems: self.problems.into_inner(),
            checkpoints: self.checkpoints.into_saved(),
        })
    }
}

/// A tree whose contents are all stored.
pub(super) struct Uploaded {
    pub(super) root: DirectoryEntry,
    /// Root of the companion snapshot, where there is something to hold.
    pub(super) companion: Option<DirectoryEntry>,
    pub(super) stats: SnapshotStats,
    pub(super) problems: Vec<Problem>,
    /// Checkpoints that were saved on the way.
    pub(super) checkpoints: Vec<Manifest>,
}

impl Counters {
    fn stats(&self) -> SnapshotStats {
        // The format's counters are narrower and wrap.
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as i32;
        let bytes = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as i64;
        SnapshotStats {
            total_size: bytes(&self.total_size),
            excluded_total_size: bytes(&self.excluded_bytes),
            file_count: count(&self.files),
            cached_files: count(&self.cached_files),
            non_cached_files: count(&self.files),
            dir_count: count(&self.directories),
            excluded_file_count: count(&self.excluded_files),
            excluded_dir_count: count(&self.excluded_directories),
            ignored_error_count: count(&self.ignored_errors),
            error_count: count(&self.errors),
        }
    }
}

/// Metadata of the stand-in directory of a single file.
pub(super) fn stand_in(file: Metadata) -> Metadata {
    Metadata {
        kind: holdfast_files::Kind::Directory,
        size: 0,
        ..file
    }
}

/// No splitter of the format cuts below this many bytes.
const FINEST_CUT: usize = 64 * 1024;
/// No splitter of the format makes chunks above this many bytes.
const COARSEST_CUT: usize = 16 << 20;
