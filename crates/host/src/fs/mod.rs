//! Files that are either there as a whole or not at all, also after a power cut.

mod atomic;
mod directories;
mod lock;
mod scratch;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

pub use atomic::{CacheFile, atomic_write, cache_write, random_suffix};
pub use directories::{create_dir_all_synced, create_dirs_below};
pub use lock::{FileLock, LockError};
pub use scratch::{ScratchFile, ScratchMemory};
#[cfg(unix)]
pub use unix::{create_new_file, read_exact_at, replace_file, sync_dir};
#[cfg(windows)]
pub use windows::{create_new_file, read_exact_at, replace_file, sync_dir};

use std::io;
use std::path::Path;

/// Adds the path, and what was being done, to an error of the system; its kind stays.
pub(crate) fn with_path(error: io::Error, action: &str, path: &Path) -> io::Error {
    io::Error::new(
        error.kind(),
        PathError {
            message: format!("{action} {}", path.display()),
            source: error,
        },
    )
}

#[derive(Debug, thiserror::Error)]
#[error("{message}: {source}")]
struct PathError {
    message: String,
    source: io::Error,
}
