//! Rows that come in any order, put in the order of their keys; what is too much for memory waits in files without names,
//! sealed as the index is.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::path::Path;

use holdfast_host::fs::ScratchFile;
use holdfast_repository::{CacheSeal, Hasher};

use super::block::{Row, weight};
use super::file::{Broken, Header, Segment, Source, Writer};
use super::spans::Spans;

/// Rows held in memory take about as many bytes, with what the table of them takes.
const HELD: usize = 32 << 20;
/// What a row and its place in the table take beside its bytes.
const ROW: usize = 160;

/// Takes rows in any order.
pub(super) struct Sorter<'a> {
    folder: &'a Path,
    seal: &'a CacheSeal,
    hasher: &'a Hasher,
    /// In bytes.
    held: usize,
    rows: HashMap<Vec<u8>, Row>,
    weight: usize,
    runs: Vec<Segment>,
}

impl<'a> Sorter<'a> {
    /// Files without names are made in `folder`.
    pub(super) fn new(folder: &'a Path, seal: &'a CacheSeal, hasher: &'a Hasher) -> Self {
        Self {
            folder,
            seal,
            hasher,
            held: HELD,
            rows: HashMap::new(),
            weight: 0,
            runs: Vec::new(),
        }
    }

    /// Notes that some points have a state at a path.
    pub(super) fn add(&mut self, key: Vec<u8>, state: &[u8], spans: &Spans) -> io::Result<()> {
        let row = self.row(key);
        let before = row.states.len();
        row.add(state, spans);
        if row.states.len() > before {
            self.weight += weight(state) + 48;
        }
        self.spill_above(self.held)
    }

    /// Notes that nothing below a folder changed.
    pub(super) fn unchanged_below(&mut self, key: Vec<u8>) -> io::Result<()> {
        self.row(key).unchanged_below = true;
        self.spill_above(self.held)
    }

    fn row(&mut self, key: Vec<u8>) -> &mut Row {
        if !self.rows.contains_key(&key) {
            self.weight += 2 * key.len() + ROW;
        }
        self.rows.entry(key).or_default()
    }

    fn spill_above(&mut self, most: usize) -> io::Result<()> {
        if self.weight <= most {
            return Ok(());
        }
        let mut writer = Writer::new(ScratchFile::new_in(self.folder)?, self.seal, self.hasher);
        for row in self.take() {
            writer.push(row)?;
        }
        let written = writer.finish(Header::default())?;
        let run = written.into_segment(|file| Ok(Source::Scratch(file)), self.seal)?;
        self.runs.push(run);
        Ok(())
    }

    /// The rows that are held, in the order of their keys.
    fn take(&mut self) -> Vec<Row> {
        self.weight = 0;
        let rows = std::mem::take(&mut self.rows).into_iter();
        let mut rows: Vec<Row> = rows.map(|(key, row)| Row { key, ..row }).collect();
        rows.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        rows
    }

    /// All rows in the order of their keys, each once.
    pub(super) fn finish(mut self) -> Result<Sorted, Broken> {
        let held = Run {
            rows: self.take().into_iter(),
            segment: None,
            next: 0,
        };
        let spilled = self.runs.into_iter().map(|segment| Run {
            rows: Vec::new().into_iter(),
            segment: Some(segment),
            next: 0,
        });
        let mut sorted = Sorted {
            runs: spilled.chain([held]).collect(),
            heads: BinaryHeap::new(),
        };
        for number in 0..sorted.runs.len() {
            sorted.advance(number)?;
        }
        Ok(sorted)
    }
}

/// Rows in order from one place.
struct Run {
    rows: std::vec::IntoIter<Row>,
    /// Where more come from.
    segment: Option<Segment>,
    next: usize,
}

impl Run {
    fn next(&mut self) -> Result<Option<Row>, Broken> {
        loop {
            if let Some(row) = self.rows.next() {
                return Ok(Some(row));
            }
            let Some(segment) = &self.segment else {
                return Ok(None);
            };
            let Some(block) = segment.blocks.get(self.next) else {
                return Ok(None);
            };
            self.rows = segment.rows(block)?.into_iter();
            self.next += 1;
        }
    }
}

/// The next row of a run; the order is that of the keys.
struct Head {
    row: Row,
    run: usize,
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.row.key, self.run).cmp(&(&other.row.key, other.run))
    }
}

/// Rows in the order of their keys.
pub(super) struct Sorted {
    runs: Vec<Run>,
    heads: BinaryHeap<Reverse<Head>>,
}

impl Sorted {
    fn advance(&mut self, run: usize) -> Result<(), Broken> {
        if let Some(row) = self.runs[run].next()? {
            self.heads.push(Reverse(Head { row, run }));
        }
        Ok(())
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Broken> {
        let Some(Reverse(Head { mut row, run })) = self.heads.pop() else {
            return Ok(None);
        };
        self.advance(run)?;
        while let Some(Reverse(same)) = self.heads.peek()
            && same.row.key == row.key
        {
            let Some(Reverse(same)) = self.heads.pop() else {
                break;
            };
            for state in &same.row.states {
                row.add(&state.bytes, &state.spans);
            }
            row.unchanged_below |= same.row.unchanged_below;
            self.advance(same.run)?;
        }
        Ok(Some(row))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::find::index::tests::{hasher, seal};

    /// However often the rows are set aside, what comes out is the same.
    #[test]
    fn rows_come_in_order_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let (seal, hasher) = (seal(), hasher());
        let mut all = Vec::new();
        for held in [usize::MAX, 5_000, 500, 0] {
            let mut sorter = Sorter {
                held,
                ..Sorter::new(folder.path(), &seal, &hasher)
            };
            let mut expected: BTreeMap<Vec<u8>, Row> = BTreeMap::new();
            for number in 0..500_u32 {
                let mixed = number.wrapping_mul(0x9e37_79b9) >> 7;
                let key = format!("\0{}", mixed % 150).into_bytes();
                let state = [4, (mixed % 3) as u8];
                let spans = Spans::of(mixed % 20, mixed % 20);
                sorter.add(key.clone(), &state, &spans).unwrap();
                let row = expected.entry(key.clone()).or_default();
                row.key.clone_from(&key);
                row.add(&state, &spans);
                if mixed.is_multiple_of(11) {
                    sorter.unchanged_below(key).unwrap();
                    row.unchanged_below = true;
                }
            }
            assert_eq!(sorter.runs.is_empty(), held == usize::MAX);
            let mut sorted = sorter.finish().unwrap();
            let mut rows = Vec::new();
            while let Some(mut row) = sorted.next().unwrap() {
                row.states
                    .sort_by(|left, right| left.bytes.cmp(&right.bytes));
                rows.push(row);
            }
            for row in expected.values_mut() {
                row.states
                    .sort_by(|left, right| left.bytes.cmp(&right.bytes));
            }
            assert_eq!(rows, expected.into_values().collect::<Vec<_>>(), "{held}");
            all.push(rows);
        }
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
