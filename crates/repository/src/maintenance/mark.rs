//! Which contents the snapshots need: a walk over every tree, with one bit for every entry of the index.

use std::sync::Arc;

use super::run::Run;
use crate::committed::{CommittedIndex, Row, RowBits};
use crate::directory::DirectoryEntry;
use crate::manifest::labels;
use crate::object::{ObjectId, SeenObjects};
use crate::{ContentId, Error, Result, snapshot};

/// The contents that snapshots need, as bits over the entries of one view of the index.
pub(super) struct Needed {
    pub(super) index: Arc<CommittedIndex>,
    bits: RowBits,
}

impl Needed {
    /// Whether a content with these entries is needed.
    pub(super) fn contains(&self, group: &[Row]) -> bool {
        group.iter().any(|row| self.bits.get(row.table, row.number))
    }
}

struct Walk<'r> {
    run: &'r Run<'r>,
    index: Arc<CommittedIndex>,
    needed: RowBits,
    /// Objects of which every part was seen.
    objects: SeenObjects,
    /// Directories of which every entry was seen.
    directories: SeenObjects,
}

impl Run<'_> {
    /// Walks every tree of every snapshot, complete or not.
    ///
    /// A snapshot, directory or content that cannot be read ends the walk with an error: what lies behind it would be
    /// taken for garbage.
    pub(super) fn mark(&self) -> Result<Needed> {
        let index = self.repository.index()?;
        let mut walk = Walk {
            run: self,
            index: index.clone(),
            needed: RowBits::new(index.tables()),
            objects: SeenObjects::new(&index),
            directories: SeenObjects::new(&index),
        };
        let manifests = self.repository.manifests()?;
        for manifest in manifests.find(&labels([("type", "snapshot")])) {
            let snapshot = snapshot::read(manifest)?;
            let within = |error: Error| match error {
                Error::Storage(_) => error,
                other => Error::damaged(format_args!("snapshot {}", snapshot.id), other),
            };
            let root = snapshot.root_entry.as_ref().ok_or_else(|| {
                Error::damaged(format_args!("snapshot {}", snapshot.id), "it has no root")
            })?;
            walk.tree(root).map_err(within)?;
        }
        Ok(Needed {
            index,
            bits: walk.needed,
        })
    }
}

impl Walk<'_> {
    fn tree(&mut self, root: &DirectoryEntry) -> Result<()> {
        let mut pending = Vec::new();
        self.entry(root, &mut pending)?;
        while let Some(object) = pending.pop() {
            self.run.go_on()?;
            let directory = self.run.repository.read_directory(&object)?;
            for entry in &directory.entries {
                self.entry(entry, &mut pending)?;
            }
            self.extras(
                directory
                    .extras
                    .as_deref()
                    .map(|extras| extras.overflow.values()),
            )?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirectoryEntry, pending: &mut Vec<ObjectId>) -> Result<()> {
        if let Some(object) = &entry.object {
            self.object(object)?;
            if entry.is_directory() && self.directories.first_time(object)? {
                pending.push(*object);
            }
        }
        self.extras(
            entry
                .extras
                .as_deref()
                .map(|extras| extras.overflow.values()),
        )
    }

    /// Large extended attributes are objects of their own.
    fn extras<'o>(&mut self, objects: Option<impl Iterator<Item = &'o ObjectId>>) -> Result<()> {
        for object in objects.into_iter().flatten() {
            self.object(object)?;
        }
        Ok(())
    }

    /// Marks every content of an object.
    fn object(&mut self, object: &ObjectId) -> Result<()> {
        if !object.is_indirect() {
            return self.content(&object.content());
        }
        if !self.objects.first_time(object)? {
            return Ok(());
        }
        let repository = self.run.repository;
        repository.for_each_object_content(object, &mut |content| self.content(&content))
    }

    fn content(&mut self, id: &ContentId) -> Result<()> {
        let (table, row) = self
            .index
            .first_position(id)?
            .ok_or(Error::ContentMissing { id: *id })?;
        self.needed.set(table, row);
        Ok(())
    }
}
