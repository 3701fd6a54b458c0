//! Snapshots as a file system that is only read.
//!
//! [`Tree`] is the file system itself: numbers of nodes, folders, attributes, bytes at an offset. It knows nothing of
//! the system that asks, so that it is tested without one. [`mount()`] hands it to FUSE where there is FUSE.
//!
//! Snapshots do not change, so everything may be kept and nothing has to be asked twice; what is kept is bounded in
//! bytes. No lock is held while the store is read: whoever wants the same content waits for it, everybody else goes on.

mod budget;
mod cache;
mod catalogue;
mod extended;
mod failure;
mod file;
#[cfg(unix)]
mod fuse;
mod handles;
mod info;
mod listing;
#[cfg(unix)]
mod mount;
mod nodes;
mod read_ahead;
mod reports;
mod shelf;
mod tree;

pub use failure::Failure;
pub use file::{OpenFile, Seek};
pub use info::{Attributes, Kind};
#[cfg(unix)]
pub use mount::{Ended, MountError, MountRequest, Prepared, mount, prepare};
pub use reports::{Report, Unreadable};
pub use tree::{Folder, Item, Options, ROOT, Totals, Tree};
