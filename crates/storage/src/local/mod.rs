//! A repository in a local directory, file by file as the format's own file system provider writes
//! it (format 1 §1.3), with the directories synced on top.

mod list;
mod shards;
mod writer;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, IoSlice, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use holdfast_host::fs::{
    atomic_write, create_dir_all_synced, create_dirs_below, read_exact_at, sync_dir,
};
use jiff::Timestamp;
use parking_lot::Mutex;

use self::shards::SHARDS_FILE;
pub use self::shards::Sharding;
use self::writer::LocalWriter;
use crate::memory::out_of_range;
use crate::retention::{no_object_lock, refuse_retention};
use crate::{
    BlobId, BlobInfo, BlobStore, BlobWriter, Capabilities, Error, ErrorKind, PutOptions, Result,
    Retention, Retry, TransferCounters,
};

/// Permission bits of blob files.
const FILE_MODE: u32 = 0o600;
/// Permission bits of the directories that we create.
const DIRECTORY_MODE: u32 = 0o700;

/// A store in a directory.
#[derive(Clone)]
pub struct LocalStore {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    sharding: Sharding,
    /// Whether the file `.shards` is on disk; it is written before the first blob.
    sharding_stored: Mutex<bool>,
    /// Directories, relative to the root, that this process created or found and whose parents it synced.
    ready_directories: Mutex<HashSet<PathBuf>>,
    counters: TransferCounters,
}

impl LocalStore {
    /// Opens an existing directory. It may be empty: a `.shards` file for a new repository is then
    /// written before the first blob.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        let location = location_of(&root);
        match std::fs::metadata(&root) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "open",
                    location,
                    "not a directory",
                ));
            }
            Err(error) => return Err(open_error(&location, error)),
        }
        let (sharding, stored) = match std::fs::read(root.join(SHARDS_FILE)) {
            Ok(text) => {
                let sharding = Sharding::parse(&text).map_err(|error| {
                    Error::new(
                        ErrorKind::Invalid,
                        "open",
                        &location,
                        format!("its file {SHARDS_FILE} cannot be understood: {error}"),
                    )
                    .hint("restore that file from a copy; without it the blobs cannot be found")
                })?;
                (sharding, true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Whoever lost the file is read as stock would read it.
                let sharding = match root.join("kopia.repository.f").exists() {
                    true => Sharding::for_repository_without_file(),
                    false => Sharding::for_new_repository(),
                };
                (sharding, false)
            }
            Err(error) => return Err(open_error(&location, error)),
        };
        Ok(Self {
            inner: Arc::new(Inner {
                root,
                sharding,
                sharding_stored: Mutex::new(stored),
                ready_directories: Mutex::default(),
                counters: TransferCounters::default(),
            }),
        })
    }

    /// Creates the directory and those above it where they are missing (mode 0700), and opens it.
    pub fn create_directory(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        create_dir_all_synced(&root, DIRECTORY_MODE)
            .map_err(|error| io_error("create", &location_of(&root), error))?;
        Self::open(root)
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// The file that holds, or would hold, a blob.
    pub fn path_of(&self, id: &BlobId) -> Result<PathBuf> {
        Ok(self.inner.root.join(self.inner.relative_path(id)?))
    }

    fn open_blob(&self, id: &BlobId) -> Result<File> {
        self.inner.counters.add_gets(1);
        let path = self.path_of(id)?;
        File::open(&path).map_err(|error| self.inner.blob_error("read", id, error))
    }
}

impl std::fmt::Debug for LocalStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LocalStore").field(&self.inner.root).finish()
    }
}

impl Inner {
    fn relative_path(&self, id: &BlobId) -> Result<PathBuf> {
        self.sharding.path_of(id).ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                "name",
                location_of(&self.root),
                "its name cannot be a path",
            )
            .blob(id)
        })
    }

    /// Makes sure that the directory of a blob's file exists and will survive.
    fn prepare_directory(&self, relative: &Path) -> io::Result<()> {
        let mut stored = self.sharding_stored.lock();
        if !*stored {
            atomic_write(
                &self.root.join(SHARDS_FILE),
                &self.sharding.to_file(),
                FILE_MODE,
            )?;
            *stored = true;
        }
        drop(stored);
        let Some(directory) = relative.parent().filter(|path| *path != Path::new("")) else {
            return Ok(());
        };
        // Held while creating: a second thread must not use a directory that is not synced yet.
        let mut ready = self.ready_directories.lock();
        if !ready.contains(directory) {
            create_dirs_below(&self.root, directory, DIRECTORY_MODE)?;
            ready.insert(directory.to_owned());
        }
        Ok(())
    }

    fn forget_directories(&self) {
        self.ready_directories.lock().clear();
    }

    /// Turns an error of the system into ours. A missing file is a missing blob only while the root is there.
    fn blob_error(&self, operation: &'static str, id: &BlobId, error: io::Error) -> Error {
        let location = location_of(&self.root);
        if error.kind() != io::ErrorKind::NotFound {
            return io_error(operation, &location, error).blob(id);
        }
        if self.root.is_dir() {
            Error::new(
                ErrorKind::NotFound,
                operation,
                location,
                "it does not exist",
            )
        } else {
            missing_root(operation, &location)
        }
        .blob(id)
    }
}

impl BlobStore for LocalStore {
    fn put(&self, id: &BlobId, data: Bytes, options: &PutOptions) -> Result<()> {
        let attempt = || {
            let mut writer = self.create(id, options)?;
            writer.write(&[IoSlice::new(&data)])?;
            writer.commit()
        };
        match attempt() {
            Err(error) if error.retry_class() == Retry::Temporary => {
                tracing::debug!(%error, "writing a blob failed and is tried once more");
                self.inner.forget_directories();
                attempt().map_err(|error| match error.retry_class() {
                    Retry::Temporary => error.retry(Retry::Persistent),
                    _ => error,
                })
            }
            result => result,
        }
    }

    fn create(&self, id: &BlobId, options: &PutOptions) -> Result<Box<dyn BlobWriter>> {
        refuse_retention(id, options, &self.location())?;
        Ok(Box::new(LocalWriter::start(&self.inner, id)?))
    }

    fn get(&self, id: &BlobId) -> Result<Bytes> {
        let mut file = self.open_blob(id)?;
        // Reserves by the length of the file, and fails instead of ending the program when there is no such memory.
        let mut data = Vec::new();
        file.read_to_end(&mut data)
            .map_err(|error| self.inner.blob_error("read", id, error))?;
        self.inner.counters.add_downloaded(data.len() as u64);
        Ok(data.into())
    }

    fn get_range(&self, id: &BlobId, offset: u64, buffer: &mut [u8]) -> Result<()> {
        if buffer.is_empty() {
            return Ok(());
        }
        let file = self.open_blob(id)?;
        match read_exact_at(&file, buffer, offset) {
            Ok(()) => {
                self.inner.counters.add_downloaded(buffer.len() as u64);
                Ok(())
            }
            // The system refuses offsets that no file can have in the same way as it ends short ones.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput
                ) =>
            {
                let length = file.metadata().map(|metadata| metadata.len()).unwrap_or(0);
                Err(out_of_range(
                    id,
                    &self.location(),
                    offset,
                    buffer.len(),
                    length,
                ))
            }
            Err(error) => Err(self.inner.blob_error("read", id, error)),
        }
    }

    fn stat(&self, id: &BlobId) -> Result<BlobInfo> {
        self.inner.counters.add_gets(1);
        let metadata = std::fs::metadata(self.path_of(id)?)
            .map_err(|error| self.inner.blob_error("look up", id, error))?;
        Ok(info_of(id.clone(), &metadata))
    }

    fn delete(&self, id: &BlobId) -> Result<()> {
        self.inner.counters.add_deletes(1);
        let path = self.path_of(id)?;
        let directory = path.parent().unwrap_or(&self.inner.root);
        match std::fs::remove_file(&path) {
            Ok(()) => {
                sync_dir(directory).map_err(|error| self.inner.blob_error("delete", id, error))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.inner.root.is_dir() => {
                Ok(())
            }
            Err(error) => Err(self.inner.blob_error("delete", id, error)),
        }
    }

    fn extend_retention(&self, id: &BlobId, _retention: Retention) -> Result<()> {
        Err(no_object_lock("lock", id, &self.location()))
    }

    fn retention(&self, _id: &BlobId) -> Result<Option<Retention>> {
        Ok(None)
    }

    fn list(&self, prefix: &str, each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>) -> Result<()> {
        self.inner.counters.add_lists(1);
        let walk = list::Walk {
            sharding: &self.inner.sharding,
            prefix,
        };
        match walk.run(&self.inner.root, each) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(missing_root("list", &self.location()))
            }
            Err(error) => Err(io_error("list", &self.location(), error)),
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            streaming_writes: true,
            ordered_list: false,
            object_lock: false,
            writable: true,
        }
    }

    fn location(&self) -> String {
        location_of(&self.inner.root)
    }

    fn counters(&self) -> &TransferCounters {
        &self.inner.counters
    }
}

fn location_of(root: &Path) -> String {
    format!("directory {}", root.display())
}

fn info_of(id: BlobId, metadata: &std::fs::Metadata) -> BlobInfo {
    // A file system that has no times, or one outside of our calendar, makes the blob old.
    let modified = metadata
        .modified()
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH);
    BlobInfo {
        id,
        length: metadata.len(),
        modified,
    }
}

fn open_error(location: &str, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        missing_root("open", location)
    } else {
        io_error("open", location, error)
    }
}

fn missing_root(operation: &'static str, location: &str) -> Error {
    Error::new(
        ErrorKind::StoreNotFound,
        operation,
        location,
        "the directory does not exist",
    )
    .hint("check the path, and that its disk or share is mounted")
}

fn io_error(operation: &'static str, location: &str, error: io::Error) -> Error {
    use io::ErrorKind as Io;
    let (kind, retry, hint) = match error.kind() {
        Io::PermissionDenied => (
            ErrorKind::AccessDenied,
            Retry::Permanent,
            Some("give this user read and write permission there"),
        ),
        Io::ReadOnlyFilesystem => (
            ErrorKind::AccessDenied,
            Retry::Permanent,
            Some("the file system is mounted read-only"),
        ),
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => (
            ErrorKind::Full,
            Retry::Permanent,
            Some(
                "free some space or enlarge the file system, then run it again; nothing that was complete is lost",
            ),
        ),
        Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown | Io::TimedOut => {
            (ErrorKind::Unreachable, Retry::Temporary, None)
        }
        Io::NotADirectory | Io::IsADirectory | Io::InvalidInput => {
            (ErrorKind::Invalid, Retry::Permanent, None)
        }
        _ => (ErrorKind::Other, Retry::Temporary, None),
    };
    let mut result = Error::new(kind, operation, location, error.to_string())
        .retry(retry)
        .source(error);
    if let Some(hint) = hint {
        result = result.hint(hint);
    }
    result
}
