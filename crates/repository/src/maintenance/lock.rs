//! The lock that keeps apart what moves or deletes packs.

use std::path::Path;

use holdfast_host::fs::{FileLock, LockError, create_dir_all_synced};

use crate::repository::Repository;
use crate::{Error, Result};

/// Keeps other processes of this machine from maintaining or repairing the same repository, as long as they use the same
/// directory, one of this user.
///
/// # Errors
/// [`Error::MaintenanceRunning`], [`Error::Cache`].
pub(crate) fn lock(repository: &Repository, directory: &Path) -> Result<FileLock> {
    const DIRECTORY_MODE: u32 = 0o700;
    let id = repository.unique_id();
    let name = format!("{}.maintenance-lock", hex::encode(&id[..id.len().min(16)]));
    let path = directory.join(name);
    let failed = |source| Error::Cache {
        path: path.clone(),
        source,
    };
    create_dir_all_synced(directory, DIRECTORY_MODE).map_err(failed)?;
    match FileLock::try_acquire(&path) {
        Ok(lock) => Ok(lock),
        Err(LockError::Held(path)) => Err(Error::MaintenanceRunning { path }),
        Err(LockError::Io(source)) => Err(failed(source)),
    }
}
