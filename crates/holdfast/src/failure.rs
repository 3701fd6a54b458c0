//! Errors as a person or a program gets them: the problem document of the API, also on the command line.

use std::fmt;
use std::process::ExitCode;

use holdfast_host::Cancelled;
use holdfast_repository::Error as RepositoryError;
use holdfast_snapshot::Error as SnapshotError;
use holdfast_storage::{Error as StorageError, ErrorKind};
use serde::Serialize;

use crate::outcome::Outcome;

/// A problem document (RFC 9457) with the members that make sense without a server.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    /// A stable address for the kind of problem.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// What happened, in general.
    pub(crate) title: String,
    /// What happened, to which thing.
    pub(crate) detail: Option<String>,
    /// The stable code.
    pub(crate) code: &'static str,
    /// What to do next.
    pub(crate) hints: Vec<String>,
}

/// The command line asks for something that makes no sense.
#[derive(Debug)]
pub(crate) struct UsageError {
    message: String,
    hint: Option<String>,
}

impl UsageError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// Says what to do instead.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UsageError {}

/// The command line names a thing that the repository does not have.
#[derive(Debug)]
pub(crate) struct NotThere {
    code: &'static str,
    title: &'static str,
    message: String,
}

impl NotThere {
    pub(crate) fn content(message: String) -> Self {
        Self {
            code: "content_not_found",
            title: "There is no such content.",
            message,
        }
    }

    pub(crate) fn blob(message: String) -> Self {
        Self {
            code: "blob_not_found",
            title: "There is no such blob.",
            message,
        }
    }

    pub(crate) fn manifest(message: String) -> Self {
        Self {
            code: "manifest_not_found",
            title: "There is no such manifest.",
            message,
        }
    }
}

impl fmt::Display for NotThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for NotThere {}

/// Whether the error is a matter of usage (exit code 2).
pub(crate) fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<UsageError>()
}

/// Whether it was refused only because nobody confirmed it (exit code 4).
pub(crate) fn needs_confirmation(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<RepositoryError>();
    matches!(cause, Some(RepositoryError::DeletionUnconfirmed { .. }))
}

/// Prints what the parser of the command line says. Help and version are no failures.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Nothing is left to do when the terminal itself is gone.
    let _ = error.print();
    if error.use_stderr() {
        Outcome::Usage.into()
    } else {
        Outcome::Done.into()
    }
}

/// The document for an error, with the code of the first cause that has one.
pub(crate) fn problem(error: &anyhow::Error) -> Problem {
    let (code, title) = error.chain().find_map(classify).unwrap_or(FAILED);
    let hints = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<UsageError>())
        .and_then(|usage| usage.hint.clone());
    Problem {
        kind: format!("/problems/{code}"),
        title: title.to_owned(),
        detail: Some(format!("{error:#}")),
        code,
        hints: hints.into_iter().collect(),
    }
}

const FAILED: (&str, &str) = ("failed", "The command failed.");

fn classify(cause: &(dyn std::error::Error + 'static)) -> Option<(&'static str, &'static str)> {
    if cause.is::<UsageError>() {
        return Some(("usage", "The command line is wrong."));
    }
    if let Some(missing) = cause.downcast_ref::<NotThere>() {
        return Some((missing.code, missing.title));
    }
    if cause.is::<Cancelled>() {
        return Some(CANCELLED);
    }
    #[cfg(unix)]
    if cause.is::<holdfast_drive::MountError>() {
        return Some(("mount_failed", "Nothing was mounted."));
    }
    if let Some(error) = cause.downcast_ref::<SnapshotError>() {
        return snapshot(error);
    }
    if let Some(error) = cause.downcast_ref::<RepositoryError>() {
        return repository(error);
    }
    cause
        .downcast_ref::<StorageError>()
        .map(|error| storage(error.kind()))
}

const CANCELLED: (&str, &str) = ("cancelled", "The work was stopped on request.");

fn snapshot(error: &SnapshotError) -> Option<(&'static str, &'static str)> {
    Some(match error {
        SnapshotError::Repository(error) => return repository(error),
        SnapshotError::SnapshotNotFound(_) | SnapshotError::NoSnapshot => {
            ("snapshot_not_found", "There is no such snapshot.")
        }
        SnapshotError::PathNotFound { .. } | SnapshotError::WrongKind { .. } => {
            ("path_not_found", "The snapshot has no such file or folder.")
        }
        SnapshotError::Source { .. } => ("source_missing", "The source cannot be read."),
        SnapshotError::Action { .. } => ("action_failed", "A program that must run failed."),
        SnapshotError::Target { .. } => ("target_failed", "The target cannot be written."),
        SnapshotError::Cancelled => CANCELLED,
        _ => return None,
    })
}

fn repository(error: &RepositoryError) -> Option<(&'static str, &'static str)> {
    Some(match error {
        RepositoryError::RepositoryMissing { .. } => {
            ("repository_missing", "There is no repository.")
        }
        RepositoryError::RepositoryHalfWritten { .. } => {
            ("repository_damaged", "The repository is half written.")
        }
        RepositoryError::RepositoryIncomplete { .. } => {
            ("repository_damaged", "The repository is incomplete.")
        }
        RepositoryError::RepositoriesMixed { .. } => {
            ("repository_damaged", "Two repositories lie in one place.")
        }
        RepositoryError::ConfigurationUnreadable { .. } => {
            ("repository_damaged", "The repository is half written.")
        }
        RepositoryError::PasswordChanged { .. } => {
            ("wrong_password", "The password was changed meanwhile.")
        }
        RepositoryError::PasswordFixed { .. } => {
            ("password_fixed", "The password cannot be changed.")
        }
        RepositoryError::InvalidParameter { .. } => {
            ("invalid_parameter", "A parameter is not valid.")
        }
        RepositoryError::OtherRepository { .. } => ("repository_exists", "The place is taken."),
        RepositoryError::LocationNotEmpty { .. } => ("repository_exists", "The place is taken."),
        RepositoryError::WrongPassword { .. } => (
            "wrong_password",
            "The password does not open the repository.",
        ),
        RepositoryError::NewerFormat { .. } | RepositoryError::NotSupportedYet { .. } => (
            "repository_too_new",
            "The repository's format is newer than this program.",
        ),
        RepositoryError::InvalidFormat { .. } | RepositoryError::Damaged { .. } => {
            ("repository_damaged", "The repository is damaged.")
        }
        RepositoryError::NotMaintenanceOwner { .. } => (
            "maintenance_not_owner",
            "Maintenance belongs to another client.",
        ),
        RepositoryError::MaintenanceRunning { .. } => {
            ("maintenance_running", "Maintenance is running already.")
        }
        RepositoryError::ClockSkew { .. } => (
            "clock_skew",
            "The clocks of this machine and of the storage are too far apart.",
        ),
        RepositoryError::LockNotKept { .. } => {
            ("lock_not_kept", "The store does not lock what it stores.")
        }
        RepositoryError::LocksNotExtended { .. } => (
            "lock_not_extended",
            "Not all object locks could be extended.",
        ),
        RepositoryError::CopyMaintained { .. } => {
            ("copy_maintained", "The copy was maintained by itself.")
        }
        RepositoryError::SourceEmptied { .. } => {
            ("source_emptied", "The source of the copy lists no data.")
        }
        RepositoryError::DeletionUnconfirmed { .. } => (
            "confirmation_needed",
            "What would be deleted needs a confirmation.",
        ),
        RepositoryError::Storage(error) => storage(error.kind()),
        _ => return None,
    })
}

fn storage(kind: ErrorKind) -> (&'static str, &'static str) {
    match kind {
        ErrorKind::NotFound => (
            "repository_damaged",
            "The store lacks a blob that must be there.",
        ),
        ErrorKind::StoreNotFound => ("storage_not_found", "The bucket or folder does not exist."),
        ErrorKind::AccessDenied => ("storage_denied", "The store refuses access."),
        ErrorKind::Full => ("storage_full", "The store is full."),
        ErrorKind::Unreachable | ErrorKind::Unavailable => {
            ("storage_unreachable", "The store cannot be reached.")
        }
        ErrorKind::Corrupt | ErrorKind::InvalidRange => (
            "storage_unreliable",
            "The store answered with wrong or truncated data.",
        ),
        ErrorKind::Cancelled => CANCELLED,
        ErrorKind::Invalid => (
            "storage_invalid",
            "The address of the store makes no sense.",
        ),
        _ => ("storage_failed", "The store could not do what was asked."),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn the_deepest_known_cause_gives_the_code() {
        let error = StorageError::new(ErrorKind::Full, "write", "/backup", "no space left");
        let wrapped = Err::<(), _>(error)
            .context("take the snapshot")
            .expect_err("it is an error");
        let problem = problem(&wrapped);
        assert_eq!(problem.code, "storage_full");
        assert_eq!(problem.kind, "/problems/storage_full");
        let detail = problem.detail.unwrap_or_default();
        assert!(
            detail.starts_with("take the snapshot: ") && detail.ends_with("/backup: no space left"),
            "{detail}"
        );
    }

    #[test]
    fn usage_has_its_own_exit_code() {
        let error = anyhow::Error::from(UsageError::new("no path").hint("Name one."));
        assert_eq!(Outcome::of_error(&error), Outcome::Usage);
        assert_eq!(problem(&error).hints, ["Name one."]);
        assert_eq!(
            Outcome::of_error(&anyhow::anyhow!("broken")),
            Outcome::Failed
        );
    }
}
