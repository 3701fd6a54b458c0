//! Every entry of several tables in the order of ids, without looking names up: for work on all contents at once.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::table::{Cursor, IndexTable};
use crate::content_id::ContentId;
use crate::error::Result;
use crate::index::{PackPlace, RawEntry};

/// One entry as it lies in its table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// Which content.
    pub(crate) id: ContentId,
    /// Number of the table.
    pub(crate) table: usize,
    /// Number of the entry in its table.
    pub(crate) number: u32,
    /// The entry; its pack and format are numbers of the table.
    pub(crate) entry: RawEntry,
}

/// Calls `each` once for every content in the order of ids, with the entry that counts and all entries.
pub(crate) fn for_each_group(
    tables: &[Arc<IndexTable>],
    each: &mut dyn FnMut(&Row, &[Row]) -> Result<()>,
) -> Result<()> {
    let mut cursors: Vec<Cursor<'_>> = tables.iter().map(|table| table.cursor()).collect();
    let mut heads: BinaryHeap<Reverse<(ContentId, usize)>> = BinaryHeap::new();
    let mut current: Vec<Option<Row>> = Vec::with_capacity(cursors.len());
    let next = |cursors: &mut Vec<Cursor<'_>>, table: usize| -> Result<Option<Row>> {
        Ok(cursors[table].next_raw()?.map(|(number, id, entry)| Row {
            id,
            table,
            number,
            entry,
        }))
    };
    for table in 0..tables.len() {
        let head = next(&mut cursors, table)?;
        heads.extend(head.map(|row| Reverse((row.id, table))));
        current.push(head);
    }
    let mut group: Vec<Row> = Vec::new();
    while let Some(Reverse((id, table))) = heads.pop() {
        if group.first().is_some_and(|first| first.id != id) {
            each(&winner(tables, &group)?, &group)?;
            group.clear();
        }
        let following = next(&mut cursors, table)?;
        heads.extend(following.map(|row| Reverse((row.id, table))));
        group.extend(std::mem::replace(&mut current[table], following));
    }
    if !group.is_empty() {
        each(&winner(tables, &group)?, &group)?;
    }
    Ok(())
}

/// The entry that counts (format 1 §6.6); names of packs are looked up only where nothing else decides.
fn winner(tables: &[Arc<IndexTable>], group: &[Row]) -> Result<Row> {
    let mut best = group[0];
    for row in &group[1..] {
        let order = row
            .entry
            .time
            .cmp(&best.entry.time)
            .then_with(|| best.entry.deleted.cmp(&row.entry.deleted));
        let order = match order {
            Ordering::Equal => {
                let name = |row: &Row| tables[row.table].pack_name(row.entry.pack);
                name(row)?.cmp(&name(&best)?)
            }
            other => other,
        };
        if order == Ordering::Greater {
            best = *row;
        }
    }
    Ok(best)
}

/// Numbers the packs of several tables by their names, in the order in which they are asked for.
///
/// A name is looked up once for each table that has it; in memory a pack takes its name and some 30 bytes.
#[derive(Debug)]
pub(crate) struct PackNumbers {
    state: RandomState,
    /// All names one after another.
    names: String,
    /// Where each name ends.
    ends: Vec<usize>,
    by_hash: HashMap<u64, u32>,
    /// Packs whose hash an earlier one has.
    collided: Vec<u32>,
    /// For each table the numbers of its packs.
    known: Vec<TableNumbers>,
}

#[derive(Debug, Default)]
struct TableNumbers {
    /// By the number in the table's pack list.
    listed: Vec<u32>,
    /// By the place of the name, for tables without such a list.
    placed: HashMap<u32, u32>,
}

const UNKNOWN: u32 = u32::MAX;

impl PackNumbers {
    pub(crate) fn new(tables: usize) -> Self {
        Self {
            state: RandomState::new(),
            names: String::new(),
            ends: Vec::new(),
            by_hash: HashMap::new(),
            collided: Vec::new(),
            known: (0..tables).map(|_| TableNumbers::default()).collect(),
        }
    }

    /// How many packs there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The name of a pack.
    pub(crate) fn name(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.names[start..self.ends[number]]
    }

    /// The names in the order of numbers.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        (0..self.len() as u32).map(|number| self.name(number))
    }

    /// The number of the pack of an entry; nothing for an entry that points outside its table.
    pub(crate) fn of(&mut self, tables: &[Arc<IndexTable>], row: &Row) -> Result<Option<u32>> {
        let known = &self.known[row.table];
        let number = match row.entry.pack {
            PackPlace::Number(number) => known.listed.get(number as usize).copied(),
            PackPlace::Name { at, .. } => known.placed.get(&at).copied(),
        };
        if let Some(number) = number.filter(|number| *number != UNKNOWN) {
            return Ok(Some(number));
        }
        let Some(name) = tables[row.table].pack_name(row.entry.pack)? else {
            return Ok(None);
        };
        let number = self.by_name(name.as_str());
        let known = &mut self.known[row.table];
        match row.entry.pack {
            PackPlace::Number(at) => {
                let at = at as usize;
                if known.listed.len() <= at {
                    known.listed.resize(at + 1, UNKNOWN);
                }
                known.listed[at] = number;
            }
            PackPlace::Name { at, .. } => {
                known.placed.insert(at, number);
            }
        }
        Ok(Some(number))
    }

    /// The number of a name, if it has one.
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        let first = *self.by_hash.get(&self.state.hash_one(name))?;
        std::iter::once(first)
            .chain(self.collided.iter().copied())
            .find(|number| self.name(*number) == name)
    }

    fn by_name(&mut self, name: &str) -> u32 {
        if let Some(number) = self.find(name) {
            return number;
        }
        let number = self.ends.len() as u32;
        self.names.push_str(name);
        self.ends.push(self.names.len());
        match self.by_hash.entry(self.state.hash_one(name)) {
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(number);
            }
            std::collections::hash_map::Entry::Occupied(_) => self.collided.push(number),
        }
        number
    }
}

/// One bit for every entry of every table.
#[derive(Debug)]
pub(crate) struct RowBits {
    tables: Vec<Vec<u64>>,
}

impl RowBits {
    /// All bits clear.
    pub(crate) fn new(tables: &[Arc<IndexTable>]) -> Self {
        Self {
            tables: tables
                .iter()
                .map(|table| vec![0; (table.count() as usize).div_ceil(64)])
                .collect(),
        }
    }

    /// Sets a bit; true when it was clear.
    pub(crate) fn set(&mut self, table: usize, row: u32) -> bool {
        let word = &mut self.tables[table][row as usize / 64];
        let bit = 1 << (row % 64);
        let clear = *word & bit == 0;
        *word |= bit;
        clear
    }

    /// Whether a bit is set.
    pub(crate) fn get(&self, table: usize, row: u32) -> bool {
        self.tables[table][row as usize / 64] & 1 << (row % 64) != 0
    }
}
