//! Why an upload, a restore or a verification did not happen.

use holdfast_host::Cancelled;

/// Result of the operations of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error that ends the whole operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The repository or its store failed.
    #[error(transparent)]
    Repository(#[from] holdfast_repository::Error),
    /// The root of a source cannot be read.
    #[error("cannot read {path}: {reason}; check that it exists and that this user may read it")]
    Source {
        /// The path of the source.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A program without which the policy wants no snapshot failed.
    #[error("no snapshot of {path}: {reason}")]
    Action {
        /// The path of the source.
        path: String,
        /// Which program, and what happened.
        reason: String,
    },
    /// A snapshot that must not be saved.
    #[error(transparent)]
    InvalidSnapshot(#[from] holdfast_repository::snapshot::InvalidSnapshot),
    /// There is no such snapshot or object.
    #[error("there is no snapshot or object {0:?}; `snapshot list --all` shows what there is")]
    SnapshotNotFound(String),
    /// No id was given, as happens for a backup that did not complete.
    #[error(
        "snapshot not found: no id was given, so the backup did not complete; choose another snapshot"
    )]
    NoSnapshot,
    /// The path does not exist in the snapshot.
    #[error("{path:?} does not exist in snapshot {snapshot}")]
    PathNotFound {
        /// The snapshot.
        snapshot: String,
        /// The path below its root.
        path: String,
    },
    /// The path has another kind than the operation needs.
    #[error("{path:?} is {found}, not {wanted}")]
    WrongKind {
        /// The path below the root.
        path: String,
        /// What it is.
        found: &'static str,
        /// What is needed.
        wanted: &'static str,
    },
    /// A cursor that no page gave out.
    #[error("{0:?} is no place in this folder; list it again from its beginning")]
    InvalidCursor(String),
    /// The target of a restore cannot be used.
    #[error("cannot restore to {path}: {reason}")]
    Target {
        /// The target.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A search had told something when the disk of its index failed.
    #[error(
        "the search index {path} cannot be read: {reason}; check the disk of the cache, or search with --no-index"
    )]
    SearchIndex {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What was read could not be handed on.
    #[error("write the result: {0}")]
    Output(#[source] std::io::Error),
    /// Contents that the repository had went away again and again during a long upload.
    #[error(
        "{objects} files and folders of {path} lost data in the repository while they were backed up, several times over; \
         is maintenance running with reduced safety? Run the backup again"
    )]
    DataLost {
        /// The path of the source.
        path: String,
        /// Files and directories that miss some.
        objects: usize,
    },
    /// The first error of an entry, when the caller asked to stop there.
    #[error("stopped at the first error: {path}: {message}")]
    FailedFast {
        /// Path of the entry.
        path: String,
        /// What happened.
        message: String,
    },
    /// Whoever asked for the operation stopped it.
    #[error("cancelled")]
    Cancelled,
}

impl From<Cancelled> for Error {
    fn from(Cancelled: Cancelled) -> Self {
        Self::Cancelled
    }
}
