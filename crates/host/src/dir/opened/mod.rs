//! Open files: what they are at a moment, copies that share their blocks, and locks.

use std::fs::{File, TryLockError};
use std::io;

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

/// How an open file is locked by [`try_lock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// By any number of handles at a time.
    Shared,
    /// By one handle, and none that shares. On Windows no other handle reads or writes the file meanwhile.
    Exclusive,
}

/// Takes a lock on an open file without waiting; says whether it is held now. It ends with the last handle made from this
/// one, however the process ends.
///
/// # Errors
/// A file system without such locks.
pub fn try_lock(file: &File, lock: Lock) -> io::Result<bool> {
    let taken = match lock {
        Lock::Shared => file.try_lock_shared(),
        Lock::Exclusive => file.try_lock(),
    };
    match taken {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
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
    fn locks_exclude_each_other_until_the_last_handle_goes() {
        let place = tempfile::tempdir().expect("a temporary directory");
        fs::write(place.path().join("file"), b"locked").expect("write");
        let dir = Dir::open(place.path()).expect("open");
        let open = || dir.open_file(b"file").expect("open");
        let take = |file: &File, lock| try_lock(file, lock).expect("lock");
        let (one, other) = (open(), open());
        assert!(take(&one, Lock::Shared) && take(&other, Lock::Shared));
        assert!(!take(&other, Lock::Exclusive));
        drop((one, other));
        let one = open();
        assert!(take(&one, Lock::Exclusive) && !take(&open(), Lock::Shared));
        let copy = one.try_clone().expect("another handle");
        drop(one);
        assert!(!take(&open(), Lock::Shared));
        drop(copy);
        assert!(take(&open(), Lock::Exclusive));
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
