//! Open files: what they are at a moment, and copies that share their blocks.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

use super::{FileId, FileTime};

pub use system::{clone_file, file_state, may_set_owners, own_user};

/// What an open file is at a moment. Two that are equal are of one file that nobody changed in between, as far as the
/// times of the file system are fine enough to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileState {
    /// Whether it is a regular file.
    pub is_file: bool,
    /// Size in bytes.
    pub size: u64,
    /// How many names it has.
    pub links: u64,
    /// Owner, 0 on Windows.
    pub uid: u32,
    /// Group, 0 on Windows.
    pub gid: u32,
    /// Last change of the content.
    pub modified: FileTime,
    changed: FileTime,
    device: u64,
    number: u64,
}

impl FileState {
    /// Which file it is, as [`Metadata::id`](super::Metadata::id) says it.
    pub fn id(&self) -> Option<FileId> {
        (self.number != 0).then_some((self.device, self.number))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::dir::{Dir, write_all_at};

    #[test]
    fn the_state_tells_of_changes_and_links() {
        let place = tempfile::tempdir().expect("a temporary directory");
        fs::write(place.path().join("file"), b"before").expect("write");
        let dir = Dir::open(place.path()).expect("open");
        let file = dir.open_file(b"file").expect("open");
        let before = file_state(&file).expect("state");
        assert!(before.is_file && before.size == 6 && before.links == 1);
        assert_eq!(file_state(&file).expect("state"), before);
        let named = dir.metadata(b"file").expect("metadata");
        assert!(named.id().is_some() && named.id() == before.id());
        fs::hard_link(place.path().join("file"), place.path().join("other")).expect("link");
        assert_eq!(file_state(&file).expect("state").links, 2);
        fs::write(place.path().join("file"), b"after it").expect("write");
        assert_ne!(file_state(&file).expect("state"), before);
    }

    #[test]
    fn a_clone_has_the_bytes_or_is_not_made() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let dir = Dir::open(place.path()).expect("open");
        let content = vec![7; 100_000];
        fs::write(place.path().join("old"), &content).expect("write");
        let old = dir.open_file(b"old").expect("open");
        let new = dir.create_file(b"new", 0o600).expect("create");
        if clone_file(&new, &old).expect("clone") {
            assert!(fs::read(place.path().join("new")).expect("read") == content);
        } else {
            write_all_at(&new, b"usable", 0).expect("write");
        }
    }
}
