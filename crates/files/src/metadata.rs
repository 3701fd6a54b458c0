//! What a snapshot keeps of an entry besides its content.

use holdfast_host::dir;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// A device, a pipe, a socket: nothing that a snapshot can hold.
    Other,
}

/// Metadata as far as a snapshot keeps or compares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What the entry is.
    pub kind: Kind,
    /// Permission bits as on Unix, with set-uid, set-gid and sticky (`0o7777`).
    pub mode: u32,
    /// Size in bytes; of a symbolic link, that of its target text; 0 for directories.
    pub size: u64,
    /// Last change of the content, nanoseconds since 1970 wrapped to 64 bits (format 2 §0.2).
    pub modified: i64,
    /// Last change of content or metadata in the same form; not stored.
    pub changed: i64,
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
    /// Whether the file may have holes.
    pub may_have_holes: bool,
    /// Whether it is a stream, which is read once from its beginning to its end; its size is not known before.
    pub is_stream: bool,
}

impl From<dir::Metadata> for Metadata {
    fn from(metadata: dir::Metadata) -> Self {
        let kind = match metadata.kind {
            dir::Kind::File => Kind::File,
            dir::Kind::Directory => Kind::Directory,
            dir::Kind::Symlink => Kind::Symlink,
            dir::Kind::Other | dir::Kind::Unknown => Kind::Other,
        };
        Self {
            kind,
            mode: metadata.mode,
            size: if kind == Kind::Directory {
                0
            } else {
                metadata.size
            },
            modified: metadata.modified.wrapped_nanoseconds(),
            changed: metadata.changed.wrapped_nanoseconds(),
            uid: metadata.uid,
            gid: metadata.gid,
            device: metadata.device,
            inode: metadata.inode,
            links: metadata.links,
            may_have_holes: metadata.may_have_holes,
            is_stream: false,
        }
    }
}
