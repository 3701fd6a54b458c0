//! Object lock: what a lock is, and the answer of stores that have none (format 1 §1.4).

use jiff::Timestamp;

use crate::{BlobId, Error, ErrorKind, PutOptions, Result};

/// The lock of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Who may shorten it.
    pub mode: RetentionMode,
    /// When it ends; stores count in whole seconds.
    pub until: Timestamp,
}

impl Retention {
    /// The lock that is as strict and lasts as long as both.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self {
            mode: self.mode.max(other.mode),
            until: self.until.max(other.until),
        }
    }
}

/// Who may end a lock early, the stricter one last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RetentionMode {
    /// Accounts with a special permission.
    Governance,
    /// Nobody.
    Compliance,
}

impl RetentionMode {
    const ALL: [Self; 2] = [Self::Governance, Self::Compliance];

    /// The name in S3 and in the repository format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }

    /// The mode of a name; nothing for an unknown one.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// What to do where locks are wanted and there are none.
pub(crate) const NEEDS_OBJECT_LOCK: &str =
    "use a bucket that was created with object lock, or do without the lock";

/// The error of a store that has no object lock.
pub(crate) fn no_object_lock(operation: &'static str, id: &BlobId, location: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        operation,
        location,
        "this kind of store cannot lock blobs against deletion",
    )
    .blob(id)
    .hint(NEEDS_OBJECT_LOCK)
}

/// Refuses a put with a lock, for stores that have none.
pub(crate) fn refuse_retention(id: &BlobId, options: &PutOptions, location: &str) -> Result<()> {
    match options.retention {
        None => Ok(()),
        Some(_) => Err(no_object_lock("write", id, location)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_never_weakens_a_lock() {
        use RetentionMode::{Compliance, Governance};
        let lock = |mode, second| Retention {
            mode,
            until: Timestamp::from_second(second).unwrap(),
        };
        for (left, right, joined) in [
            (
                lock(Governance, 1),
                lock(Governance, 2),
                lock(Governance, 2),
            ),
            (
                lock(Compliance, 1),
                lock(Governance, 2),
                lock(Compliance, 2),
            ),
            (
                lock(Governance, 3),
                lock(Compliance, 2),
                lock(Compliance, 3),
            ),
        ] {
            assert_eq!(left.joined(right), joined);
            assert_eq!(right.joined(left), joined);
        }
    }

    #[test]
    fn names_lead_back_to_their_modes() {
        for mode in RetentionMode::ALL {
            assert_eq!(RetentionMode::by_name(mode.name()), Some(mode));
        }
        assert_eq!(RetentionMode::by_name("LOCKED"), None);
    }
}
