//! Which contents the snapshots need: a walk over every tree, with one bit for every entry of the index.

use std::sync::Arc;

use super::run::Run;
use crate::committed::{CommittedIndex, Row, RowBits};
use crate::directory::DirectoryEntry;
use crate::manifest::labels;
use crate::object::ObjectId;
use crate::{ContentId, Error, Result, snapshot};

/// Levels of indirect objects whose parts are walked once; deeper ones, which only files above 10 TB have, are walked
/// wherever they occur.
const LEVELS: usize = 3;

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
    /// Objects of which every part was seen, by levels of indirection.
    objects: Vec<RowBits>,
    /// Directories of which every entry was seen, by levels of indirection.
    directories: Vec<RowBits>,
}

impl Run<'_> {
    /// Walks every tree of every snapshot, complete or not.
    ///
    /// A snapshot, directory or content that cannot be read ends the walk with an error: what lies behind it would be
    /// taken for garbage.
    pub(super) fn mark(&self) -> Result<Needed> {
        let index = self.repository.index()?;
        let bits = || RowBits::new(index.tables());
        let mut walk = Walk {
            run: self,
            index: index.clone(),
            needed: bits(),
            objects: (0..LEVELS).map(|_| bits()).collect(),
            directories: (0..LEVELS).map(|_| bits()).collect(),
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
            if entry.is_directory() && self.first_time(object, |walk| &mut walk.directories)? {
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
        if !self.first_time(object, |walk| &mut walk.objects)? {
            return Ok(());
        }
        let repository = self.run.repository;
        repository.for_each_object_content(object, &mut |content| self.content(&content))
    }

    fn content(&mut self, id: &ContentId) -> Result<()> {
        let (table, row) = self.position(id)?;
        self.needed.set(table, row);
        Ok(())
    }

    /// Whether an object was not seen before, in the set that `kind` chooses.
    fn first_time(
        &mut self,
        object: &ObjectId,
        kind: impl FnOnce(&mut Self) -> &mut Vec<RowBits>,
    ) -> Result<bool> {
        let level = std::iter::successors(object.index_object(), ObjectId::index_object).count();
        let (table, row) = self.position(&object.content())?;
        Ok(match kind(self).get_mut(level) {
            Some(seen) => seen.set(table, row),
            None => true,
        })
    }

    fn position(&self, id: &ContentId) -> Result<(usize, u32)> {
        self.index
            .first_position(id)?
            .ok_or(Error::ContentMissing { id: *id })
    }
}
