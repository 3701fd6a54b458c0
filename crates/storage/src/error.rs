//! What can go wrong with a store, in words for a person and in kinds for a program.

use std::error::Error as StdError;
use std::fmt;

use crate::BlobId;

/// Short for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The blob is not there.
    NotFound,
    /// The place itself, directory or bucket, is not there.
    StoreNotFound,
    /// The credentials or permissions do not allow it.
    AccessDenied,
    /// A range reaches beyond the end of the blob.
    InvalidRange,
    /// No space, or a quota is used up.
    Full,
    /// The storage cannot be reached, or did not answer in time.
    Unreachable,
    /// The storage is overloaded or has an internal error, and stayed so through all attempts.
    Unavailable,
    /// The storage answered something else than it announced or than was asked for.
    Corrupt,
    /// The work was cancelled.
    Cancelled,
    /// The store was opened for reading only.
    ReadOnly,
    /// The store cannot do this.
    Unsupported,
    /// The location, a setting or an argument makes no sense.
    Invalid,
    /// Anything else.
    Other,
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The same call will fail again until somebody changes something.
    Permanent,
    /// It may work in a moment.
    Temporary,
    /// It was temporary, and all attempts were used up.
    Persistent,
}

/// An error of a store. Its text says what happened to which blob where, why, and what to do; it
/// holds no secrets.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    retry: Retry,
    operation: &'static str,
    subject: Option<String>,
    location: String,
    reason: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A permanent error of `operation` ("read", "write", "list" …) at `location`.
    pub fn new(
        kind: ErrorKind,
        operation: &'static str,
        location: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            retry: Retry::Permanent,
            operation,
            subject: None,
            location: location.into(),
            reason: reason.into(),
            hint: None,
            source: None,
        }))
    }

    /// The error for work that was cancelled.
    pub fn cancelled(operation: &'static str, location: impl Into<String>) -> Self {
        Self::new(ErrorKind::Cancelled, operation, location, "cancelled")
    }

    /// Names the blob it is about.
    #[must_use]
    pub fn blob(mut self, id: &BlobId) -> Self {
        self.0.subject = Some(id.to_string());
        self
    }

    /// Says whether another attempt can help.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Tells the user what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Keeps the error that caused it, for logs.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether trying again can help.
    pub fn retry_class(&self) -> Retry {
        self.0.retry
    }

    /// Whether the blob is simply not there.
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// Whether it says something about one blob, which is missing or not what it should be, rather than that the store
    /// cannot be used.
    pub fn is_about_blob(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::NotFound | ErrorKind::InvalidRange | ErrorKind::Corrupt
        )
    }

    /// Whether the work was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == ErrorKind::Cancelled
    }

    /// The name of the blob it is about, where it is about one.
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// What to do next, where something can be said.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            operation,
            subject,
            location,
            reason,
            hint,
            ..
        } = &*self.0;
        write!(f, "cannot {operation}")?;
        if let Some(subject) = subject {
            write!(f, " blob {subject}")?;
        }
        write!(f, " in {location}: {reason}")?;
        if let Some(hint) = hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("retry", &self.0.retry)
            .field("message", &self.to_string())
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_ref()
            .map(|source| &**source as &(dyn StdError + 'static))
    }
}
