//! Failures of runs and commands: a stable code and a sentence that names the thing.

use holdfast_protocol::agent::failures;
use holdfast_protocol::agent::text::{PRODUCT_NAME, sanitise};

/// Why a run or a command failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// One of [`failures`].
    pub code: &'static str,
    /// What happened to which thing and what to do, without engine names and secrets.
    pub message: String,
}

impl Failure {
    /// A failure with its own sentence.
    pub fn new(code: &'static str, message: impl AsRef<str>) -> Self {
        Self {
            code,
            message: sanitise(message.as_ref(), PRODUCT_NAME),
        }
    }

    /// A failure with the sentence of its code.
    pub fn of_code(code: &'static str) -> Self {
        Self::new(
            code,
            failures::find(code).map_or(code, |failure| failure.text.en),
        )
    }

    /// A failure that nobody foresaw.
    pub fn internal(message: impl AsRef<str>) -> Self {
        Self::new(failures::INTERNAL, message)
    }
}

/// How a piece of work can end without a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// It was asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// It failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl From<holdfast_host::Cancelled> for WorkError {
    fn from(_: holdfast_host::Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<holdfast_storage::Error> for WorkError {
    fn from(error: holdfast_storage::Error) -> Self {
        if error.is_cancelled() {
            return Self::Cancelled;
        }
        Failure::new(storage_code(error.kind()), error.to_string()).into()
    }
}

impl From<holdfast_repository::Error> for WorkError {
    fn from(error: holdfast_repository::Error) -> Self {
        use holdfast_repository::Error;
        let error = match error {
            Error::Storage(storage) => return storage.into(),
            other => other,
        };
        let code = match &error {
            Error::RepositoryMissing { .. } => failures::REPOSITORY_MISSING,
            Error::LocationNotEmpty { .. } => failures::REPOSITORY_EXISTS,
            Error::WrongPassword { .. } => failures::WRONG_PASSWORD,
            Error::NewerFormat { .. } | Error::NotSupportedYet { .. } => {
                failures::REPOSITORY_TOO_NEW
            }
            Error::UpgradeLocked { .. } => failures::REPOSITORY_LOCKED,
            Error::MaintenanceRunning { .. } => failures::MAINTENANCE_RUNNING,
            Error::ClockSkew { .. } => failures::CLOCK_WRONG,
            Error::RepositoryHalfWritten { .. }
            | Error::InvalidFormat { .. }
            | Error::Damaged { .. }
            | Error::ContentMissing { .. }
            | Error::PackMissing { .. } => failures::REPOSITORY_DAMAGED,
            _ => failures::INTERNAL,
        };
        Failure::new(code, error.to_string()).into()
    }
}

impl From<holdfast_snapshot::Error> for WorkError {
    fn from(error: holdfast_snapshot::Error) -> Self {
        use holdfast_snapshot::Error;
        let code = match error {
            Error::Cancelled => return Self::Cancelled,
            Error::Repository(repository) => return repository.into(),
            Error::SnapshotNotFound(_) | Error::NoSnapshot => failures::SNAPSHOT_NOT_FOUND,
            Error::PathNotFound { .. } | Error::WrongKind { .. } => failures::PATH_NOT_FOUND,
            Error::Source { .. } => failures::SOURCE_MISSING,
            Error::Target { .. } | Error::Output(_) => failures::TARGET_FAILED,
            Error::InvalidCursor(_) => failures::BAD_REQUEST,
            _ => failures::INTERNAL,
        };
        Failure::new(code, error.to_string()).into()
    }
}

/// The code of a kind of storage error.
pub fn storage_code(kind: holdfast_storage::ErrorKind) -> &'static str {
    use holdfast_storage::ErrorKind;
    match kind {
        ErrorKind::StoreNotFound => failures::STORAGE_NOT_FOUND,
        ErrorKind::AccessDenied => failures::STORAGE_DENIED,
        ErrorKind::Full => failures::STORAGE_FULL,
        ErrorKind::Unreachable | ErrorKind::Unavailable => failures::STORAGE_UNREACHABLE,
        ErrorKind::Corrupt | ErrorKind::InvalidRange => failures::STORAGE_UNRELIABLE,
        ErrorKind::NotFound => failures::REPOSITORY_DAMAGED,
        ErrorKind::Cancelled => failures::CANCELLED,
        _ => failures::STORAGE_FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_errors_keep_their_cause() {
        use holdfast_storage::{Error, ErrorKind};
        let storage = Error::new(ErrorKind::Full, "write", "file:///v", "no space left");
        let WorkError::Failed(failure) =
            WorkError::from(holdfast_repository::Error::Storage(storage))
        else {
            panic!("cancelled")
        };
        assert_eq!(failure.code, failures::STORAGE_FULL);
        assert!(failure.message.contains("file:///v"), "{failure}");
        let cancelled = Error::cancelled("write", "file:///v");
        assert_eq!(WorkError::from(cancelled), WorkError::Cancelled);
    }

    // Requirements: AGT-23
    #[test]
    fn no_engine_is_named() {
        let failure = Failure::new(
            failures::STORAGE_FAILED,
            "cannot read blob kopia.repository",
        );
        assert_eq!(failure.message, "cannot read blob Holdfast.repository");
        assert_eq!(
            Failure::of_code(failures::SNAPSHOT_NOT_FOUND).code,
            "snapshot_not_found"
        );
    }
}
