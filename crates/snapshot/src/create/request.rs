//! What is asked of an upload and what it answers.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use holdfast_files::{LocalTree, SourceTree};
use holdfast_host::{Cancel, Programs};
use holdfast_repository::manifest::{ManifestId, Manifests};
use holdfast_repository::policy::{Policy, PolicyTree, effective, policy_tree};
use holdfast_repository::snapshot::{SnapshotManifest, SnapshotStats};
use holdfast_repository::source::SourceIdentity;

use crate::error::{Error, Result};
use crate::problem::{Problem, Severity};
use crate::progress::Progress;
use crate::workers::workers;

/// Memory for chunks of large files unless the caller sets another limit, in bytes.
const MEMORY_BUDGET: u64 = 128 << 20;

/// One tree and the identity under which it is stored.
#[derive(Clone)]
pub struct Source {
    /// Where the files come from.
    pub tree: Arc<dyn SourceTree>,
    /// Whose data it is.
    pub identity: SourceIdentity,
}

impl Source {
    /// A directory or file of this machine. The path that is read may differ from the one in the identity, as it does
    /// when a volume snapshot is read.
    pub fn local(path: impl Into<PathBuf>, identity: SourceIdentity) -> Self {
        Self {
            tree: Arc::new(LocalTree::new(path)),
            identity,
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// What to take a snapshot of, and how.
#[derive(Clone, Debug)]
pub struct SnapshotRequest {
    /// The sources; each becomes a snapshot of its own.
    pub sources: Vec<Source>,
    /// Free text.
    pub description: String,
    /// Tags with their full names in the manifest, such as `tag:holdfast-run`.
    pub tags: BTreeMap<String, String>,
    /// Names of pins, sorted; a snapshot with any is kept by retention.
    pub pins: Vec<String>,
    /// Number of workers; without it that of the policy, else one for each processor.
    pub parallelism: Option<NonZeroUsize>,
    /// Memory for chunks of large files, in bytes.
    pub memory_budget: u64,
    /// Whether to add up the sources beside the upload, so that the progress has totals. It lists every directory twice.
    pub estimate: bool,
    /// Whether the first error of an entry ends the upload without a snapshot.
    pub fail_fast: bool,
    /// Settings that win over those of the policies in the repository, for the source as a whole.
    pub policy: Option<Policy>,
    /// Who runs the actions of policies; without it they are left out. Whoever may write to the repository decides what
    /// is run.
    pub actions: Option<Arc<dyn Programs>>,
    /// Counters to watch.
    pub progress: Arc<Progress>,
    /// Stops the upload.
    pub cancel: Cancel,
}

impl SnapshotRequest {
    /// A request with defaults for everything but the sources.
    pub fn new(sources: Vec<Source>) -> Self {
        Self {
            sources,
            description: String::new(),
            tags: BTreeMap::new(),
            pins: Vec::new(),
            parallelism: None,
            memory_budget: MEMORY_BUDGET,
            estimate: false,
            fail_fast: false,
            policy: None,
            actions: None,
            progress: Arc::default(),
            cancel: Cancel::new(),
        }
    }

    pub(super) fn policies_of(
        &self,
        manifests: &Manifests,
        source: &SourceIdentity,
    ) -> Result<PolicyTree> {
        let stored = policy_tree(manifests, source)?;
        Ok(match &self.policy {
            Some(policy) => {
                let root = effective([policy, stored.root()]);
                stored.with_root(root)
            }
            None => stored,
        })
    }

    pub(super) fn workers(&self, policies: Option<&PolicyTree>) -> usize {
        let by_policy = policies
            .and_then(|policies| policies.root().upload.max_parallel_file_reads)
            .and_then(|reads| usize::try_from(reads).ok())
            .and_then(NonZeroUsize::new);
        workers(self.parallelism.or(by_policy))
    }

    /// The error to report: what fails because the upload was cancelled is a cancellation.
    pub(super) fn cancelled_or(&self, error: Error) -> Error {
        if self.cancel.is_cancelled() {
            Error::Cancelled
        } else {
            error
        }
    }
}

/// What became of an upload.
#[derive(Debug)]
pub struct SnapshotReport {
    /// One report for each source, in the order of the request. Those that were not reached are not among them.
    pub sources: Vec<SourceReport>,
    /// What ended the upload before all sources were done. The snapshots that are reported exist all the same, and no
    /// others.
    pub stopped: Option<Error>,
    /// Duration of the whole upload.
    pub seconds: f64,
}

impl SnapshotReport {
    /// Whether every source has a snapshot without errors.
    pub fn is_clean(&self) -> bool {
        self.stopped.is_none()
            && self
                .sources
                .iter()
                .all(|source| source.result.is_ok() && source.errors() == 0)
    }
}

/// What became of one source.
#[derive(Debug)]
pub struct SourceReport {
    /// Whose data it is.
    pub source: SourceIdentity,
    /// The snapshot, or why the root could not be read.
    pub result: Result<SavedSnapshot>,
    /// Counters of the upload.
    pub stats: SnapshotStats,
    /// Bytes read from files.
    pub bytes_read: u64,
    /// Bytes of contents that the repository did not have, before compression; manifests do not count.
    pub bytes_new: u64,
    /// Bytes that reached the store, everything included.
    pub bytes_uploaded: u64,
    /// What went wrong with single entries.
    pub problems: Vec<Problem>,
    /// Duration.
    pub seconds: f64,
}

impl SourceReport {
    /// Number of entries that are missing in the snapshot because of an error.
    pub fn errors(&self) -> usize {
        self.problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .count()
    }
}

/// A stored tree and its manifest.
#[derive(Debug)]
pub struct SavedSnapshot {
    /// The manifest; its id is empty when it was not saved.
    pub manifest: SnapshotManifest,
    /// Its id. `None` when nothing changed and the policy says not to save such snapshots.
    pub id: Option<ManifestId>,
}
