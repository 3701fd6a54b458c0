//! What earlier snapshots know about the entries of a directory (format 2 §5.3).

use std::cmp::Ordering;

use bytes::Bytes;
use holdfast_files::{Kind, Listed};
use holdfast_repository::Repository;
use holdfast_repository::directory::{DirectoryEntry, EntryKind, FileMode, decode};
use holdfast_repository::object::ObjectId;

use super::extended::Carried;

/// A directory of an earlier snapshot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Earlier {
    pub(super) object: ObjectId,
    /// Time, in nanoseconds since 1970, before which changes of its entries were seen; the extended metadata of entries
    /// that changed earlier than that is known.
    pub(super) settled: i64,
}

impl Earlier {
    /// Adds a directory to a list that holds each object once.
    pub(super) fn add(self, list: &mut Vec<Self>) {
        match list.iter_mut().find(|known| known.object == self.object) {
            Some(known) => known.settled = known.settled.max(self.settled),
            None => list.push(self),
        }
    }
}

/// The same directory in earlier snapshots, the most trusted first.
#[derive(Default)]
pub(super) struct Previous {
    directories: Vec<PreviousDirectory>,
}

struct PreviousDirectory {
    object: ObjectId,
    settled: i64,
    stream: Bytes,
    entries: Vec<DirectoryEntry>,
    /// Entries before this one sort before what is asked for next.
    cursor: usize,
}

impl Previous {
    /// Reads the directories. One that cannot be read proves nothing: its files are read again.
    pub(super) fn load(repo: &Repository, earlier: &[Earlier]) -> Self {
        let directories = earlier
            .iter()
            .filter_map(|&earlier| load(repo, earlier))
            .collect();
        Self { directories }
    }

    /// The object of an unchanged file or symbolic link, and what is known of the rest. Entries must be asked for in stream
    /// order.
    pub(super) fn unchanged(&mut self, entry: Listed<'_>) -> Option<(ObjectId, Carried)> {
        self.same_name(entry)
            .find(|(old, _)| is_unchanged(old, entry))
            .and_then(|(old, settled)| Some((old.object?, carried(old, settled, entry))))
    }

    /// The directories of this name, each object once, and what is known of the entry. Entries must be asked for in stream
    /// order.
    pub(super) fn directories(&mut self, entry: Listed<'_>) -> (Vec<Earlier>, Carried) {
        let mut directories = Vec::new();
        let mut known = Carried::Unknown;
        for (old, settled) in self.same_name(entry) {
            if matches!(known, Carried::Unknown) {
                known = carried(old, settled, entry);
            }
            if let Some(object) = old.object {
                Earlier { object, settled }.add(&mut directories);
            }
        }
        (directories, known)
    }

    fn same_name<'a>(
        &'a mut self,
        entry: Listed<'a>,
    ) -> impl Iterator<Item = (&'a DirectoryEntry, i64)> {
        let is_directory = entry.metadata.kind == Kind::Directory;
        self.directories.iter_mut().filter_map(move |directory| {
            let settled = directory.settled;
            directory
                .find(entry.name, is_directory)
                .map(|old| (old, settled))
        })
    }

    /// The streams, to recognise a directory in which nothing changed.
    pub(super) fn into_streams(self) -> Vec<(ObjectId, Bytes)> {
        self.directories
            .into_iter()
            .map(|directory| (directory.object, directory.stream))
            .collect()
    }
}

/// What an earlier entry says of one with the same name. Every change of extended metadata moves the time of change.
fn carried(old: &DirectoryEntry, settled: i64, entry: Listed<'_>) -> Carried {
    match entry.metadata.changed < settled {
        true => Carried::Known(old.extras.clone()),
        false => Carried::Unknown,
    }
}

fn load(repo: &Repository, earlier: Earlier) -> Option<PreviousDirectory> {
    let Earlier { object, settled } = earlier;
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
        settled,
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
