//! What went wrong with single entries, without stopping the run.

use std::fmt;

/// A stable code for the cause, so that many entries with one cause can be shown together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemCode {
    /// The entry may not be read.
    AccessDenied,
    /// The entry was listed and is gone.
    Vanished,
    /// Reading the entry failed in another way.
    ReadFailed,
    /// A directory could not be listed, or its ignore rules not be understood; everything below it is left out.
    DirectoryUnreadable,
    /// A device, a pipe or a socket where the policy does not skip those.
    UnsupportedType,
    /// The file had another size when it was read than when it was listed; what was read is stored.
    ChangedWhileRead,
    /// Data of the entry is missing in the repository or damaged.
    Damaged,
    /// The name is not allowed on this system or would lead out of the target.
    NameRefused,
    /// Two entries of a folder have the same name; the later one was given another.
    DuplicateName,
    /// Something of another kind is in the place of the entry.
    InTheWay,
    /// Writing the entry failed.
    WriteFailed,
    /// Extended attributes or the like could not be read; the rest of the entry is stored.
    AttributesNotRead,
    /// The entry was restored but owner, permissions or times could not be set.
    AttributesNotSet,
    /// A program that the policy runs before or after failed, and the policy does not call it essential.
    ActionFailed,
}

impl ProblemCode {
    /// The code as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::Vanished => "vanished",
            Self::ReadFailed => "read_failed",
            Self::DirectoryUnreadable => "directory_unreadable",
            Self::UnsupportedType => "unsupported_type",
            Self::ChangedWhileRead => "changed_while_read",
            Self::Damaged => "damaged",
            Self::NameRefused => "name_refused",
            Self::DuplicateName => "duplicate_name",
            Self::InTheWay => "in_the_way",
            Self::WriteFailed => "write_failed",
            Self::AttributesNotRead => "attributes_not_read",
            Self::AttributesNotSet => "attributes_not_set",
            Self::ActionFailed => "action_failed",
        }
    }

    /// The code for an error of reading a source.
    pub(crate) fn of_reading(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => Self::AccessDenied,
            std::io::ErrorKind::NotFound => Self::Vanished,
            _ => Self::ReadFailed,
        }
    }
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The entry is missing or incomplete: the run ends with errors.
    Error,
    /// The entry is missing and the policy says to go on without counting it as an error.
    Ignored,
    /// The entry is there; somebody should know.
    Warning,
}

/// What went wrong with one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The cause.
    pub code: ProblemCode,
    /// How much it matters.
    pub severity: Severity,
    /// Path below the root, with `/`.
    pub path: String,
    /// What happened, in words.
    pub message: String,
    /// Size of the entry in bytes where it is known.
    pub size: Option<u64>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}
