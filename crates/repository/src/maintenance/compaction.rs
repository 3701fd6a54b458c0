//! Merging index blobs, however large, without holding them in memory.

use std::sync::Arc;

use holdfast_storage::BlobId;

use crate::Result;
use crate::blob_crypto::BlobBuilder;
use crate::committed::{IndexTable, PackNumbers, Row, for_each_group};
use crate::crypto::random_bytes;
use crate::error::Error;
use crate::index::{FormatPlace, IndexEntry, IndexShape, MAX_ENTRIES_PER_BLOB, shard_of};
use crate::repository::Repository;

/// Merged indexes above this many entries are put together in a file.
const IN_MEMORY: u64 = 100_000;
/// Rows are handed on in pieces of about this size, in bytes.
const PIECE: usize = 256 << 10;

/// Merges tables by the rule of format 1 §6.6, tombstones included, and puts the result as one set of index blobs
/// whose names begin with `prefix`. Returns the names.
pub(super) fn merge(
    repository: &Repository,
    tables: &[Arc<IndexTable>],
    prefix: &str,
) -> Result<Vec<BlobId>> {
    let mut group = [0; 8];
    random_bytes(&mut group)?;
    let at_most: u64 = tables.iter().map(|table| u64::from(table.count())).sum();
    let count = (at_most as usize).div_ceil(MAX_ENTRIES_PER_BLOB).max(1);
    let directory = repository
        .scratch_directory()
        .filter(|_| at_most > IN_MEMORY);
    let mut shards = Vec::with_capacity(count);
    for shard in 0..count {
        let wanted = |row: &Row| count == 1 || shard_of(&row.id, count) == shard;
        let (shape, packs) = measure(tables, &wanted)?;
        if shape.count() > 0 {
            let builder = BlobBuilder::start(repository.hasher(), directory)?;
            shards.push(encode(tables, &wanted, &shape, &packs, builder)?);
        }
    }
    let suffix = format!("-s{}-c{}", hex::encode(group), shards.len());
    let mut names = Vec::with_capacity(shards.len());
    for shard in shards {
        let (id, sealed) = shard.seal(repository.cipher(), prefix, &suffix)?;
        repository
            .store()
            .put(&id, sealed, &repository.put_options(&id)?)?;
        names.push(id);
    }
    Ok(names)
}

/// First pass: how the index will be laid out, and its packs in the order in which they appear.
fn measure(
    tables: &[Arc<IndexTable>],
    wanted: &dyn Fn(&Row) -> bool,
) -> Result<(IndexShape, PackNumbers)> {
    let mut shape = IndexShape::default();
    let mut packs = PackNumbers::new(tables.len());
    let mut formats = Formats::new(tables.len());
    for_each_group(tables, &mut |row, _| {
        if wanted(row) {
            shape.add(&entry(tables, row, &mut packs, &mut formats)?)?;
        }
        Ok(())
    })?;
    Ok((shape, packs))
}

/// Second pass: the bytes.
fn encode<'r>(
    tables: &[Arc<IndexTable>],
    wanted: &dyn Fn(&Row) -> bool,
    shape: &IndexShape,
    packs: &PackNumbers,
    mut blob: BlobBuilder<'r>,
) -> Result<BlobBuilder<'r>> {
    let mut numbers = PackNumbers::new(tables.len());
    let mut formats = Formats::new(tables.len());
    let mut piece = shape.head()?;
    for_each_group(tables, &mut |row, _| {
        if wanted(row) {
            shape.append_row(&mut piece, &entry(tables, row, &mut numbers, &mut formats)?);
            if piece.len() >= PIECE {
                blob.write(&piece)?;
                piece.clear();
            }
        }
        Ok(())
    })?;
    shape.append_tail(&mut piece, packs.names())?;
    blob.write(&piece)?;
    Ok(blob)
}

/// An entry with its pack numbered.
fn entry(
    tables: &[Arc<IndexTable>],
    row: &Row,
    packs: &mut PackNumbers,
    formats: &mut Formats,
) -> Result<IndexEntry> {
    let outside = || {
        Error::damaged(
            format_args!("index blob {}", tables[row.table].id()),
            format_args!("the entry of content {} points outside", row.id),
        )
    };
    let pack = packs.of(tables, row)?.ok_or_else(outside)?;
    let (compression, format_version, encryption_key_id) =
        formats.of(tables, row)?.ok_or_else(outside)?;
    Ok(IndexEntry {
        id: row.id,
        deleted: row.entry.deleted,
        format_version,
        encryption_key_id,
        pack,
        offset: row.entry.offset,
        packed_length: row.entry.packed_length,
        original_length: row.entry.original_length,
        compression,
        time: u32::try_from(row.entry.time).map_err(|_| Error::Limit {
            what: "the time of a content",
            limit: "the year 2106",
        })?,
    })
}

/// Compression, format version and key of an entry.
type Format = (u32, u8, u8);

/// Formats of tables, looked up once each.
struct Formats(Vec<Vec<Option<Format>>>);

impl Formats {
    fn new(tables: usize) -> Self {
        Self(vec![Vec::new(); tables])
    }

    fn of(&mut self, tables: &[Arc<IndexTable>], row: &Row) -> Result<Option<Format>> {
        let FormatPlace::Number(number) = row.entry.format else {
            return tables[row.table].format(row.entry.format);
        };
        let known = &mut self.0[row.table];
        while known.len() <= usize::from(number) {
            let place = FormatPlace::Number(known.len() as u8);
            known.push(tables[row.table].format(place)?);
        }
        Ok(known[usize::from(number)])
    }
}
