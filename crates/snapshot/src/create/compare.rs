//! What earlier snapshots know about the entries of a directory (format 2 §5.3).

use std::cmp::Ordering;

use bytes::Bytes;
use holdfast_files::{Kind, Listed};
use holdfast_repository::Repository;
use holdfast_repository::directory::{DirectoryEntry, EntryKind, FileMode, decode};
use holdfast_repository::object::ObjectId;

/// The same directory in earlier snapshots, the most trusted first.
#[derive(Default)]
pub(super) struct Previous {
    directories: Vec<PreviousDirectory>,
}

struct PreviousDirectory {
    object: ObjectId,
    stream: Bytes,
    entries: Vec<DirectoryEntry>,
    /// Entries before this one sort before what is asked for next.
    cursor: usize,
}

impl Previous {
    /// Reads the directories. One that cannot be read proves nothing: its files are read again.
    pub(super) fn load(repo: &Repository, objects: &[ObjectId]) -> Self {
        let directories = objects
            .iter()
            .filter_map(|&object| load(repo, object))
            .collect();
        Self { directories }
    }

    /// The object of an unchanged file or symbolic link. Entries must be asked for in stream order.
    pub(super) fn unchanged(&mut self, entry: Listed<'_>) -> Option<ObjectId> {
        self.same_name(entry)
            .find(|old| is_unchanged(old, entry))
            .and_then(|old| old.object)
    }

    /// The directories of this name, each object once. Entries must be asked for in stream order.
    pub(super) fn directories(&mut self, entry: Listed<'_>) -> Vec<ObjectId> {
        let mut objects: Vec<ObjectId> = Vec::new();
        for object in self.same_name(entry).filter_map(|old| old.object) {
            if !objects.contains(&object) {
                objects.push(object);
            }
        }
        objects
    }

    fn same_name<'a>(&'a mut self, entry: Listed<'a>) -> impl Iterator<Item = &'a DirectoryEntry> {
        let is_directory = entry.metadata.kind == Kind::Directory;
        self.directories
            .iter_mut()
            .filter_map(move |directory| directory.find(entry.name, is_directory))
    }

    /// The streams, to recognise a directory in which nothing changed.
    pub(super) fn into_streams(self) -> Vec<(ObjectId, Bytes)> {
        self.directories
            .into_iter()
            .map(|directory| (directory.object, directory.stream))
            .collect()
    }
}

fn load(repo: &Repository, object: ObjectId) -> Option<PreviousDirectory> {
    let stream = match repo.read_object(&object) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(%object, %error, "a directory of an earlier snapshot cannot be read; its files are read again");
            return None;
        }
    };
    let mut entries = match decode(&stream) {
        Ok(directory) => directory.entries,
        Err(error) => {
            tracing::warn!(%object, %error, "a directory of an earlier snapshot is damaged; its files are read again");
            return None;
        }
    };
    // Other writers sort by names that they do not store when these are not UTF-8.
    if !entries.is_sorted_by(|a, b| a.stream_order(b) != Ordering::Greater) {
        entries.sort_by(DirectoryEntry::stream_order);
    }
    Some(PreviousDirectory {
        object,
        stream,
        entries,
        cursor: 0,
    })
}

impl PreviousDirectory {
    fn find(&mut self, name: &[u8], is_directory: bool) -> Option<&DirectoryEntry> {
        while let Some(old) = self.entries.get(self.cursor) {
            match is_directory
                .cmp(&old.is_directory())
                .then_with(|| old.file_name().cmp(name))
            {
                Ordering::Less => self.cursor += 1,
                Ordering::Equal => return self.entries.get(self.cursor),
                Ordering::Greater => break,
            }
        }
        None
    }
}

fn is_unchanged(old: &DirectoryEntry, entry: Listed<'_>) -> bool {
    let new = entry.metadata;
    let same_kind = match new.kind {
        Kind::File => old.kind == EntryKind::File,
        Kind::Symlink => old.kind == EntryKind::Symlink,
        Kind::Directory | Kind::Other => false,
    };
    same_kind
        && old.mtime.0 == new.modified
        && old.mode == FileMode::from_unix(new.mode)
        && (old.uid, old.gid) == (new.uid, new.gid)
        && u64::try_from(old.size) == Ok(new.size)
}
