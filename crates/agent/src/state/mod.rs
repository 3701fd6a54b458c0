//! What the agent keeps on disk: the journal, and a state file for people.
//!
//! ```text
//! <state>/agent.lock      held while an agent runs on this folder
//! <state>/agent.journal   what was begun, ended and reported (see `journal`)
//! <state>/status.json     what `holdfast-agent status` prints
//! <state>/vaults/<uuid>/  per vault: the repository's local files
//! ```

mod journal;
mod record;
mod status;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use holdfast_host::fs::{self, FileLock, LockError};
use uuid::Uuid;

pub use journal::Journal;
pub use record::{
    CommandEntry, CommandProgress, JournalState, OfflineEntry, Record, RunEntry, RunFinal, is_local,
};
pub use status::{StatusFile, StatusRun};

/// Mode of the agent's folders: nobody else looks in.
const FOLDER_MODE: u32 = 0o700;

/// The state folder, held by this process alone.
#[derive(Debug)]
pub struct StateFolder {
    root: PathBuf,
    cache: PathBuf,
    _lock: FileLock,
}

impl StateFolder {
    /// Creates the folders when they are missing and takes the lock.
    ///
    /// # Errors
    /// When another agent works on the same folder, or it cannot be created.
    pub fn open(root: &Path, cache: &Path) -> Result<Self> {
        for folder in [root, cache] {
            fs::create_dir_all_synced(folder, FOLDER_MODE)
                .with_context(|| format!("create the folder {}", folder.display()))?;
        }
        let lock = match FileLock::try_acquire(&lock_path(root)) {
            Ok(lock) => lock,
            Err(LockError::Held(path)) => {
                bail!(
                    "another agent is running on {}; stop it first, or set another state_dir ({} is locked)",
                    root.display(),
                    path.display()
                )
            }
            Err(LockError::Io(error)) => {
                return Err(error).with_context(|| format!("lock the folder {}", root.display()));
            }
        };
        Ok(Self {
            root: root.to_owned(),
            cache: cache.to_owned(),
            _lock: lock,
        })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Path of the journal.
    pub fn journal_path(&self) -> PathBuf {
        self.root.join("agent.journal")
    }

    /// Folders of vaults.
    pub fn vaults(&self) -> VaultFolders {
        VaultFolders {
            state: self.root.join("vaults"),
            cache: self.cache.join("vaults"),
        }
    }
}

/// Whether an agent is running on the folder.
pub fn is_running(root: &Path) -> bool {
    let path = lock_path(root);
    path.exists() && matches!(FileLock::try_acquire(&path), Err(LockError::Held(_)))
}

fn lock_path(root: &Path) -> PathBuf {
    root.join("agent.lock")
}

/// Where the local files of vaults lie.
#[derive(Clone, Debug)]
pub struct VaultFolders {
    state: PathBuf,
    cache: PathBuf,
}

impl VaultFolders {
    /// Folders below the two given ones.
    pub fn new(state: PathBuf, cache: PathBuf) -> Self {
        Self { state, cache }
    }

    /// Cache of one vault, created when missing. It may be deleted while nothing runs.
    pub fn cache_of(&self, vault: Uuid) -> std::io::Result<PathBuf> {
        let folder = self.cache.join(vault.to_string());
        fs::create_dir_all_synced(&folder, FOLDER_MODE)?;
        Ok(folder)
    }

    /// State of one vault, created when missing.
    pub fn state_of(&self, vault: Uuid) -> std::io::Result<PathBuf> {
        let folder = self.state.join(vault.to_string());
        fs::create_dir_all_synced(&folder, FOLDER_MODE)?;
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_agent_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("state");
        assert!(!is_running(&root));
        let held = StateFolder::open(&root, &folder.path().join("cache")).unwrap();
        assert!(is_running(&root));
        let error = StateFolder::open(&root, &folder.path().join("cache"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("another agent is running"), "{error}");
        drop(held);
        assert!(!is_running(&root));
    }
}
