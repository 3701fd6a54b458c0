//! Checkpoints of long uploads (format 2 §5.7): incomplete snapshots of what is stored so far. Without them maintenance
//! elsewhere would remove data of uploads that take longer than a day, and a killed upload would read everything again.
//!
//! A worker that finds a checkpoint due notes what is complete. All of that lies in packs that were begun before, so once
//! every worker has stored its packs, directories and a manifest may refer to it. The others go on meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use holdfast_host::Clock;
use holdfast_repository::Result;
use holdfast_repository::directory::{
    DirectoryEntry, DirectorySummary, EntryKind, SummaryBuilder, encode,
};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::manifest::{Manifest, ManifestEdits};
use holdfast_repository::object::{
    IndirectEntry, ObjectId, ObjectOptions, concatenate_objects, finish_object, write_object,
};
use holdfast_repository::snapshot::{self, SnapshotManifest};
use parking_lot::Mutex;

use super::confirm::{SAFE_AGE, lost_objects};
use super::node::{Node, Noted};
use super::stream::Stream;
use super::upload::Upload;
use super::worker::Worker;

/// Time between checkpoints, that of other programs of the format.
const INTERVAL: Duration = Duration::from_secs(45 * 60);
/// Why such a snapshot is incomplete.
const REASON: &str = "checkpoint";
/// Wait for the other workers before it is looked whether they have ended.
const PATIENCE: Duration = Duration::from_millis(50);
/// Checkpoints of an upload that stay at most. The last one alone may lack a directory that was being put into the one
/// above at that moment; the one before has what it held.
const KEPT: usize = 2;

/// What the workers of an upload share for checkpoints.
pub(super) struct Checkpoints {
    clock: Arc<dyn Clock>,
    /// Source and start of the snapshot.
    prototype: SnapshotManifest,
    /// When the last one was begun, or the upload, on the monotonic clock in milliseconds.
    last: AtomicU64,
    /// When the next one is due, on the monotonic clock in milliseconds.
    due: AtomicU64,
    /// Number of the present checkpoint; workers that see a new one store their packs.
    round: AtomicUsize,
    /// Workers that have not done so.
    waiting: AtomicUsize,
    /// Held by the worker that makes one.
    making: Mutex<()>,
    /// Directories that are read and not complete, by their address.
    nodes: Mutex<HashMap<usize, Arc<Node>>>,
    /// Large files that are not complete, by their address: all their streams.
    files: Mutex<HashMap<usize, Vec<Arc<Stream>>>>,
    /// What was saved and not deleted, oldest first.
    saved: Mutex<Vec<Manifest>>,
}

impl Checkpoints {
    pub(super) fn new(clock: &Arc<dyn Clock>, prototype: SnapshotManifest) -> Self {
        let checkpoints = Self {
            clock: Arc::clone(clock),
            prototype,
            last: AtomicU64::new(0),
            due: AtomicU64::new(0),
            round: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            making: Mutex::default(),
            nodes: Mutex::default(),
            files: Mutex::default(),
            saved: Mutex::default(),
        };
        checkpoints.postpone();
        checkpoints
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX)
    }

    /// Sets when the next one is due; returns how long ago the last one was.
    fn postpone(&self) -> Duration {
        let (now, interval) = (self.now(), INTERVAL.as_millis() as u64);
        self.due
            .store(now.saturating_add(interval), Ordering::Relaxed);
        let last = self.last.swap(now, Ordering::Relaxed);
        Duration::from_millis(now.saturating_sub(last))
    }

    /// A directory is read; it has entries that are complete, and others that are not.
    pub(super) fn begin_directory(&self, node: &Arc<Node>) {
        let key = Arc::as_ptr(node) as usize;
        self.nodes.lock().insert(key, Arc::clone(node));
    }

    pub(super) fn end_directory(&self, node: &Arc<Node>) {
        self.nodes.lock().remove(&(Arc::as_ptr(node) as usize));
    }

    /// A large file is queued.
    pub(super) fn begin_file(&self, streams: &[Arc<Stream>]) {
        if let Some(first) = streams.first() {
            let key = Arc::as_ptr(&first.file) as usize;
            self.files.lock().insert(key, streams.to_vec());
        }
    }

    pub(super) fn end_file(&self, file: &Arc<super::stream::LargeFile>) {
        self.files.lock().remove(&(Arc::as_ptr(file) as usize));
    }

    /// The checkpoints that were saved and are of no use once there is a complete snapshot.
    pub(super) fn into_saved(self) -> Vec<Manifest> {
        self.saved.into_inner()
    }
}

/// What was complete at one moment.
struct Cut {
    directories: Vec<(Arc<Node>, Noted)>,
    files: Vec<PartialFile>,
}

/// A large file of which a part is stored.
struct PartialFile {
    node: Arc<Node>,
    /// Position of its entry in the directory.
    index: usize,
    path: String,
    /// The chunks from the beginning of each of its parts.
    parts: Vec<Vec<IndirectEntry>>,
}

impl Cut {
    fn of(checkpoints: &Checkpoints) -> Self {
        let nodes: Vec<Arc<Node>> = checkpoints.nodes.lock().values().cloned().collect();
        let files: Vec<Vec<Arc<Stream>>> = checkpoints.files.lock().values().cloned().collect();
        let files = files.into_iter().filter_map(|streams| {
            let file = Arc::clone(&streams.first()?.file);
            let parts: Vec<_> = streams
                .iter()
                .map(|stream| stream.stored())
                .filter(|chunks| !chunks.is_empty())
                .collect();
            (!parts.is_empty()).then(|| PartialFile {
                node: Arc::clone(&file.slot.node),
                index: file.slot.index,
                path: file.path.clone(),
                parts,
            })
        });
        let files = files.collect();
        let mut directories: Vec<(Arc<Node>, Noted)> = nodes
            .into_iter()
            .map(|node| {
                let noted = node.note();
                (node, noted)
            })
            .collect();
        // Those below come first.
        directories.sort_by_key(|(node, _)| std::cmp::Reverse(depth(node)));
        Self { directories, files }
    }
}

fn depth(node: &Node) -> usize {
    std::iter::successors(node.parent.as_ref(), |slot| slot.node.parent.as_ref()).count()
}

impl Worker<'_> {
    /// Does this worker's share of a checkpoint that is being made, and makes one that is due.
    pub(super) fn checkpoint(&mut self) -> Result<()> {
        let checkpoints = self.upload().checkpoints();
        self.take_part(checkpoints)?;
        if checkpoints.now() < checkpoints.due.load(Ordering::Relaxed) {
            return Ok(());
        }
        let Some(_making) = checkpoints.making.try_lock() else {
            return Ok(());
        };
        let pause = checkpoints.postpone();
        let cut = Cut::of(checkpoints);
        let workers = self.upload().workers();
        checkpoints.waiting.store(workers, Ordering::Release);
        checkpoints.round.fetch_add(1, Ordering::AcqRel);
        self.upload().queue().wake();
        self.take_part(checkpoints)?;
        while checkpoints.waiting.load(Ordering::Acquire) > 0 {
            // At the end of the upload nothing is gained any more.
            if self.upload().is_stopped() || self.upload().queue().is_closed() {
                return Ok(());
            }
            std::thread::sleep(PATIENCE);
        }
        self.save(checkpoints, cut, pause)
    }

    /// Stores the packs of this worker, once for each checkpoint.
    fn take_part(&mut self, checkpoints: &Checkpoints) -> Result<()> {
        let round = checkpoints.round.load(Ordering::Acquire);
        if self.round != round {
            self.round = round;
            self.writer().finish_packs()?;
            checkpoints.waiting.fetch_sub(1, Ordering::AcqRel);
        }
        Ok(())
    }

    fn save(&mut self, checkpoints: &Checkpoints, cut: Cut, pause: Duration) -> Result<()> {
        let upload = self.upload();
        let Some(root) = self.store_cut(cut)? else {
            return Ok(());
        };
        upload.session().ensure_intact()?;
        // The machine slept: what was found in the repository before may be gone, and a snapshot that refers to it would
        // stop everybody's garbage collection.
        if pause >= SAFE_AGE && !self.lasts(&root)? {
            tracing::warn!("no checkpoint is saved, because data that it would refer to is gone");
            return Ok(());
        }
        let manifest = SnapshotManifest {
            end_time: UnixNanos::from(checkpoints.clock.now())
                .max(checkpoints.prototype.start_time),
            incomplete_reason: REASON.to_owned(),
            root_entry: Some(root),
            ..checkpoints.prototype.clone()
        };
        let mut edits = ManifestEdits::new(Arc::clone(&checkpoints.clock));
        let id = snapshot::save(&mut edits, &manifest)?;
        let new = edits.entries().to_vec();
        let mut saved = checkpoints.saved.lock();
        let superseded = (saved.len() + 1).saturating_sub(KEPT);
        saved[..superseded].iter().for_each(|old| edits.delete(old));
        let container = edits.write(self.writer())?;
        let published = self
            .writer()
            .finish_packs()
            .and_then(|()| upload.session().commit_index());
        if let Err(error) = published {
            // It is taken back, unless the store has it: then it is as good as any.
            if let Some(container) = container {
                upload.session().withdraw(&container).ok();
            }
            return Err(error);
        }
        tracing::info!(snapshot = %id, "saved a checkpoint of the upload");
        saved.drain(..superseded);
        saved.extend(new);
        Ok(())
    }

    /// Whether everything below a root is there by a fresh look.
    fn lasts(&mut self, root: &DirectoryEntry) -> Result<bool> {
        let upload = self.upload();
        self.writer().finish_packs()?;
        upload.session().commit_index()?;
        upload.repository().refresh()?;
        match lost_objects(upload.repository(), root, 1, upload.cancel()) {
            Ok(lost) => Ok(lost.is_empty()),
            Err(crate::Error::Repository(error)) => Err(error),
            // Cancelled: nothing more is saved.
            Err(_) => Ok(false),
        }
    }

    /// Stores partial files and directories, those below first; the root entry, or `None` when nothing is complete.
    fn store_cut(&mut self, cut: Cut) -> Result<Option<DirectoryEntry>> {
        let upload = self.upload();
        let Cut { directories, files } = cut;
        let positions: HashMap<usize, usize> = directories
            .iter()
            .enumerate()
            .map(|(position, (node, _))| (Arc::as_ptr(node) as usize, position))
            .collect();
        let position_of = |node: &Arc<Node>| positions.get(&(Arc::as_ptr(node) as usize)).copied();
        let (nodes, mut noted): (Vec<Arc<Node>>, Vec<Noted>) = directories.into_iter().unzip();
        for file in files {
            let Some(position) = position_of(&file.node) else {
                continue;
            };
            let Some(mut entry) = noted[position].pending(file.index) else {
                continue;
            };
            entry.object = Some(self.partial_object(&file)?);
            if !upload.is_file_root() {
                let uuid = uuid::Uuid::new_v4();
                entry.name = [
                    b".checkpointed.",
                    &entry.name[..],
                    b".",
                    uuid.to_string().as_bytes(),
                ]
                .concat();
                entry.extras = None;
            }
            noted[position].entries.push((usize::MAX, entry));
        }
        for position in 0..nodes.len() {
            let node = &nodes[position];
            let mut entries: Vec<DirectoryEntry> = std::mem::take(&mut noted[position].entries)
                .into_iter()
                .map(|(_, entry)| entry)
                .filter(|entry| entry.object.is_some())
                .collect();
            if node.parent.is_none() && upload.is_file_root() {
                return Ok(entries.pop().map(file_root));
            }
            if entries.is_empty() && node.parent.is_some() {
                continue;
            }
            entries.sort_by(DirectoryEntry::stream_order);
            let (object, summary) = self.store_directory(node, &entries)?;
            let Some(slot) = &node.parent else {
                return Ok(Some(upload.root_with(object, summary)));
            };
            if let Some(above) = position_of(&slot.node) {
                noted[above].complete(slot.index, object, summary);
            }
        }
        Ok(None)
    }

    fn store_directory(
        &mut self,
        node: &Node,
        entries: &[DirectoryEntry],
    ) -> Result<(ObjectId, DirectorySummary)> {
        let mut summary = SummaryBuilder::new();
        entries.iter().for_each(|entry| summary.add(entry));
        let summary = summary.finish(UnixNanos(node.metadata.modified), REASON);
        let bytes = encode(entries, &summary, None);
        let upload = self.upload();
        let compression = upload.metadata_compression_at(&node.path);
        let options = ObjectOptions::directory(upload.metadata_splitter(), compression);
        Ok((write_object(self, &bytes, &options)?, summary))
    }

    /// An object of the chunks that are stored. It is shorter than the file; what it is for is to hold them.
    fn partial_object(&mut self, file: &PartialFile) -> Result<ObjectId> {
        let upload = self.upload();
        let compression = upload.metadata_compression_at(&file.path);
        let options = ObjectOptions::data(upload.metadata_splitter(), None, compression);
        match file.parts.as_slice() {
            [chunks] => finish_object(self, chunks, &options),
            parts => concatenate_objects(self, parts.to_vec(), &options),
        }
    }
}

/// The root entry for a source that is a single file.
fn file_root(mut entry: DirectoryEntry) -> DirectoryEntry {
    debug_assert!(entry.kind == EntryKind::File);
    let summary = DirectorySummary {
        total_size: entry.size,
        files: 1,
        max_time: entry.mtime,
        incomplete: REASON.to_owned(),
        ..DirectorySummary::default()
    };
    entry.summary = Some(Box::new(summary));
    entry
}

impl Upload<'_> {
    /// The root entry with what is stored so far.
    fn root_with(&self, object: ObjectId, summary: DirectorySummary) -> DirectoryEntry {
        let mut root = self.root_entry();
        root.object = Some(object);
        root.summary = Some(Box::new(summary));
        root
    }
}
