//! How a command ended, as its exit code.

use std::process::ExitCode;

use crate::failure;

/// How a command ended. The numbers are part of the command line's contract (docs/cli.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All was done.
    Done = 0,
    /// Nothing usable came of it, or what was to be proven does not hold.
    Failed = 1,
    /// The command line was wrong.
    Usage = 2,
    /// Finished, with errors in some items.
    Partial = 3,
    /// Nothing was changed, because it takes a confirmation.
    Unconfirmed = 4,
}

impl Outcome {
    /// [`Outcome::Partial`] when some items had errors, else [`Outcome::Done`].
    pub(crate) fn of_items(errors: usize) -> Self {
        if errors == 0 {
            Self::Done
        } else {
            Self::Partial
        }
    }

    /// The exit code of an error: wrong input is a matter of usage, what was not confirmed of its own, everything
    /// else a failure.
    pub(crate) fn of_error(error: &anyhow::Error) -> Self {
        if failure::is_usage(error) {
            Self::Usage
        } else if failure::needs_confirmation(error) {
            Self::Unconfirmed
        } else {
            Self::Failed
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome as u8)
    }
}
