//! Locks between processes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::with_path;

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process, or another place of this one, holds it.
    #[error("{} is locked by another process", .0.display())]
    Held(PathBuf),
    /// The lock file cannot be opened or locked.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// An exclusive lock on a file, held until dropped or until the process ends, however it ends.
/// The file stays: removing it would let two processes lock two files of one name.
#[derive(Debug)]
pub struct FileLock {
    file: File,
}

impl FileLock {
    /// Takes the lock or fails at once with [`LockError::Held`]. Creates the file, mode 0600, when missing.
    pub fn try_acquire(path: &Path) -> Result<Self, LockError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(with_path(error, "lock", path).into()),
        }
    }

    /// Waits until the lock is free and takes it. Creates the file, mode 0600, when missing.
    pub fn acquire(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        file.lock()
            .map_err(|error| with_path(error, "lock", path))?;
        Ok(Self { file })
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing the file unlocks it in any case, but on Windows only some time later.
        let _ = self.file.unlock();
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map_err(|error| with_path(error, "open lock file", path))
}
