//! Reading of one directory: what is unchanged is taken over, small files go into the batch, everything else becomes
//! further work.

use std::sync::Arc;

use holdfast_files::{
    Kind, Listed, Listing, ScanError, ScanRequest, SourceDirectory, scan_directory,
};
use holdfast_planning::ignore::{FilePolicy, RelativePath, Rules};
use holdfast_repository::directory::{
    Bytes64, DirectoryEntry, EntryKind, Extras, FileMode, stored_names,
};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::object::ObjectId;
use holdfast_repository::policy::{Files, Policy, compressor_for};
use holdfast_repository::{Compression, Result};

use super::compare::Previous;
use super::node::{Node, Slot};
use super::stream::{LargeFile, LazyFile, Stream};
use super::upload::{Cached, compression_by_name};
use super::worker::{SmallFile, Worker};
use crate::problem::ProblemCode;

/// A directory that is to be read.
pub(super) struct DirectoryTask {
    /// What becomes of it.
    pub(super) node: Arc<Node>,
    /// How it is opened.
    pub(super) open: Open,
    /// Its path, for the ignore rules.
    pub(super) path: RelativePath,
    /// The rules of the directory above.
    pub(super) rules: Arc<Rules>,
    /// The same directory in earlier snapshots.
    pub(super) previous: Vec<ObjectId>,
}

/// How a directory is opened.
pub(super) enum Open {
    /// It is the root, and open.
    Root(Arc<dyn SourceDirectory>),
    /// By its name in the directory above.
    Child(Arc<dyn SourceDirectory>, Box<[u8]>),
}

/// An entry that is not complete after the listing.
enum Pending {
    Directory {
        index: usize,
        previous: Vec<ObjectId>,
    },
    File {
        index: usize,
        size: u64,
    },
    Symlink {
        index: usize,
    },
}

/// Reads a directory.
pub(super) fn process(worker: &mut Worker<'_>, task: DirectoryTask) -> Result<()> {
    let upload = worker.upload();
    let node = &task.node;
    upload.progress().set_current(&node.path);
    let policy = upload.policies().policy(&node.path);
    let own_device = node.metadata.device;
    let opened = match upload.actions().before(upload, &node.path) {
        Ok(Some(other)) => Ok(other),
        Err(error) => Err(error),
        Ok(None) => match &task.open {
            Open::Root(directory) => Ok((Arc::clone(directory), own_device)),
            Open::Child(parent, name) => parent
                .open_directory(name)
                .map(|opened| (opened, own_device)),
        },
    };
    let defined = upload
        .policies()
        .defined(&node.path)
        .map(|policy| file_policy(&policy.files));
    let scanned = opened
        .map_err(ScanError::List)
        .and_then(|(directory, device)| {
            let request = ScanRequest {
                path: &task.path,
                rules: &task.rules,
                policy: defined.as_ref(),
                skip_caches: policy.files.ignore_cache_dirs.unwrap_or(true),
                device,
            };
            scan_directory(directory.as_ref(), request).map(|scan| (directory, scan))
        });
    let (directory, scan) = match scanned {
        Ok(scanned) => scanned,
        Err(error) => {
            upload.actions().after(upload, &node.path);
            return unreadable(worker, node, policy, &error);
        }
    };
    upload.count_directory(scan.excluded);
    report_unreadable(worker, node, &scan.listing);
    let mut previous = Previous::load(upload.repository(), &task.previous);
    let (entries, pending) = compare(worker, node, policy, &scan.listing, &mut previous);
    node.set_entries(entries, pending.len(), previous.into_streams());
    upload.checkpoints().begin_directory(node);
    let read = Read {
        directory,
        task: &task,
        rules: scan.rules,
        policy,
        listing: &scan.listing,
    };
    read.start(worker, pending)?;
    worker.release(node)
}

/// The part of a policy that selects files, in the form of the ignore rules.
pub(super) fn file_policy(files: &Files) -> FilePolicy {
    FilePolicy {
        ignore: files.ignore.clone(),
        ignore_files: files.ignore_dot_files.clone(),
        max_file_size: files.max_file_size,
        one_file_system: files.one_file_system,
    }
}

/// A directory that cannot be read is left out of the one above; the root cannot be left out.
fn unreadable(
    worker: &mut Worker<'_>,
    node: &Arc<Node>,
    policy: &Policy,
    error: &ScanError,
) -> Result<()> {
    let upload = worker.upload();
    let Some(slot) = &node.parent else {
        upload.root_unreadable(error.to_string());
        return Ok(());
    };
    let ignored = policy
        .error_handling
        .ignore_directory_errors
        .unwrap_or(false);
    let code = match error {
        ScanError::List(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            ProblemCode::AccessDenied
        }
        ScanError::List(error) if error.kind() == std::io::ErrorKind::NotFound => {
            ProblemCode::Vanished
        }
        _ => ProblemCode::DirectoryUnreadable,
    };
    let problem = upload.entry_failed(node.path.clone(), code, error.to_string(), None, ignored);
    slot.node
        .add_failure(problem.path, problem.message, ignored);
    worker.release(&slot.node)
}

/// Entries whose metadata may not be read (format 2 §5.8).
fn report_unreadable(worker: &Worker<'_>, node: &Node, listing: &Listing) {
    for entry in &listing.unreadable {
        let path = node.path_of(&entry.name);
        let errors = &worker.upload().policies().policy(&path).error_handling;
        let ignored = if entry.is_directory {
            errors.ignore_directory_errors
        } else {
            errors.ignore_file_errors
        };
        worker.fail_entry(
            node,
            &entry.name,
            &entry.error,
            None,
            ignored.unwrap_or(false),
        );
    }
}

/// Makes the entries of a directory; what is not complete is returned with them.
fn compare(
    worker: &Worker<'_>,
    node: &Node,
    policy: &Policy,
    listing: &Listing,
    previous: &mut Previous,
) -> (Vec<DirectoryEntry>, Vec<Pending>) {
    let upload = worker.upload();
    let mut texts = StoredTexts::of(listing);
    let mut entries = Vec::with_capacity(listing.len());
    let mut pending = Vec::new();
    let mut cached = Cached::default();
    for (position, listed) in listing.iter().enumerate() {
        let index = entries.len();
        let kind = match listed.metadata.kind {
            Kind::Directory => EntryKind::Directory,
            Kind::File => EntryKind::File,
            Kind::Symlink => EntryKind::Symlink,
            Kind::Other => {
                unsupported(worker, node, policy, listed);
                continue;
            }
        };
        let mut entry = describe(texts.take(position, listed.name), kind, listed);
        let size = listed.metadata.size;
        match listed.metadata.kind {
            Kind::Directory => pending.push(Pending::Directory {
                index,
                previous: previous.directories(listed),
            }),
            _ => match previous
                .unchanged(listed)
                .filter(|object| upload.is_stored(object))
            {
                Some(object) => {
                    entry.object = Some(object);
                    cached.entries += 1;
                    match listed.metadata.kind {
                        Kind::Symlink => cached.symlink_bytes += size,
                        _ => cached.file_bytes += size,
                    }
                }
                None if listed.metadata.kind == Kind::Symlink => {
                    pending.push(Pending::Symlink { index })
                }
                None => pending.push(Pending::File { index, size }),
            },
        }
        entries.push(entry);
    }
    upload.count_cached(cached);
    (entries, pending)
}

/// An entry with everything but its object.
pub(super) fn describe(text: Vec<u8>, kind: EntryKind, listed: Listed<'_>) -> DirectoryEntry {
    let metadata = listed.metadata;
    let mut entry = DirectoryEntry::new(text, kind);
    entry.mode = FileMode::from_unix(metadata.mode);
    entry.size = i64::try_from(metadata.size).unwrap_or(i64::MAX);
    entry.mtime = UnixNanos(metadata.modified);
    entry.uid = metadata.uid;
    entry.gid = metadata.gid;
    if std::str::from_utf8(listed.name).is_err() {
        let extras = Extras {
            raw_name: Some(Bytes64(listed.name.to_vec())),
            ..Extras::default()
        };
        entry.extras = Some(Box::new(extras));
    }
    entry
}

/// The texts under which names are stored.
enum StoredTexts {
    /// All names are UTF-8 and stored as they are.
    Same,
    Texts(Vec<String>),
}

impl StoredTexts {
    fn of(listing: &Listing) -> Self {
        if listing
            .iter()
            .all(|entry| std::str::from_utf8(entry.name).is_ok())
        {
            return Self::Same;
        }
        let names: Vec<&[u8]> = listing.iter().map(|entry| entry.name).collect();
        Self::Texts(stored_names(&names))
    }

    fn take(&mut self, position: usize, name: &[u8]) -> Vec<u8> {
        match self {
            Self::Same => name.to_vec(),
            Self::Texts(texts) => std::mem::take(&mut texts[position]).into_bytes(),
        }
    }
}

fn unsupported(worker: &Worker<'_>, node: &Node, policy: &Policy, listed: Listed<'_>) {
    if policy.error_handling.ignore_unknown_types.unwrap_or(true) {
        return;
    }
    let path = node.path_of(listed.name);
    let message =
        "unknown or unsupported entry type: only files, directories and symbolic links are stored"
            .to_owned();
    let problem =
        worker
            .upload()
            .entry_failed(path, ProblemCode::UnsupportedType, message, None, false);
    node.add_failure(problem.path, problem.message, false);
}

/// A listed directory whose incomplete entries are read.
struct Read<'a> {
    directory: Arc<dyn SourceDirectory>,
    task: &'a DirectoryTask,
    /// Rules for the directories below.
    rules: Arc<Rules>,
    policy: &'a Policy,
    listing: &'a Listing,
}

impl Read<'_> {
    /// Hands out directories and large files, so that others can begin, and then reads the small files.
    fn start(&self, worker: &mut Worker<'_>, pending: Vec<Pending>) -> Result<()> {
        let upload = worker.upload();
        let node = &self.task.node;
        let ignore_errors = self
            .policy
            .error_handling
            .ignore_file_errors
            .unwrap_or(false);
        // Positions in the listing and among the entries differ by what was left out in between.
        let names = self.names();
        let (mut directories, mut streams, mut small) = (Vec::new(), Vec::new(), Vec::new());
        for pending in pending {
            match pending {
                Pending::Directory { index, previous } => {
                    directories.push(self.child(names[index], index, previous))
                }
                Pending::File { index, size } if size > upload.small_file_limit() as u64 => {
                    streams.extend(self.large(worker, names[index], index, size, ignore_errors)?);
                }
                pending => small.push(pending),
            }
        }
        upload.queue().push(streams, directories);
        for pending in small {
            if upload.is_stopped() {
                return Ok(());
            }
            match pending {
                Pending::Symlink { index } => {
                    let slot = Slot {
                        node: Arc::clone(node),
                        index,
                    };
                    worker.add_symlink(
                        self.directory.as_ref(),
                        names[index],
                        slot,
                        ignore_errors,
                    )?;
                }
                Pending::File { index, size } => {
                    self.small(worker, names[index], index, size, ignore_errors)?
                }
                Pending::Directory { .. } => {}
            }
        }
        Ok(())
    }

    fn names(&self) -> Vec<&[u8]> {
        self.listing
            .iter()
            .filter(|entry| entry.metadata.kind != Kind::Other)
            .map(|entry| entry.name)
            .collect()
    }

    fn child(&self, name: &[u8], index: usize, previous: Vec<ObjectId>) -> DirectoryTask {
        let parent = &self.task.node;
        let slot = Slot {
            node: Arc::clone(parent),
            index,
        };
        // Names of directories are unique, so the listing knows this one.
        let metadata = self
            .listing
            .find(name)
            .map_or(parent.metadata, |found| *found.metadata);
        DirectoryTask {
            node: Node::new(Some(slot), parent.path_of(name), metadata),
            open: Open::Child(Arc::clone(&self.directory), name.into()),
            path: self.task.path.child(name),
            rules: Arc::clone(&self.rules),
            previous,
        }
    }

    fn small(
        &self,
        worker: &mut Worker<'_>,
        name: &[u8],
        index: usize,
        size: u64,
        ignore_errors: bool,
    ) -> Result<()> {
        let slot = Slot {
            node: Arc::clone(&self.task.node),
            index,
        };
        let compression = self.compression(name, size);
        let file = SmallFile {
            slot,
            listed_size: size,
            compression,
            ignore_errors,
        };
        if !worker.add_small_file(self.directory.as_ref(), name, file)? {
            let streams = self.large(worker, name, index, size, ignore_errors)?;
            worker.upload().queue().push(streams, Vec::new());
        }
        Ok(())
    }

    fn large(
        &self,
        worker: &Worker<'_>,
        name: &[u8],
        index: usize,
        size: u64,
        ignore_errors: bool,
    ) -> Result<Vec<Arc<Stream>>> {
        let upload = worker.upload();
        let node = &self.task.node;
        let slot = Slot {
            node: Arc::clone(node),
            index,
        };
        let file = LazyFile::new(Arc::clone(&self.directory), name);
        let path = node.path_of(name);
        let file = LargeFile::new(
            slot,
            path,
            size,
            file,
            self.compression(name, size),
            ignore_errors,
        );
        let part_size = self
            .policy
            .upload
            .parallel_upload_above_size
            .and_then(|size| u64::try_from(size).ok());
        let streams = file.streams(
            part_size,
            &upload.splitter(&self.policy.splitter.algorithm)?,
        );
        upload.checkpoints().begin_file(&streams);
        Ok(streams)
    }

    fn compression(&self, name: &[u8], size: u64) -> Compression {
        let name = String::from_utf8_lossy(name);
        compressor_for(&self.policy.compression, &name, size).and_then(compression_by_name)
    }
}
