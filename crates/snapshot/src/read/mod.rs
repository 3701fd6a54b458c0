//! Reading what snapshots are made of.

mod fetch;
mod objects;
mod presence;
mod resolve;

use holdfast_repository::Error;

pub(crate) use fetch::{Receive, Wanted, fetch};
pub(crate) use objects::{Form, Part, each_directory, object_parts};
pub use presence::PathSearch;
pub(crate) use resolve::read_directory;
pub use resolve::{Located, locate};

/// Whether an error says that data is missing or damaged, so that only what consists of it is lost, rather than that the
/// store cannot be used.
pub(crate) fn is_about_data(error: &Error) -> bool {
    match error {
        Error::Storage(error) => error.is_about_blob(),
        Error::Damaged { .. } | Error::ContentMissing { .. } | Error::PackMissing { .. } => true,
        Error::NotSupportedYet { .. } => true,
        _ => false,
    }
}
