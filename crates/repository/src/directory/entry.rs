//! Entries of a directory (format 2 §4.2).

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{DirectorySummary, Extras, FileMode};
use crate::json::UnixNanos;
use crate::object::ObjectId;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file (`f`).
    File,
    /// A directory (`d`).
    Directory,
    /// A symlink (`s`); its object holds the raw target.
    Symlink,
    /// Anything else, with the text of its type: listed, not restorable.
    Other(Box<str>),
}

impl EntryKind {
    /// The text of the type in a stream.
    pub fn as_str(&self) -> &str {
        match self {
            Self::File => "f",
            Self::Directory => "d",
            Self::Symlink => "s",
            Self::Other(text) => text,
        }
    }

    /// The type of a text in a stream.
    pub fn from_text(text: &str) -> Self {
        match text {
            "f" => Self::File,
            "d" => Self::Directory,
            "s" => Self::Symlink,
            other => Self::Other(other.into()),
        }
    }
}

/// One entry of a directory, or the root entry of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The stored name. Bytes that are not UTF-8 are written as U+FFFD; give such an entry a text from
    /// [`stored_names`](super::stored_names) and its real name in [`Extras::raw_name`] instead.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits.
    pub mode: FileMode,
    /// Files: bytes read. Symlinks: length of the target. Directories: 0, except in migrated snapshots.
    pub size: i64,
    /// Modification time.
    pub mtime: UnixNanos,
    /// Numeric owner, 0 on Windows.
    pub uid: u32,
    /// Numeric group, 0 on Windows.
    pub gid: u32,
    /// The data. Always present in entries that this program writes.
    pub object: Option<ObjectId>,
    /// Directories: the summary in the child's stream. Also on a root that is a single file.
    pub summary: Option<Box<DirectorySummary>>,
    /// What the format has no fields for.
    pub extras: Option<Box<Extras>>,
    /// Keys of later versions, kept when the entry is written again: key and JSON text in source order.
    pub unknown: Vec<(String, Vec<u8>)>,
}

impl DirectoryEntry {
    /// An entry with everything else empty.
    pub fn new(name: impl Into<Vec<u8>>, kind: EntryKind) -> Self {
        Self {
            name: name.into(),
            kind,
            mode: FileMode::default(),
            size: 0,
            mtime: UnixNanos::EPOCH,
            uid: 0,
            gid: 0,
            object: None,
            summary: None,
            extras: None,
            unknown: Vec::new(),
        }
    }

    /// The name as the system it came from had it: raw bytes when it was not UTF-8.
    pub fn file_name(&self) -> &[u8] {
        match self
            .extras
            .as_ref()
            .and_then(|extras| extras.raw_name.as_ref())
        {
            Some(raw) => &raw.0,
            None => &self.name,
        }
    }

    /// The stored name as text.
    pub fn name_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.name)
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == EntryKind::Directory
    }

    /// The order of entries in a stream: directories first, then by the bytes of the names (format 2 §4.5).
    pub fn stream_order(&self, other: &Self) -> Ordering {
        other
            .is_directory()
            .cmp(&self.is_directory())
            .then_with(|| self.file_name().cmp(other.file_name()))
    }
}
