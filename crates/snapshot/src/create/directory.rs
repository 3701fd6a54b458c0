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
use holdfast_repository::policy::{Files, Policy, compressor_for};
use holdfast_repository::{Compression, Result};

use super::compare::{Earlier, Previous};
use super::extended::{self, Carried};
use super::node::{Node, Slot};
use super::stream::{LargeFile, LazyFile, Stream};
use super::upload::{Cached, compression_by_name};
use super::worker::{SmallFile, Worker};
use crate::problem::{Problem, ProblemCode, Severity};

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
    pub(super) previous: Vec<Earlier>,
    /// What is known of its own extended metadata.
    pub(super) carried: Carried,
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
        previous: Vec<Earlier>,
        carried: Carried,
    },
    File {
        index: usize,
        size: u64,
        may_have_holes: bool,
    },
    Stream {
        index: usize,
    },
    Symlink {
        index: usize,
    },
}

/// Reads a directory.
pub(super) fn process(worker: &mut Worker<'_>, mut task: DirectoryTask) -> Result<()> {
    let upload = worker.upload();
    let carried = std::mem::take(&mut task.carried);
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
    let own = match carried {
        Carried::Known(extras) if worker.is_kept(extras.as_deref()) => extras,
        _ => worker.keep_extended(&node.path, directory.extended())?,
    };
    node.set_extras(own);
    let mut previous = Previous::load(upload.repository(), &task.previous);
    let listed = Compared {
        directory: directory.as_ref(),
        node,
        policy,
        listing: &scan.listing,
    };
    let (entries, pending) = listed.compare(worker, &mut previous)?;
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
pub(crate) fn file_policy(files: &Files) -> FilePolicy {
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

/// A listed directory that is compared with earlier snapshots.
struct Compared<'a> {
    directory: &'a dyn SourceDirectory,
    node: &'a Node,
    policy: &'a Policy,
    listing: &'a Listing,
}

impl Compared<'_> {
    /// Makes the entries of a directory; what is not complete is returned with them.
    fn compare(
        &self,
        worker: &mut Worker<'_>,
        previous: &mut Previous,
    ) -> Result<(Vec<DirectoryEntry>, Vec<Pending>)> {
        let upload = worker.upload();
        let mut texts = StoredTexts::of(self.listing);
        let mut entries = Vec::with_capacity(self.listing.len());
        let mut pending = Vec::new();
        let mut cached = Cached::default();
        for (position, listed) in self.listing.iter().enumerate() {
            let index = entries.len();
            let kind = match listed.metadata.kind {
                Kind::Directory => EntryKind::Directory,
                Kind::File => EntryKind::File,
                Kind::Symlink => EntryKind::Symlink,
                Kind::Other => {
                    unsupported(worker, self.node, self.policy, listed);
                    continue;
                }
            };
            let text = texts.take(position, listed.name);
            let mut entry = describe(text, kind, listed, upload.root_device());
            let size = listed.metadata.size;
            if listed.metadata.kind == Kind::Directory {
                let (previous, carried) = previous.directories(listed);
                pending.push(Pending::Directory {
                    index,
                    previous,
                    carried,
                });
                entries.push(entry);
                continue;
            }
            if listed.metadata.is_stream {
                pending.push(Pending::Stream { index });
                entries.push(entry);
                continue;
            }
            let unchanged = previous
                .unchanged(listed)
                .filter(|(object, _)| upload.is_stored(object));
            match unchanged {
                Some((object, carried)) => {
                    entry.object = Some(object);
                    self.take_over(worker, &mut entry, carried, listed)?;
                    cached.entries += 1;
                    match listed.metadata.kind {
                        Kind::Symlink => cached.symlink_bytes += size,
                        _ => cached.file_bytes += size,
                    }
                }
                None if listed.metadata.kind == Kind::Symlink => {
                    pending.push(Pending::Symlink { index })
                }
                None => pending.push(Pending::File {
                    index,
                    size,
                    may_have_holes: listed.metadata.may_have_holes,
                }),
            }
            entries.push(entry);
        }
        upload.count_cached(cached);
        Ok((entries, pending))
    }

    /// Gives an unchanged entry the extended metadata that an earlier snapshot has of it, or looks at it again.
    fn take_over(
        &self,
        worker: &mut Worker<'_>,
        entry: &mut DirectoryEntry,
        carried: Carried,
        listed: Listed<'_>,
    ) -> Result<()> {
        let extras = match carried {
            Carried::Known(extras) if worker.is_kept(extras.as_deref()) => extras,
            _ => {
                let may_have_holes = listed.metadata.may_have_holes;
                let found = self.directory.entry_extended(listed.name, may_have_holes);
                worker.keep_extended(&self.node.path_of(listed.name), found)?
            }
        };
        extended::put(entry, extras);
        Ok(())
    }
}

/// An entry with everything but its object.
pub(super) fn describe(
    text: Vec<u8>,
    kind: EntryKind,
    listed: Listed<'_>,
    root_device: u64,
) -> DirectoryEntry {
    let metadata = listed.metadata;
    let mut entry = DirectoryEntry::new(text, kind);
    entry.mode = FileMode::from_unix(metadata.mode);
    entry.size = i64::try_from(metadata.size).unwrap_or(i64::MAX);
    entry.mtime = UnixNanos(metadata.modified);
    entry.uid = metadata.uid;
    entry.gid = metadata.gid;
    let is_text = std::str::from_utf8(listed.name).is_ok();
    let hard_link = extended::hard_link(metadata, root_device);
    if !is_text || !hard_link.is_empty() {
        entry.extras = Some(Box::new(Extras {
            raw_name: (!is_text).then(|| Bytes64(listed.name.to_vec())),
            hard_link,
            ..Extras::default()
        }));
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
    let path = node.path_of(listed.name);
    let message =
        "unknown or unsupported entry type: only files, directories and symbolic links are stored"
            .to_owned();
    if policy.error_handling.ignore_unknown_types.unwrap_or(true) {
        // Named and not counted: other programs say nothing of it, and their directories are the same.
        return worker.upload().report(Problem {
            code: ProblemCode::UnsupportedType,
            severity: Severity::Ignored,
            path,
            message,
            size: None,
        });
    }
    let problem =
        worker
            .upload()
            .entry_failed(path, ProblemCode::UnsupportedType, message, None, false);
    node.add_failure(problem.path, problem.message, false);
}

/// A file that is to be read.
struct PendingFile {
    slot: Slot,
    /// Its size when it was listed; a stream has none.
    size: Option<u64>,
    may_have_holes: bool,
    ignore_errors: bool,
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
        // Positions in the listing and among the entries differ by what was left out in between.
        let names = self.names();
        let (mut directories, mut streams, mut small) = (Vec::new(), Vec::new(), Vec::new());
        for pending in pending {
            match pending {
                Pending::Directory {
                    index,
                    previous,
                    carried,
                } => directories.push(self.child(names[index], index, previous, carried)),
                Pending::File {
                    index,
                    size,
                    may_have_holes,
                } if size > upload.small_file_limit() as u64 => {
                    let file = self.file(index, Some(size), may_have_holes);
                    streams.extend(self.large(worker, names[index], file)?);
                }
                Pending::Stream { index } => {
                    let file = self.file(index, None, false);
                    streams.extend(self.large(worker, names[index], file)?);
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
                        self.ignores_errors(),
                    )?;
                }
                Pending::File {
                    index,
                    size,
                    may_have_holes,
                } => {
                    let file = self.file(index, Some(size), may_have_holes);
                    self.small(worker, names[index], file, size)?
                }
                Pending::Directory { .. } | Pending::Stream { .. } => {}
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

    fn child(
        &self,
        name: &[u8],
        index: usize,
        previous: Vec<Earlier>,
        carried: Carried,
    ) -> DirectoryTask {
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
            carried,
        }
    }

    fn file(&self, index: usize, size: Option<u64>, may_have_holes: bool) -> PendingFile {
        PendingFile {
            slot: Slot {
                node: Arc::clone(&self.task.node),
                index,
            },
            size,
            may_have_holes,
            ignore_errors: self.ignores_errors(),
        }
    }

    fn ignores_errors(&self) -> bool {
        let errors = &self.policy.error_handling;
        errors.ignore_file_errors.unwrap_or(false)
    }

    fn small(
        &self,
        worker: &mut Worker<'_>,
        name: &[u8],
        pending: PendingFile,
        size: u64,
    ) -> Result<()> {
        let file = SmallFile {
            slot: pending.slot.clone(),
            listed_size: size,
            may_have_holes: pending.may_have_holes,
            compression: self.compression(name, size),
            ignore_errors: pending.ignore_errors,
        };
        if !worker.add_small_file(self.directory.as_ref(), name, file)? {
            let streams = self.large(worker, name, pending)?;
            worker.upload().queue().push(streams, Vec::new());
        }
        Ok(())
    }

    fn large(
        &self,
        worker: &Worker<'_>,
        name: &[u8],
        pending: PendingFile,
    ) -> Result<Vec<Arc<Stream>>> {
        let upload = worker.upload();
        let PendingFile {
            slot,
            size,
            may_have_holes,
            ignore_errors,
        } = pending;
        // What the policy says of small files holds for streams (format 2 §1.4).
        let least = size.unwrap_or(0);
        let file =
            LazyFile::new(Arc::clone(&self.directory), name).with_holes(may_have_holes, least);
        let path = self.task.node.path_of(name);
        let file = LargeFile::new(
            slot,
            path,
            size,
            file,
            self.compression(name, least),
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
