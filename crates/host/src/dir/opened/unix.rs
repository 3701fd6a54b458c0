//! Open files on Unix.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use super::FileState;
use crate::dir::FileTime;

/// What an open file is now.
pub fn file_state(file: &File) -> io::Result<FileState> {
    let there = file.metadata()?;
    let time = |seconds, nanoseconds: i64| FileTime {
        seconds,
        nanoseconds: nanoseconds as u32,
    };
    Ok(FileState {
        is_file: there.is_file(),
        size: there.size(),
        links: there.nlink(),
        uid: there.uid(),
        gid: there.gid(),
        modified: time(there.mtime(), there.mtime_nsec()),
        changed: time(there.ctime(), there.ctime_nsec()),
        device: there.dev(),
        number: there.ino(),
    })
}

/// Gives `new` the content of `old` by sharing its blocks, where the file system can; says whether it did. A file that
/// was not cloned is as it was.
///
/// # Errors
/// A file system that can and fails.
pub fn clone_file(new: &File, old: &File) -> io::Result<bool> {
    #[cfg(target_os = "linux")]
    {
        use rustix::io::Errno;
        match rustix::fs::ioctl_ficlone(new, old) {
            Ok(()) => return Ok(true),
            Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::IO)) => return Err(error.into()),
            // Everything else says that these two files cannot share blocks.
            Err(_) => {}
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (new, old);
    Ok(false)
}

/// Whether this thread may give files to other users.
pub fn may_set_owners() -> bool {
    #[cfg(target_os = "linux")]
    if let Ok(sets) = rustix::thread::capabilities(None) {
        let change = rustix::thread::CapabilitySet::CHOWN;
        return sets.effective.contains(change);
    }
    rustix::process::geteuid().is_root()
}

/// The user that owns what this thread creates.
pub fn own_user() -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}
