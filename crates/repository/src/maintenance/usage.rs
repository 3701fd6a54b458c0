//! How much of every pack the index refers to.

use super::mark::Needed;
use super::run::Run;
use super::sweep::Verdict;
use crate::Result;
use crate::committed::{CommittedIndex, PackNumbers, Row, for_each_group};
use crate::repository::Repository;

/// What the index says of one pack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Bytes of its contents, deleted ones included.
    pub(super) bytes: u64,
    /// Its contents, deleted ones included.
    pub(super) contents: u32,
    /// Those of them that are kept.
    pub(super) kept: u32,
    /// When the last of its deleted contents was deleted, in unix seconds.
    pub(super) deleted_at: u64,
}

/// The packs that the index refers to.
pub(super) struct Packs {
    pub(super) numbers: PackNumbers,
    pub(super) usage: Vec<Usage>,
}

impl Packs {
    fn new(tables: usize) -> Self {
        Self {
            numbers: PackNumbers::new(tables),
            usage: Vec::new(),
        }
    }

    /// In the present view of the index.
    pub(super) fn present(repository: &Repository) -> Result<Self> {
        let index = repository.index()?;
        let mut packs = Self::new(index.tables().len());
        for_each_group(index.tables(), &mut |row, _| {
            let deleted_at = row.entry.deleted.then_some(row.entry.time);
            match index.is_dropped_row(row) {
                true => Ok(()),
                false => packs.add(&index, row, deleted_at),
            }
        })?;
        Ok(packs)
    }

    fn add(&mut self, index: &CommittedIndex, row: &Row, deleted_at: Option<u64>) -> Result<()> {
        // An entry that points nowhere refers to no pack.
        let Some(number) = self.numbers.of(index.tables(), row)? else {
            return Ok(());
        };
        if self.usage.len() < self.numbers.len() {
            self.usage.resize(self.numbers.len(), Usage::default());
        }
        let usage = &mut self.usage[number as usize];
        usage.bytes += u64::from(row.entry.packed_length);
        usage.contents += 1;
        match deleted_at {
            Some(time) => usage.deleted_at = usage.deleted_at.max(time),
            None => usage.kept += 1,
        }
        Ok(())
    }

    /// Usage of a pack by its name; nothing when the index does not refer to it.
    pub(super) fn of(&self, name: &str) -> Option<&Usage> {
        let usage = self.usage.get(self.numbers.find(name)? as usize)?;
        (usage.contents > 0).then_some(usage)
    }
}

impl Run<'_> {
    /// The packs in the present view of the index; in a dry run, as the run so far would have left them.
    pub(super) fn packs(&self) -> Result<Packs> {
        match &self.needed {
            Some(needed) if self.dry_run() => self.packs_after_collection(needed),
            _ => Packs::present(self.repository),
        }
    }

    fn packs_after_collection(&self, needed: &Needed) -> Result<Packs> {
        let mut packs = Packs::new(needed.index.tables().len());
        let now = self.start.as_second().unsigned_abs();
        self.for_each_verdict(needed, &mut |row, verdict| {
            let deleted_at = match verdict {
                Verdict::Delete => Some(now.max(row.entry.time + 1)),
                Verdict::Deleted => Some(row.entry.time),
                Verdict::System if row.entry.deleted => Some(row.entry.time),
                _ => None,
            };
            match deleted_at.is_some_and(|time| time <= self.watermark) {
                true => Ok(()),
                false => packs.add(&needed.index, row, deleted_at),
            }
        })?;
        Ok(packs)
    }
}
