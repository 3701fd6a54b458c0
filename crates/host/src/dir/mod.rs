//! Access to files relative to an open directory.
//!
//! Names are raw bytes: what the file system holds on Unix, WTF-8 on Windows. No call follows a symbolic link in the name
//! it is given, so neither reading nor writing leaves the tree that the first [`Dir::open`] entered. On Windows, which
//! has no such calls in its documented interface, a [`Dir`] is a path and the promise holds only while nobody replaces a
//! directory by a link.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

mod entries;
pub mod extended;
mod opened;
mod probe;

pub use entries::{Entries, Entry};
pub use opened::{FileState, Lock, clone_file, file_state, may_set_owners, own_user, try_lock};
pub use probe::{NameSupport, Replacing};
pub use system::{
    Dir, bytes_to_path, creation_mask, own_ids, path_to_bytes, read_at, set_owner, set_permissions,
    set_times, write_all_at,
};

/// What an entry of a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, a pipe, a socket or something else without content of its own.
    Other,
    /// The directory does not say; [`Dir::metadata`] does.
    Unknown,
}

/// A point in time as file systems keep it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileTime {
    /// Whole seconds since 1970, rounded down.
    pub seconds: i64,
    /// Nanoseconds after that second, below 1,000,000,000.
    pub nanoseconds: u32,
}

impl FileTime {
    /// What stands for a time that the file system does not keep: the last one that 64 bits of nanoseconds hold.
    pub const UNKNOWN: Self = Self {
        seconds: i64::MAX / 1_000_000_000,
        nanoseconds: (i64::MAX % 1_000_000_000) as u32,
    };

    /// The time that many nanoseconds after 1970.
    pub fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self {
            seconds: nanoseconds.div_euclid(1_000_000_000),
            nanoseconds: nanoseconds.rem_euclid(1_000_000_000) as u32,
        }
    }

    /// Nanoseconds since 1970 in 64 bits; times outside 1677 to 2262 wrap around, as they do in the repository format
    /// (format 2 §0.2).
    pub fn wrapped_nanoseconds(self) -> i64 {
        self.seconds
            .wrapping_mul(1_000_000_000)
            .wrapping_add(i64::from(self.nanoseconds))
    }
}

/// Which file it is: its device, and its number there.
pub type FileId = (u64, u64);

/// Metadata of an entry; a symbolic link is described itself, not its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is, never [`Kind::Unknown`].
    pub kind: Kind,
    /// Permission bits as on Unix, with set-uid, set-gid and sticky (`0o7777`). On Windows 0666 or 0444 for files and 0777
    /// or 0555 for directories.
    pub mode: u32,
    /// Size in bytes; for a symbolic link that of its target text.
    pub size: u64,
    /// Last change of the content.
    pub modified: FileTime,
    /// Last change of content or metadata, [`FileTime::UNKNOWN`] where the file system does not keep it.
    pub changed: FileTime,
    /// Owner, 0 on Windows.
    pub uid: u32,
    /// Group, 0 on Windows.
    pub gid: u32,
    /// Device the entry lives on.
    pub device: u64,
    /// Number of the entry on its device.
    pub inode: u64,
    /// How many names the entry has.
    pub links: u64,
    /// Whether the file takes less room than it has bytes, so that [`extended::data_extents`] may find holes.
    pub may_have_holes: bool,
}

impl Metadata {
    /// Which file it is, where the system says so.
    pub fn id(&self) -> Option<FileId> {
        (self.inode != 0).then_some((self.device, self.inode))
    }
}

#[cfg(test)]
mod tests;
