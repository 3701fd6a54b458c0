//! Verification: every directory can be read, every content of every file is there and, if asked for, is what it was.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use holdfast_host::Cancel;
use holdfast_repository::directory::{DirectoryEntry, EntryKind, Extras};
use holdfast_repository::manifest::labels;
use holdfast_repository::object::ObjectId;
use holdfast_repository::snapshot::{self, SnapshotManifest};
use holdfast_repository::{ContentId, Repository};
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::read::{Part, Wanted, each_directory, fetch, object_parts};
use crate::workers::workers;

/// What to verify.
#[derive(Clone, Debug)]
pub struct VerifyRequest {
    /// Ids of snapshots; empty for all.
    pub snapshots: Vec<String>,
    /// Whether every content is read and authenticated, rather than only looked up in the index and the list of packs.
    pub read_data: bool,
    /// Number of workers; without it one for each processor.
    pub parallelism: Option<NonZeroUsize>,
    /// Counters to watch.
    pub progress: Arc<Progress>,
    /// Stops the verification.
    pub cancel: Cancel,
}

impl VerifyRequest {
    /// A request for these snapshots, or for all if there are none.
    pub fn new(snapshots: Vec<String>, read_data: bool) -> Self {
        Self {
            snapshots,
            read_data,
            parallelism: None,
            progress: Arc::default(),
            cancel: Cancel::new(),
        }
    }

    fn workers(&self) -> usize {
        workers(self.parallelism)
    }
}

/// A file, link or directory of a snapshot that cannot be restored as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedFile {
    /// Id of the snapshot.
    pub snapshot: String,
    /// Path below its root; `.` for the root.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

/// What a verification found.
#[derive(Clone, Debug, Default)]
pub struct VerifyReport {
    /// Snapshots verified.
    pub snapshots: u64,
    /// Distinct directories read.
    pub directories: u64,
    /// Distinct files and links.
    pub files: u64,
    /// Distinct contents of them.
    pub contents: u64,
    /// Bytes of the contents that were read, as stored.
    pub bytes_read: u64,
    /// What cannot be restored, in the order of snapshots and their trees.
    pub damaged: Vec<DamagedFile>,
    /// Duration.
    pub seconds: f64,
}

/// Verifies snapshots.
///
/// # Errors
/// What stops everything: an unknown snapshot, a failing store, cancellation. Damage is in the report.
pub fn verify(repo: &Arc<Repository>, request: &VerifyRequest) -> Result<VerifyReport> {
    let began = Instant::now();
    let (snapshots, unreadable) = selected(repo, &request.snapshots)?;
    let verifier = Verifier { repo, request };
    let roots = snapshots
        .iter()
        .filter_map(|snapshot| snapshot.root_entry.as_ref());
    let Walked {
        directories,
        files,
        mut broken,
        without_data,
    } = verifier.walk(roots)?;
    let contents = verifier.contents(&files, &mut broken)?;
    let checked = if request.read_data {
        verifier.read(&contents)?
    } else {
        verifier.look(&contents)?
    };
    if !checked.bad.is_empty() {
        verifier.spread(&files, &checked.bad, &mut broken)?;
    }
    let mut report = VerifyReport {
        snapshots: snapshots.len() as u64,
        directories,
        files: files.len() as u64,
        contents: contents.len() as u64,
        bytes_read: checked.bytes_read,
        damaged: unreadable,
        seconds: 0.0,
    };
    if without_data || !broken.is_empty() {
        for snapshot in &snapshots {
            name_damage(
                repo,
                snapshot,
                &broken,
                &request.cancel,
                &mut report.damaged,
            )?;
        }
    }
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

/// Names the files of which contents are lost, as [`VerifyReport::damaged`] does. `request` says of which snapshots; no
/// data is read.
///
/// # Errors
/// As [`verify`].
pub fn damaged_files(
    repo: &Arc<Repository>,
    lost: &HashMap<ContentId, String>,
    request: &VerifyRequest,
) -> Result<Vec<DamagedFile>> {
    let (snapshots, mut damaged) = selected(repo, &request.snapshots)?;
    let verifier = Verifier { repo, request };
    let roots = snapshots
        .iter()
        .filter_map(|snapshot| snapshot.root_entry.as_ref());
    let Walked {
        files, mut broken, ..
    } = verifier.walk(roots)?;
    // Lists of parts that cannot be read are found on the way.
    verifier.contents(&files, &mut broken)?;
    verifier.spread(&files, lost, &mut broken)?;
    for snapshot in &snapshots {
        name_damage(repo, snapshot, &broken, &request.cancel, &mut damaged)?;
    }
    Ok(damaged)
}

/// The snapshots to verify. Where all are meant, those whose manifest cannot be read are returned as damaged.
fn selected(
    repo: &Repository,
    ids: &[String],
) -> Result<(Vec<SnapshotManifest>, Vec<DamagedFile>)> {
    let manifests = repo.manifests()?;
    if ids.is_empty() {
        let mut unreadable = Vec::new();
        for manifest in manifests.find(&labels([("type", "snapshot")])) {
            if let Err(error) = snapshot::read(manifest) {
                unreadable.push(DamagedFile {
                    snapshot: manifest.id.to_string(),
                    path: ".".to_owned(),
                    reason: error.to_string(),
                });
            }
        }
        return Ok((snapshot::list(&manifests, None), unreadable));
    }
    let named = ids
        .iter()
        .map(|id| match id.as_str() {
            "" => Err(Error::NoSnapshot),
            _ => snapshot::find(&manifests, &id.as_str().into())?
                .ok_or_else(|| Error::SnapshotNotFound(id.clone())),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok((named, Vec::new()))
}

/// Why objects cannot be read.
type Broken = HashMap<ObjectId, String>;

struct Walked {
    directories: u64,
    files: Vec<ObjectId>,
    broken: Broken,
    /// Whether there are entries that name no object.
    without_data: bool,
}

struct Checked {
    bad: HashMap<ContentId, String>,
    bytes_read: u64,
}

struct Verifier<'a> {
    repo: &'a Arc<Repository>,
    request: &'a VerifyRequest,
}

impl Verifier<'_> {
    /// Reads every distinct directory below the roots.
    fn walk<'e>(&self, roots: impl Iterator<Item = &'e DirectoryEntry>) -> Result<Walked> {
        let state = Mutex::new((HashSet::new(), Vec::new(), Vec::new(), Broken::new()));
        let without_data = AtomicBool::new(false);
        let visit = |entry: &DirectoryEntry| {
            if lacks_data(entry) {
                without_data.store(true, Ordering::Relaxed);
            }
            let (seen, next, files, _) = &mut *state.lock();
            if let Some(object) = entry.object
                && seen.insert(object)
            {
                if entry.is_directory() {
                    next.push((0, object))
                } else {
                    files.push(object)
                }
            }
            for object in large_values(entry.extras.as_deref()) {
                if seen.insert(object) {
                    files.push(object);
                }
            }
        };
        roots.for_each(visit);
        let mut directories = 0;
        loop {
            let level: Vec<(usize, ObjectId)> = std::mem::take(&mut state.lock().1);
            if level.is_empty() {
                break;
            }
            directories += level.len() as u64;
            let level: Vec<(usize, ObjectId)> = level
                .into_iter()
                .enumerate()
                .map(|(index, (_, object))| (index, object))
                .collect();
            each_directory(
                self.repo,
                &level,
                self.request.workers(),
                &self.request.cancel,
                &|index, directory| {
                    match directory {
                        Ok(directory) => {
                            directory.entries.iter().for_each(visit);
                            let (seen, _, files, _) = &mut *state.lock();
                            let own = large_values(directory.extras.as_deref());
                            files.extend(own.filter(|object| seen.insert(*object)));
                        }
                        Err(reason) => drop(state.lock().3.insert(level[index].1, reason)),
                    }
                    self.request.progress.add_directory();
                    Ok(())
                },
            )?;
        }
        let (_, _, files, broken) = state.into_inner();
        Ok(Walked {
            directories,
            files,
            broken,
            without_data: without_data.into_inner(),
        })
    }

    /// The distinct contents of files. Files without all of them are broken.
    fn contents(&self, files: &[ObjectId], broken: &mut Broken) -> Result<Vec<Part>> {
        let state = Mutex::new((HashSet::new(), Vec::new(), std::mem::take(broken)));
        let objects: Vec<(usize, ObjectId)> = files.iter().copied().enumerate().collect();
        object_parts(
            self.repo,
            &objects,
            self.request.workers(),
            &self.request.cancel,
            &|index, parts| {
                let (seen, contents, broken) = &mut *state.lock();
                match parts {
                    Ok(parts) => {
                        for part in parts {
                            if seen.insert((part.info.id, part.form)) {
                                contents.push(part);
                            }
                        }
                    }
                    Err(reason) => drop(broken.insert(files[index], reason)),
                }
                self.request.progress.add_files(1);
                Ok(())
            },
        )?;
        let (_, contents, found) = state.into_inner();
        *broken = found;
        Ok(contents)
    }

    /// Reads and authenticates every content.
    fn read(&self, contents: &[Part]) -> Result<Checked> {
        let bad = Mutex::new(HashMap::new());
        let bytes_read = AtomicU64::new(0);
        let total = contents
            .iter()
            .map(|part| u64::from(part.info.packed_length))
            .sum();
        self.request
            .progress
            .set_totals(total, self.request.progress.files_done());
        let wanted = contents
            .iter()
            .enumerate()
            .map(|(tag, part)| Wanted::of(part.clone(), tag))
            .collect();
        fetch(
            self.repo,
            wanted,
            self.request.workers(),
            &self.request.cancel,
            || {
                |uses: &[Wanted], data: Result<&[u8], &str>| {
                    for wanted in uses {
                        if let Err(reason) = data {
                            self.request.progress.add_error();
                            bad.lock().insert(wanted.info.id, reason.to_owned());
                        }
                        let length = u64::from(wanted.info.packed_length);
                        bytes_read.fetch_add(length, Ordering::Relaxed);
                        self.request.progress.add_processed(length);
                    }
                    Ok(())
                }
            },
        )?;
        Ok(Checked {
            bad: bad.into_inner(),
            bytes_read: bytes_read.into_inner(),
        })
    }

    /// Looks whether the pack of every content is there and long enough.
    fn look(&self, contents: &[Part]) -> Result<Checked> {
        let mut packs = HashMap::new();
        for prefix in ["p", "q"] {
            for blob in self
                .repo
                .store()
                .list_all(prefix)
                .map_err(holdfast_repository::Error::from)?
            {
                packs.insert(blob.id, blob.length);
            }
        }
        let mut bad = HashMap::new();
        for Part { info, .. } in contents {
            let end = u64::from(info.offset) + u64::from(info.packed_length);
            match packs.get(&info.pack) {
                None => drop(bad.insert(
                    info.id,
                    format!("pack {} is missing in the store", info.pack),
                )),
                Some(length) if *length < end => {
                    let reason = format!(
                        "pack {} has {length} bytes, its content ends at {end}",
                        info.pack
                    );
                    bad.insert(info.id, reason);
                }
                Some(_) => {}
            }
        }
        Ok(Checked { bad, bytes_read: 0 })
    }

    /// Which files consist of bad contents.
    fn spread(
        &self,
        files: &[ObjectId],
        bad: &HashMap<ContentId, String>,
        broken: &mut Broken,
    ) -> Result<()> {
        let state = Mutex::new(std::mem::take(broken));
        let objects: Vec<(usize, ObjectId)> = files.iter().copied().enumerate().collect();
        object_parts(
            self.repo,
            &objects,
            self.request.workers(),
            &self.request.cancel,
            &|index, parts| {
                let reason = parts
                    .iter()
                    .flatten()
                    .find_map(|part| bad.get(&part.info.id));
                if let Some(reason) = reason {
                    state.lock().insert(files[index], reason.clone());
                }
                Ok(())
            },
        )?;
        *broken = state.into_inner();
        Ok(())
    }
}

/// Objects with extended attributes of an entry that are too large to stand in it.
fn large_values(extras: Option<&Extras>) -> impl Iterator<Item = ObjectId> {
    let values = extras
        .into_iter()
        .flat_map(|extras| extras.overflow.values());
    values.copied()
}

/// Whether an entry has nothing that it could be restored from. Entries of unknown types never are.
fn lacks_data(entry: &DirectoryEntry) -> bool {
    entry.object.is_none() && !matches!(entry.kind, EntryKind::Other(_))
}

/// Names every path of a snapshot that leads to a broken object, or to none.
fn name_damage(
    repo: &Repository,
    snapshot: &SnapshotManifest,
    broken: &Broken,
    cancel: &Cancel,
    damaged: &mut Vec<DamagedFile>,
) -> Result<()> {
    let Some(root) = &snapshot.root_entry else {
        return Ok(());
    };
    let mut pending = vec![(".".to_owned(), Below::of(root))];
    while let Some((path, entry)) = pending.pop() {
        cancel.check()?;
        let reason = match (entry.object, entry.lacks_data) {
            (Some(object), _) => broken.get(&object).cloned(),
            (None, true) => Some("the snapshot has no data for it".to_owned()),
            (None, false) => None,
        };
        damaged.extend(lost_values(snapshot, &path, &entry.large_values, broken));
        if let Some(reason) = reason {
            damaged.push(DamagedFile {
                snapshot: snapshot.id.to_string(),
                path,
                reason,
            });
            continue;
        }
        let Some(object) = entry.object.filter(|_| entry.is_directory) else {
            continue;
        };
        // It was read a moment ago; what changed since is seen by the next verification.
        let Ok(directory) = repo.read_directory(&object) else {
            continue;
        };
        let own: Vec<ObjectId> = large_values(directory.extras.as_deref()).collect();
        damaged.extend(lost_values(snapshot, &path, &own, broken));
        for entry in directory.entries.iter().rev() {
            let name = String::from_utf8_lossy(entry.file_name());
            let below = if path == "." {
                name.into_owned()
            } else {
                format!("{path}/{name}")
            };
            pending.push((below, Below::of(entry)));
        }
    }
    Ok(())
}

/// An entry of which extended attributes are lost, if they are.
fn lost_values(
    snapshot: &SnapshotManifest,
    path: &str,
    values: &[ObjectId],
    broken: &Broken,
) -> Option<DamagedFile> {
    let reason = values.iter().find_map(|object| broken.get(object))?;
    Some(DamagedFile {
        snapshot: snapshot.id.to_string(),
        path: path.to_owned(),
        reason: format!("extended attributes are lost: {reason}"),
    })
}

/// What the naming of damage needs of an entry.
struct Below {
    object: Option<ObjectId>,
    is_directory: bool,
    lacks_data: bool,
    large_values: Vec<ObjectId>,
}

impl Below {
    fn of(entry: &DirectoryEntry) -> Self {
        Self {
            object: entry.object,
            is_directory: entry.is_directory(),
            lacks_data: lacks_data(entry),
            large_values: large_values(entry.extras.as_deref()).collect(),
        }
    }
}
