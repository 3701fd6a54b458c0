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

#[cfg(test)]
mod tests {
    use super::*;

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
