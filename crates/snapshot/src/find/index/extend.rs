//! Putting what was read of a new point into the rows of the points before it.
//!
//! Both are in the order of their keys, so one pass does it. Blocks of which nothing changed are copied as they are, without
//! being opened.

use std::io::Write;

use holdfast_host::Cancel;

use super::Failure;
use super::block::Row;
use super::file::{Segment, Writer};
use super::key;
use super::sorter::Sorted;
use super::spans::Spans;

/// Which points there are.
pub(super) struct Points<'a> {
    /// The number of the new point.
    pub(super) new: u32,
    /// The numbers of those that are left, ascending, the new one included.
    pub(super) left: &'a [u32],
    /// Whether blocks without changes are opened as well, so that nothing of points that have gone stays in them.
    pub(super) open_all: bool,
}

/// Writes the rows of the first points, of which `last` has the highest number.
pub(super) fn first<W: Write>(
    mut rows: Sorted,
    last: u32,
    out: &mut Writer<'_, W>,
    cancel: &Cancel,
) -> Result<(), Failure> {
    while let Some(mut row) = rows.next()? {
        cancel.check()?;
        for state in &mut row.states {
            state.spans.open_at(last);
        }
        out.push(row)?;
    }
    Ok(())
}

/// Writes all rows with those of the new point.
pub(super) fn extend<W: Write>(
    old: &Segment,
    mut rows: Sorted,
    points: &Points<'_>,
    out: &mut Writer<'_, W>,
    cancel: &Cancel,
) -> Result<(), Failure> {
    let mut pass = Pass {
        old,
        next_block: 0,
        rows: Vec::new().into_iter().peekable(),
        unchanged: None,
        points,
        out,
        cancel,
    };
    while let Some(row) = rows.next()? {
        pass.pass_to(Some(&row.key))?;
        let before = pass.rows.next_if(|old| old.key == row.key);
        if row.unchanged_below {
            pass.unchanged = Some(row.key.clone());
        }
        if let Some(row) = changed(before, row, points) {
            pass.out.push(row)?;
        }
    }
    pass.pass_to(None)
}

/// A row with what the new point has of it, and without what only points had that have gone.
fn changed(before: Option<Row>, new: Row, points: &Points<'_>) -> Option<Row> {
    let mut row = before.unwrap_or_default();
    row.key = new.key;
    row.unchanged_below = false;
    for state in &mut row.states {
        let stays = new.states.iter().any(|new| new.bytes == state.bytes);
        if state.spans.is_open() && !stays {
            state.spans.close(points.new.saturating_sub(1));
        }
    }
    let open = Spans::of(points.new, super::spans::OPEN);
    for state in &new.states {
        row.add(&state.bytes, &open);
    }
    kept(row, points)
}

/// A row that the new point does not have.
fn ended(row: Row, points: &Points<'_>) -> Option<Row> {
    let key = row.key.clone();
    let none = Row {
        key,
        ..Row::default()
    };
    changed(Some(row), none, points)
}

fn kept(mut row: Row, points: &Points<'_>) -> Option<Row> {
    for state in &mut row.states {
        state.spans.keep(points.left);
    }
    row.states.retain(|state| !state.spans.is_empty());
    (!row.states.is_empty()).then_some(row)
}

struct Pass<'a, 'w, W> {
    old: &'a Segment,
    next_block: usize,
    /// What is left of the block that was opened.
    rows: std::iter::Peekable<std::vec::IntoIter<Row>>,
    /// The folder below which nothing changed that was met last.
    unchanged: Option<Vec<u8>>,
    points: &'a Points<'a>,
    out: &'a mut Writer<'w, W>,
    cancel: &'a Cancel,
}

impl<W: Write> Pass<'_, '_, W> {
    /// Writes the old rows in front of `key`, or all. The new point has them only if they are below a folder that did not
    /// change.
    fn pass_to(&mut self, key: Option<&[u8]>) -> Result<(), Failure> {
        let is_before = |row: &[u8]| key.is_none_or(|key| row < key);
        loop {
            while let Some(row) = self.rows.next_if(|row| is_before(&row.key)) {
                let row = match self.is_unchanged(&row.key) {
                    true => kept(row, self.points),
                    false => ended(row, self.points),
                };
                if let Some(row) = row {
                    self.out.push(row)?;
                }
            }
            if self.rows.peek().is_some() {
                return Ok(());
            }
            let old = self.old;
            let Some(block) = old.blocks.get(self.next_block) else {
                return Ok(());
            };
            if !is_before(&block.first) && key != Some(block.first.as_slice()) {
                return Ok(());
            }
            self.cancel.check()?;
            let whole = is_before(&block.last)
                && self.is_unchanged(&block.first)
                && self.is_unchanged(&block.last);
            if whole && !self.points.open_all && self.out.may_copy() {
                self.out.copy(old, block)?;
            } else {
                self.rows = old.rows(block)?.into_iter().peekable();
            }
            self.next_block += 1;
        }
    }

    fn is_unchanged(&self, row: &[u8]) -> bool {
        let folder = self.unchanged.as_deref();
        folder.is_some_and(|folder| key::is_below(row, folder))
    }
}
