//! Why a call on the tree has no result.

use std::sync::Arc;

/// Why a call on the tree has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No entry has this name, or no node this number.
    #[error("it does not exist")]
    NotFound,
    /// The node is no folder.
    #[error("it is no folder")]
    NotAFolder,
    /// A folder cannot be opened as a file.
    #[error("it is a folder")]
    IsAFolder,
    /// The node is no symbolic link, or nothing else that the call is for.
    #[error("it is of another kind")]
    OtherKind,
    /// The node has no attribute of this name.
    #[error("it has no such attribute")]
    NoAttribute,
    /// Nothing lies behind this offset.
    #[error("nothing lies behind the offset")]
    PastEnd,
    /// What the repository holds of it cannot be read, with the reason, which names blob or content.
    #[error("{0}")]
    Unreadable(Arc<str>),
}

impl Failure {
    pub(crate) fn unreadable(reason: &impl ToString) -> Self {
        Self::Unreadable(reason.to_string().into())
    }
}

impl From<holdfast_repository::Error> for Failure {
    fn from(error: holdfast_repository::Error) -> Self {
        Self::unreadable(&error)
    }
}
