//! Moving contents out of short packs (format 1 §9.5).

use std::collections::{BTreeMap, HashSet};

use serde_json::json;

use super::due::{self, Mode};
use super::report::statistics;
use super::run::Run;
use super::schedule::TaskStatistics;
use super::sweep::{CountSum, Verdict};
use super::usage::Packs;
use crate::blob_names::METADATA_PACK;
use crate::committed::{CommittedIndex, PackNumbers, Row, for_each_group};
use crate::index::ContentInfo;
use crate::writer::ContentWriter;
use crate::{Error, Result};

/// A pack is short below this part of a full one, in hundredths.
const SHORT: u64 = 60;
/// Contents that are collected in one pass over the index.
const CONTENTS_PER_PASS: u64 = 100_000;
/// Neighbouring contents are read in one piece up to this many bytes.
const READ_AT_ONCE: u64 = 4 << 20;

/// The short packs that are to be emptied, by number: those of a class of which there are at least two. Packs without
/// anything to be kept are left alone: they vanish with their last deleted content.
pub(super) fn short_packs(packs: &Packs, max_pack_size: u64) -> Vec<u32> {
    let threshold = max_pack_size * SHORT / 100;
    let mut classes: BTreeMap<u8, Vec<u32>> = BTreeMap::new();
    for (number, usage) in packs.usage.iter().enumerate() {
        if usage.kept > 0 && usage.bytes < threshold {
            let class = packs.numbers.name(number as u32).bytes().next();
            classes
                .entry(class.unwrap_or_default())
                .or_default()
                .push(number as u32);
        }
    }
    classes.retain(|_, packs| packs.len() >= 2);
    classes.into_values().flatten().collect()
}

/// Splits packs into groups of bounded numbers of contents, in their order.
fn passes(packs: &[u32], contents: impl Fn(u32) -> u64) -> Vec<&[u32]> {
    let mut passes = Vec::new();
    let (mut first, mut sum) = (0, 0);
    for (at, pack) in packs.iter().enumerate() {
        let count = contents(*pack);
        if sum > 0 && sum + count > CONTENTS_PER_PASS {
            passes.push(&packs[first..at]);
            (first, sum) = (at, 0);
        }
        sum += count;
    }
    if first < packs.len() {
        passes.push(&packs[first..]);
    }
    passes
}

/// A content with its ciphertext, or why that could not be read.
type Sealed<'i, 'b> = (&'i ContentInfo, Result<&'b mut [u8]>);

/// What was moved.
#[derive(Debug, Default)]
struct Moved {
    wanted: CountSum,
    moved: CountSum,
    young: CountSum,
}

impl Run<'_> {
    /// The packs whose contents are to be moved now; else why it is not their time.
    pub(super) fn rewrite_is_due(&self, mode: Mode) -> Result<Result<(Packs, Vec<u32>), String>> {
        if !due::rewrite_allowed(&self.schedule, mode, &self.safety()) {
            return Ok(Err(
                "packs that an earlier run emptied are still to be deleted".to_owned(),
            ));
        }
        let packs = self.packs()?;
        let mut short = short_packs(&packs, self.repository.format().max_pack_size());
        if mode == Mode::Quick {
            short.retain(|pack| packs.numbers.name(*pack).starts_with(METADATA_PACK));
        }
        // A run without anything to do would only put off the deletion of packs.
        Ok(match short.is_empty() {
            true => Err("there are no short packs".to_owned()),
            false => Ok((packs, short)),
        })
    }

    /// Moves what is kept of short packs into new ones. Deleted contents stay: moving them would renew their marks, and
    /// they would never go.
    pub(super) fn rewrite_contents(
        &mut self,
        packs: &Packs,
        short: &[u32],
    ) -> Result<TaskStatistics> {
        let mut moved = Moved::default();
        self.move_contents(packs, short, &mut moved)?;
        Ok(statistics(
            "rewriteContentsStats",
            json!({
                "toRewriteContentCount": moved.wanted.count,
                "toRewriteContentSize": moved.wanted.bytes,
                "rewrittenContentCount": moved.moved.count,
                "rewrittenContentSize": moved.moved.bytes,
                "retainedContentCount": moved.young.count,
                "retainedContentSize": moved.young.bytes,
            }),
        ))
    }

    fn move_contents(&mut self, packs: &Packs, short: &[u32], moved: &mut Moved) -> Result<()> {
        let contents = |pack: u32| u64::from(packs.usage[pack as usize].contents);
        let session = match self.dry_run() {
            true => None,
            false => Some(self.repository.session()?),
        };
        let mut writer = session.as_ref().map(|session| session.writer());
        for pass in passes(short, contents) {
            let names: HashSet<&str> = pass.iter().map(|pack| packs.numbers.name(*pack)).collect();
            let found = self.contents_of(&names, moved)?;
            for info in &found {
                *self.emptied.entry(info.pack.clone()).or_default() +=
                    u64::from(info.packed_length);
            }
            if let (Some(session), Some(writer)) = (&session, &mut writer) {
                self.move_all(writer, found, moved)?;
                // Their entries wait in memory until then; those of packs that are not full wait for the next pass.
                session.commit_index()?;
            }
        }
        if let (Some(session), Some(mut writer)) = (session, writer) {
            writer.finish_packs()?;
            drop(writer);
            session.close()?;
        }
        Ok(())
    }

    /// The contents of these packs that are old enough, in the order in which they lie.
    fn contents_of(&self, names: &HashSet<&str>, moved: &mut Moved) -> Result<Vec<ContentInfo>> {
        let index = match &self.needed {
            Some(needed) if self.dry_run() => needed.index.clone(),
            _ => self.repository.index()?,
        };
        let now = self.repository.clock().now();
        let young_after = due::earlier(now, self.safety().rewrite_min_age).as_second();
        let mut numbers = PackNumbers::new(index.tables().len());
        let mut wanted: Vec<bool> = Vec::new();
        let mut found = Vec::new();
        self.for_each_kept(&index, &mut |row| {
            let Some(pack) = numbers.of(index.tables(), row)? else {
                return Ok(());
            };
            for number in wanted.len()..numbers.len() {
                wanted.push(names.contains(numbers.name(number as u32)));
            }
            if !wanted[pack as usize] {
                return Ok(());
            }
            if i128::from(row.entry.time) > i128::from(young_after) {
                moved.young.add(row.entry.packed_length);
                return Ok(());
            }
            moved.wanted.add(row.entry.packed_length);
            found.push(index.tables()[row.table].info(row.id, &row.entry)?);
            Ok(())
        })?;
        found.sort_unstable_by(|a, b| (&a.pack, a.offset).cmp(&(&b.pack, b.offset)));
        Ok(found)
    }

    /// Calls `each` for every content that is not deleted; in a dry run, that the run so far would not have deleted.
    fn for_each_kept(
        &self,
        index: &CommittedIndex,
        each: &mut dyn FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        match &self.needed {
            Some(needed) if self.dry_run() => self.for_each_verdict(needed, &mut |row, verdict| {
                let system = verdict == Verdict::System && !row.entry.deleted;
                match verdict {
                    Verdict::Needed | Verdict::Revive | Verdict::Recent => each(row),
                    _ if system => each(row),
                    _ => Ok(()),
                }
            }),
            _ => for_each_group(index.tables(), &mut |row, _| match row.entry.deleted {
                true => Ok(()),
                false => each(row),
            }),
        }
    }

    fn move_all(
        &mut self,
        writer: &mut ContentWriter,
        contents: Vec<ContentInfo>,
        moved: &mut Moved,
    ) -> Result<()> {
        let mut rest = contents.as_slice();
        let mut buffer = Vec::new();
        while !rest.is_empty() {
            self.go_on()?;
            let (piece, following) = rest.split_at(neighbours(rest));
            rest = following;
            for (info, sealed) in self.read_piece(piece, &mut buffer)? {
                let payload = match sealed.and_then(|sealed| self.repository.unseal(info, sealed)) {
                    Ok(payload) => payload,
                    Err(error) if is_damage(&error) => {
                        self.emptied.remove(&info.pack);
                        self.problem(format!(
                            "content {} stays in pack {}: {error}",
                            info.id, info.pack
                        ));
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                writer.rewrite(info, payload)?;
                moved.moved.add(info.packed_length);
            }
        }
        Ok(())
    }

    /// Reads neighbours in one piece; when that fails, one by one, so that a short pack loses only what is gone.
    fn read_piece<'b, 'i>(
        &self,
        piece: &'i [ContentInfo],
        buffer: &'b mut Vec<u8>,
    ) -> Result<Vec<Sealed<'i, 'b>>> {
        let start = u64::from(piece[0].offset);
        let length = piece
            .iter()
            .map(|info| end(info) - start)
            .max()
            .unwrap_or(0) as usize;
        buffer.clear();
        buffer.resize(length, 0);
        let store = self.repository.store();
        let whole = store.get_range(&piece[0].pack, start, buffer);
        let mut results = Vec::with_capacity(piece.len());
        let mut rest = buffer.as_mut_slice();
        let mut at = start;
        for info in piece {
            let gap = (u64::from(info.offset) - at) as usize;
            let (sealed, after) = rest[gap..].split_at_mut(info.packed_length as usize);
            rest = after;
            at = end(info);
            let read = match &whole {
                Ok(()) => Ok(()),
                Err(_) => store.get_range(&info.pack, u64::from(info.offset), sealed),
            };
            results.push((info, read.map(|()| sealed).map_err(Error::from)));
        }
        Ok(results)
    }
}

fn end(info: &ContentInfo) -> u64 {
    u64::from(info.offset) + u64::from(info.packed_length)
}

/// How many contents at the front are read at once: of one pack, one after another, not too many bytes.
fn neighbours(contents: &[ContentInfo]) -> usize {
    let first = &contents[0];
    let fits = |pair: &[ContentInfo]| {
        let (before, next) = (&pair[0], &pair[1]);
        next.pack == first.pack
            && u64::from(next.offset) >= end(before)
            && end(next) - u64::from(first.offset) <= READ_AT_ONCE
    };
    1 + contents.windows(2).take_while(|pair| fits(pair)).count()
}

/// Whether only this content is concerned, and trying again does not help.
fn is_damage(error: &Error) -> bool {
    match error {
        Error::Damaged { .. } => true,
        Error::Storage(error) => {
            error.is_not_found() || error.kind() == holdfast_storage::ErrorKind::InvalidRange
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use holdfast_storage::BlobId;

    use super::*;

    fn info(pack: &str, offset: u32, packed_length: u32) -> ContentInfo {
        ContentInfo {
            id: "00".parse().unwrap(),
            pack: BlobId::new(pack).unwrap(),
            time: 0,
            offset,
            packed_length,
            original_length: packed_length,
            compression: 0,
            format_version: 3,
            encryption_key_id: 0,
            deleted: false,
        }
    }

    #[test]
    fn neighbours_are_read_at_once() {
        let large = READ_AT_ONCE as u32;
        for (contents, count) in [
            (vec![info("pa", 32, 10)], 1),
            (
                vec![info("pa", 32, 10), info("pa", 42, 5), info("pa", 50, 5)],
                3,
            ),
            (vec![info("pa", 32, 10), info("pb", 42, 5)], 1),
            // Entries that overlap are read one by one.
            (vec![info("pa", 32, 10), info("pa", 40, 5)], 1),
            (vec![info("pa", 0, large), info("pa", large, 1)], 1),
            (
                vec![
                    info("pa", 0, large - 1),
                    info("pa", large - 1, 1),
                    info("pa", large, 1),
                ],
                2,
            ),
        ] {
            assert_eq!(neighbours(&contents), count, "{contents:?}");
        }
    }

    #[test]
    fn passes_are_bounded() {
        let packs = [0, 1, 2, 3, 4];
        let sizes = [60_000, 40_000, 1, 200_000, 5];
        let passes = passes(&packs, |pack| sizes[pack as usize]);
        assert_eq!(passes, [&[0, 1][..], &[2], &[3], &[4]]);
        assert!(super::passes(&[], |_| 1).is_empty());
    }
}
