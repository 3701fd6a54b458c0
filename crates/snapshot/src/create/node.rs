//! Directories in the making: entries are completed in any order, by any worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use holdfast_files::Metadata;
use holdfast_repository::directory::{
    DirectoryEntry, DirectorySummary, Extras, SummaryBuilder, encode,
};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::object::ObjectId;
use parking_lot::Mutex;

use super::extended;

/// A directory whose entries are not all known yet.
#[derive(Debug)]
pub(super) struct Node {
    /// The directory above and the position among its entries; `None` for the root.
    pub(super) parent: Option<Slot>,
    /// Path below the root with `/`, empty for the root.
    pub(super) path: String,
    /// Metadata of the directory itself.
    pub(super) metadata: Metadata,
    /// Entries that are missing, and one more while the directory is being read.
    remaining: AtomicUsize,
    state: Mutex<State>,
}

/// A place among the entries of a directory.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// The directory.
    pub(super) node: Arc<Node>,
    /// Position among its entries.
    pub(super) index: usize,
}

#[derive(Debug, Default)]
struct State {
    /// In stream order; an entry without an object is not finished, or failed.
    entries: Vec<DirectoryEntry>,
    failures: Vec<Failure>,
    /// Streams of the same directory in earlier snapshots.
    previous: Vec<(ObjectId, Bytes)>,
    /// Extras of the root itself; those of other directories stand in the directory above.
    own: Option<Box<Extras>>,
}

#[derive(Debug)]
struct Failure {
    path: String,
    message: String,
    ignored: bool,
}

/// A directory with all its entries, ready to be stored.
pub(super) struct Finished {
    /// The directory stream.
    pub(super) bytes: Vec<u8>,
    /// Its summary, which the entry in the directory above repeats.
    pub(super) summary: DirectorySummary,
    /// The object that holds these bytes already.
    pub(super) known: Option<ObjectId>,
}

impl Node {
    pub(super) fn new(parent: Option<Slot>, path: String, metadata: Metadata) -> Arc<Self> {
        Arc::new(Self {
            parent,
            path,
            metadata,
            remaining: AtomicUsize::new(1),
            state: Mutex::default(),
        })
    }

    /// Path of an entry below the root.
    pub(super) fn path_of(&self, name: &[u8]) -> String {
        let name = String::from_utf8_lossy(name);
        if self.path.is_empty() {
            name.into_owned()
        } else {
            format!("{}/{name}", self.path)
        }
    }

    /// Sets the entries of which `pending` are completed later, and the streams to compare with. The directory stays
    /// unfinished until [`release`](Self::release) is called once more than there are pending entries.
    pub(super) fn set_entries(
        &self,
        entries: Vec<DirectoryEntry>,
        pending: usize,
        previous: Vec<(ObjectId, Bytes)>,
    ) {
        let mut state = self.state.lock();
        state.entries = entries;
        state.previous = previous;
        self.remaining.fetch_add(pending, Ordering::AcqRel);
    }

    /// Sets what the directory itself has beyond the format's fields.
    pub(super) fn set_extras(&self, extras: Option<Box<Extras>>) {
        match &self.parent {
            Some(slot) => slot.set_extras(extras),
            None => self.state.lock().own = extras,
        }
    }

    /// Counts one pending entry as done; says whether it was the last.
    #[must_use]
    pub(super) fn release(&self) -> bool {
        self.remaining.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Records an entry that is left out of the directory.
    pub(super) fn add_failure(&self, path: String, message: String, ignored: bool) {
        self.state.lock().failures.push(Failure {
            path,
            message,
            ignored,
        });
    }

    /// What is complete now, and what is a directory in the making; for a checkpoint.
    pub(super) fn note(&self) -> Noted {
        let state = self.state.lock();
        let wanted = |entry: &DirectoryEntry| entry.object.is_some() || entry.is_directory();
        let entries = state.entries.iter().enumerate();
        let (noted, pending) = entries
            .map(|(index, entry)| (index, entry.clone()))
            .partition(|(_, entry)| wanted(entry));
        Noted {
            entries: noted,
            pending,
        }
    }

    /// Assembles the directory stream. Only the caller whose [`release`](Self::release) was the last may do so.
    pub(super) fn finish(&self) -> Finished {
        let State {
            mut entries,
            failures,
            previous,
            own,
        } = std::mem::take(&mut *self.state.lock());
        entries.retain(|entry| entry.object.is_some());
        let mut summary = SummaryBuilder::new();
        for entry in &entries {
            summary.add(entry);
        }
        for failure in failures {
            summary.add_failure(failure.path, failure.message, failure.ignored);
        }
        let summary = summary.finish(UnixNanos(self.metadata.modified), "");
        let bytes = encode(&entries, &summary, own.as_deref());
        let known = previous
            .iter()
            .find(|(_, stream)| *stream == bytes)
            .map(|(id, _)| *id);
        Finished {
            bytes,
            summary,
            known,
        }
    }

    /// Takes the only entry of a stand-in directory, or why it failed.
    pub(super) fn take_single(&self) -> Option<(DirectoryEntry, Option<String>)> {
        let mut state = self.state.lock();
        let failure = state.failures.pop().map(|failure| failure.message);
        state.entries.pop().map(|entry| (entry, failure))
    }
}

/// Entries of a directory at one moment, with their positions.
pub(super) struct Noted {
    /// Those that are complete, and directories.
    pub(super) entries: Vec<(usize, DirectoryEntry)>,
    /// Files and links that are not complete.
    pending: Vec<(usize, DirectoryEntry)>,
}

impl Noted {
    /// An entry that is not complete.
    pub(super) fn pending(&self, index: usize) -> Option<DirectoryEntry> {
        let found = self.pending.iter().find(|(at, _)| *at == index);
        found.map(|(_, entry)| entry.clone())
    }

    /// Gives a directory what is stored of it.
    pub(super) fn complete(&mut self, index: usize, object: ObjectId, summary: DirectorySummary) {
        if let Some((_, entry)) = self.entries.iter_mut().find(|(at, _)| *at == index) {
            entry.object = Some(object);
            entry.summary = Some(Box::new(summary));
        }
    }
}

impl Slot {
    /// Sets what the entry has beyond the format's fields and beside its name and link.
    pub(super) fn set_extras(&self, extras: Option<Box<Extras>>) {
        let mut state = self.node.state.lock();
        extended::put(&mut state.entries[self.index], extras);
    }

    /// Completes the entry with its object and, for files and symbolic links, its true size.
    pub(super) fn complete(
        &self,
        object: ObjectId,
        size: Option<u64>,
        summary: Option<DirectorySummary>,
    ) {
        let mut state = self.node.state.lock();
        let entry = &mut state.entries[self.index];
        entry.object = Some(object);
        if let Some(size) = size {
            entry.size = i64::try_from(size).unwrap_or(i64::MAX);
        }
        entry.summary = summary.map(Box::new);
    }
}
