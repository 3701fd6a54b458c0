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

/// Metadata in the form the repository stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What the entry is.
    pub kind: Kind,
    /// Permissions in the bits of format 2 §4.3: set-uid 1<<23, set-gid 1<<22, sticky 1<<20, the rest as on Unix.
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
    /// Device the entry lives on, 0 on Windows.
    pub device: u64,
}

const PERMISSIONS: u32 = 0o777;
/// Pairs of a bit of a Unix mode and the one of the repository format.
const SPECIAL: [(u32, u32); 3] = [(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)];

/// Permissions of Unix (`0o7777`) in the bits of the repository format.
pub fn go_mode(unix: u32) -> u32 {
    SPECIAL
        .iter()
        .filter(|(bit, _)| unix & bit != 0)
        .fold(unix & PERMISSIONS, |mode, (_, stored)| mode | stored)
}

/// Permissions of the repository format in the bits of Unix (`0o7777`).
pub fn unix_mode(stored: u32) -> u32 {
    SPECIAL
        .iter()
        .filter(|(_, bit)| stored & bit != 0)
        .fold(stored & PERMISSIONS, |mode, (unix, _)| mode | unix)
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
            mode: go_mode(metadata.mode),
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_bits_move() {
        for (unix, stored) in [
            (0o644, 0o644),
            (0o4755, 0o40000755),
            (0o2755, 0o20000755),
            (0o1777, 0o4000777),
            (0o7777, 0o64000777),
            (0, 0),
        ] {
            assert_eq!(go_mode(unix), stored, "{unix:o}");
            assert_eq!(unix_mode(stored), unix, "{stored:o}");
        }
        assert_eq!(go_mode(0o100644), 0o644, "the file type is not kept");
    }
}
