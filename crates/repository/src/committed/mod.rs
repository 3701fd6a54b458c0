//! The committed index: every index blob that counts, merged on look-up (format 1 §6.6).

mod cache;
mod filter;
mod rows;
mod table;

pub(crate) use cache::IndexCache;
pub(crate) use rows::{PackNumbers, Row, RowBits, for_each_group};
pub(crate) use table::IndexTable;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use crate::content_id::ContentId;
use crate::error::{Error, Result};
use crate::index::{ContentInfo, supersedes};

/// One consistent view of all published contents.
#[derive(Debug)]
pub(crate) struct CommittedIndex {
    tables: Vec<Arc<IndexTable>>,
    /// Tombstones up to this unix second make contents vanish.
    watermark: u64,
    /// Monotonic time of the listing behind it.
    pub(crate) listed_at: Duration,
}

impl CommittedIndex {
    pub(crate) fn new(tables: Vec<Arc<IndexTable>>, watermark: u64, listed_at: Duration) -> Self {
        Self {
            tables,
            watermark,
            listed_at,
        }
    }

    /// The tables, to be taken over into the next view.
    pub(crate) fn tables(&self) -> &[Arc<IndexTable>] {
        &self.tables
    }

    /// Bytes of index blobs that are held in memory.
    pub(crate) fn memory(&self) -> u64 {
        self.tables.iter().map(|table| table.memory()).sum()
    }

    /// The same view with one more table.
    pub(crate) fn with_table(&self, table: Arc<IndexTable>) -> Self {
        let mut tables = self.tables.clone();
        tables.retain(|other| other.id() != table.id());
        tables.push(table);
        Self {
            tables,
            watermark: self.watermark,
            listed_at: self.listed_at,
        }
    }

    /// Whether a winner counts as not existing: a tombstone that the watermark has passed.
    pub(crate) fn is_dropped(&self, winner: &ContentInfo) -> bool {
        winner.deleted && winner.time <= self.watermark
    }

    /// The winning entry for a content, also when it is dropped.
    pub(crate) fn winner(&self, id: &ContentId) -> Result<Option<ContentInfo>> {
        let mut winner: Option<ContentInfo> = None;
        self.for_each_entry(id, &mut |info| {
            if winner.as_ref().is_none_or(|best| supersedes(&info, best)) {
                winner = Some(info);
            }
        })?;
        Ok(winner)
    }

    /// Whether a content is there and may be referred to: its entry that counts is usable and not marked as deleted.
    pub(crate) fn is_live(&self, id: &ContentId) -> Result<bool> {
        let probe = filter::Probe::of(id);
        let mut only = None;
        for table in &self.tables {
            if let Some(entry) = table.raw(id, &probe)?
                && only.replace((table, entry)).is_some()
            {
                // Which of several entries counts depends on the names of their packs.
                let winner = self.winner(id)?;
                return Ok(winner.is_some_and(|info| !info.deleted && !info.is_unusable()));
            }
        }
        match only {
            Some((table, entry)) => Ok(!entry.deleted && table.is_usable(&entry)?),
            None => Ok(false),
        }
    }

    /// Calls `each` for every entry of a content, in no order.
    pub(crate) fn for_each_entry(
        &self,
        id: &ContentId,
        each: &mut dyn FnMut(ContentInfo),
    ) -> Result<()> {
        let probe = filter::Probe::of(id);
        for table in &self.tables {
            if let Some(info) = table.find(id, &probe)? {
                each(info);
            }
        }
        Ok(())
    }

    /// Where the first entry of a content is: the number of its table, and of the entry in it. An entry that counts
    /// less than another, or nothing, is found as well.
    pub(crate) fn first_position(&self, id: &ContentId) -> Result<Option<(usize, u32)>> {
        let probe = filter::Probe::of(id);
        for (number, table) in self.tables.iter().enumerate() {
            if let Some(row) = table.position(id, &probe)? {
                return Ok(Some((number, row)));
            }
        }
        Ok(None)
    }

    /// Whether an entry that counts stands for nothing any more.
    pub(crate) fn is_dropped_row(&self, row: &Row) -> bool {
        row.entry.deleted && row.entry.time <= self.watermark
    }

    /// The entry for a content; deleted ones stay visible until they are dropped.
    pub(crate) fn find(&self, id: &ContentId) -> Result<Option<ContentInfo>> {
        Ok(self.winner(id)?.filter(|winner| !self.is_dropped(winner)))
    }

    /// Calls `each` for every existing content in the order of ids, deleted ones included; with a prefix, a letter or 0,
    /// for those that have it, without reading the others.
    pub(crate) fn for_each(
        &self,
        prefix: Option<u8>,
        each: &mut dyn FnMut(ContentInfo) -> Result<()>,
    ) -> Result<()> {
        self.try_for_each(prefix, each)
    }

    /// As [`Self::for_each`], with the caller's own kind of error.
    pub(crate) fn try_for_each<E: From<Error>>(
        &self,
        prefix: Option<u8>,
        each: &mut dyn FnMut(ContentInfo) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut cursors: Vec<table::Cursor<'_>> = self
            .tables
            .iter()
            .map(|table| match prefix {
                Some(prefix) => table.cursor_of(prefix),
                None => Ok(table.cursor()),
            })
            .collect::<Result<_>>()?;
        let mut heads: BinaryHeap<Reverse<(ContentId, usize)>> = BinaryHeap::new();
        let mut current: Vec<Option<ContentInfo>> = Vec::with_capacity(cursors.len());
        for (number, cursor) in cursors.iter_mut().enumerate() {
            let head = cursor.next()?;
            heads.extend(head.as_ref().map(|info| Reverse((info.id, number))));
            current.push(head);
        }
        let mut winner: Option<ContentInfo> = None;
        while let Some(Reverse((_, number))) = heads.pop() {
            let Some(info) = std::mem::replace(&mut current[number], cursors[number].next()?)
            else {
                continue;
            };
            heads.extend(
                current[number]
                    .as_ref()
                    .map(|next| Reverse((next.id, number))),
            );
            match &mut winner {
                Some(best) if best.id == info.id => {
                    if supersedes(&info, best) {
                        *best = info;
                    }
                }
                _ => {
                    if let Some(done) = winner.replace(info).filter(|done| !self.is_dropped(done)) {
                        each(done)?;
                    }
                }
            }
        }
        match winner.filter(|done| !self.is_dropped(done)) {
            Some(done) => each(done),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use holdfast_storage::BlobId;

    use super::*;
    use crate::index::{IndexEntry, encode};

    fn entry(id: &str, time: u32, deleted: bool, pack: u32) -> IndexEntry {
        IndexEntry {
            id: id.parse().unwrap(),
            deleted,
            format_version: 3,
            encryption_key_id: 0,
            pack,
            offset: 32,
            packed_length: 100,
            original_length: 72,
            compression: 0,
            time,
        }
    }

    fn table(name: &str, mut entries: Vec<IndexEntry>) -> Arc<IndexTable> {
        let packs = [BlobId::new("pa-s1").unwrap(), BlobId::new("pb-s1").unwrap()];
        let bytes = encode(&mut entries, &packs).unwrap();
        Arc::new(IndexTable::in_memory(BlobId::new(name).unwrap(), Bytes::from(bytes)).unwrap())
    }

    fn two_tables(watermark: u64) -> CommittedIndex {
        CommittedIndex::new(
            vec![
                table(
                    "x1",
                    vec![
                        entry("aa", 10, false, 0),
                        entry("bb", 10, false, 0),
                        entry("kcc", 10, false, 0),
                    ],
                ),
                table(
                    "x2",
                    vec![
                        entry("aa", 11, true, 0),
                        entry("bb", 10, false, 1),
                        entry("dd", 12, true, 0),
                    ],
                ),
            ],
            watermark,
            Duration::ZERO,
        )
    }

    fn all(index: &CommittedIndex) -> Vec<(String, bool)> {
        let mut seen = Vec::new();
        index
            .for_each(None, &mut |info| {
                seen.push((info.id.to_string(), info.deleted));
                Ok(())
            })
            .unwrap();
        seen
    }

    #[test]
    fn winners_are_merged_in_order() {
        let index = two_tables(0);
        let expected = [("aa", true), ("bb", false), ("dd", true), ("kcc", false)];
        assert_eq!(
            all(&index),
            expected.map(|(id, deleted)| (id.to_owned(), deleted))
        );
        assert_eq!(
            index
                .find(&"bb".parse().unwrap())
                .unwrap()
                .unwrap()
                .pack
                .as_str(),
            "pb-s1"
        );
        assert!(index.find(&"ee".parse().unwrap()).unwrap().is_none());
        assert!(index.find(&"aabb".parse().unwrap()).unwrap().is_none());
    }

    #[test]
    fn what_is_deleted_or_missing_is_not_live() {
        let newer = vec![entry("aa", 12, false, 1), entry("cc", 1, false, 0)];
        let index = two_tables(0).with_table(table("x3", newer));
        for (id, live) in [
            ("aa", true),
            ("bb", true),
            ("cc", true),
            ("dd", false),
            ("ff", false),
            ("kcc", true),
            ("kaa", false),
        ] {
            assert_eq!(index.is_live(&id.parse().unwrap()).unwrap(), live, "{id}");
        }
        assert!(!two_tables(0).is_live(&"aa".parse().unwrap()).unwrap());
    }

    #[test]
    fn a_prefix_finds_what_it_stands_before() {
        let ids = |index: &CommittedIndex, prefix| {
            let mut seen = Vec::new();
            let each = &mut |info: ContentInfo| {
                seen.push(info.id.to_string());
                Ok(())
            };
            index.for_each(Some(prefix), each).unwrap();
            seen
        };
        let index = two_tables(0);
        assert_eq!(ids(&index, 0), ["aa", "bb", "dd"]);
        assert_eq!(ids(&index, b'k'), ["kcc"]);
        for none in [b'g', b'j', b'l', b'm', b'z', 255] {
            assert_eq!(ids(&index, none), [""; 0]);
        }
        let more = index.with_table(table(
            "x3",
            vec![
                entry("k00", 1, false, 0),
                entry("kff", 1, false, 0),
                entry("m00", 1, false, 0),
            ],
        ));
        assert_eq!(ids(&more, b'k'), ["k00", "kcc", "kff"]);
        assert_eq!(ids(&more, b'm'), ["m00"]);
        assert_eq!(ids(&more, 0), ["aa", "bb", "dd"]);
    }

    #[test]
    fn the_watermark_drops_tombstones_inclusively() {
        let index = two_tables(11);
        assert_eq!(
            all(&index)
                .iter()
                .map(|(id, _)| id.as_str())
                .collect::<Vec<_>>(),
            ["bb", "dd", "kcc"]
        );
        assert!(index.find(&"aa".parse().unwrap()).unwrap().is_none());
        assert_eq!(
            index.winner(&"aa".parse().unwrap()).unwrap().unwrap().time,
            11
        );
    }

    #[test]
    fn one_more_table_replaces_its_namesake() {
        let index = two_tables(0).with_table(table("x2", vec![entry("ee", 1, false, 0)]));
        assert_eq!(index.tables().len(), 2);
        assert!(index.find(&"dd".parse().unwrap()).unwrap().is_none());
        assert!(index.find(&"ee".parse().unwrap()).unwrap().is_some());
    }
}
