//! The files in the cache of a repository: one for each source, and a lock for whoever changes them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_host::Cancel;
use holdfast_host::fs::{CacheFile, FileLock, LockError};
use holdfast_repository::{CacheSeal, Repository};

use super::Failure;
use super::file::{Broken, Segment};
use super::state;

const SUFFIX: &str = ".find";
const FILE_MODE: u32 = 0o600;
/// How long to wait before another look at a lock that another process holds.
const PAUSE: Duration = Duration::from_millis(50);

/// The folder of one repository.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder, made when it is missing; nothing where the repository has no cache.
    pub(super) fn of(repo: &Repository) -> Option<Self> {
        Some(Self {
            path: repo.cache_folder("search")?,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file about a source. Its name does not tell which.
    pub(super) fn file(&self, repo: &Repository, source: &str) -> PathBuf {
        let name = state::digest(repo.hasher(), "file of a search index", source.as_bytes());
        self.path.join(hex::encode(name) + SUFFIX)
    }

    /// Waits until no other process changes anything here, and removes what one left half-written.
    pub(super) fn lock(&self, cancel: &Cancel) -> Result<FileLock, Failure> {
        let path = self.path.join("lock");
        loop {
            match FileLock::try_acquire(&path) {
                Ok(lock) => {
                    self.remove(|name| name.contains(".tmp."));
                    return Ok(lock);
                }
                Err(LockError::Held(_)) => std::thread::sleep(PAUSE),
                Err(LockError::Io(error)) => return Err(error.into()),
            }
            cancel.check()?;
        }
    }

    /// Removes the files of all sources but those whose files these are. The lock must be held.
    pub(super) fn keep_only(&self, files: &[PathBuf]) {
        self.remove(|name| name.ends_with(SUFFIX) && !files.contains(&self.path.join(name)));
    }

    /// Whether there are files of other sources.
    pub(super) fn has_others(&self, files: &[PathBuf]) -> bool {
        self.names()
            .any(|name| name.ends_with(SUFFIX) && !files.contains(&self.path.join(name)))
    }

    fn names(&self) -> impl Iterator<Item = String> {
        let entries = std::fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok())
    }

    fn remove(&self, is_meant: impl Fn(&str) -> bool) {
        for name in self.names().filter(|name| is_meant(name)) {
            // One that cannot go does no harm.
            let _ = std::fs::remove_file(self.path.join(name));
        }
    }
}

/// The index in a file; nothing when there is none. One that cannot be used counts as none, and the log says why.
pub(super) fn open(path: &Path, seal: &CacheSeal) -> Option<Segment> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "the search index cannot be read and is made anew");
            return None;
        }
    };
    match Segment::open(file, seal) {
        Ok(segment) => Some(segment),
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "the search index cannot be used and is made anew");
            None
        }
    }
}

/// A new file that takes the place of `path` when it is complete.
pub(super) fn create(path: &Path) -> Result<CacheFile, Broken> {
    Ok(CacheFile::create(path, FILE_MODE)?)
}
