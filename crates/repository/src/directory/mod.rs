//! Directory streams (format 2 §4): byte-exact writing, fast and tolerant reading, summaries.

mod decode;
mod encode;
mod entry;
mod extras;
mod fast;
mod mode;
mod names;
mod summary;
mod walk;

pub use decode::{DirectoryError, decode, decode_entry};
pub use encode::{encode, encode_entry};
pub use entry::{DirectoryEntry, EntryKind};
pub use extras::{Bytes64, Extras, PosixAcls, WindowsExtras};
pub use mode::{FileMode, InvalidMode};
pub use names::{lossy_text, stored_names};
pub use summary::{DirectorySummary, EntryError, SummaryBuilder};

pub use walk::TreeItem;

/// A decoded directory stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// The entries in stream order.
    pub entries: Vec<DirectoryEntry>,
    /// Totals of this directory and everything below.
    pub summary: DirectorySummary,
    /// Extras of the directory itself; only a snapshot's root carries them in its own stream.
    pub extras: Option<Box<Extras>>,
}
