//! Writing an index of version 2 in its stable form (format 1 §7.2).

use std::collections::HashMap;

use holdfast_storage::BlobId;

use super::layout::{FORMAT_LENGTH, PACK_LENGTH};
use super::{ContentInfo, MAX_LENGTH, MAX_OFFSET};
use crate::content_id::ContentId;
use crate::error::{Error, Result};

/// An entry about to be published, small because a session may hold millions; the pack is a number in a table
/// that the caller keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// Which content.
    pub id: ContentId,
    /// Whether this is a tombstone.
    pub deleted: bool,
    /// Version of the repository format.
    pub format_version: u8,
    /// Reserved, 0.
    pub encryption_key_id: u8,
    /// Number of the pack in the caller's table.
    pub pack: u32,
    /// Where the payload begins in the pack, in bytes.
    pub offset: u32,
    /// Length of the payload in bytes.
    pub packed_length: u32,
    /// Length of the content in bytes.
    pub original_length: u32,
    /// Header id of the compression, 0 for none.
    pub compression: u32,
    /// Unix seconds.
    pub time: u32,
}

impl IndexEntry {
    /// The entry as seen by readers.
    #[must_use]
    pub fn to_info(&self, pack: BlobId) -> ContentInfo {
        ContentInfo {
            id: self.id,
            pack,
            time: u64::from(self.time),
            offset: self.offset,
            packed_length: self.packed_length,
            original_length: self.original_length,
            compression: self.compression,
            format_version: self.format_version,
            encryption_key_id: self.encryption_key_id,
            deleted: self.deleted,
        }
    }

    /// The compact form of an entry that was read; `pack` is the number in the caller's table.
    ///
    /// # Errors
    /// [`Error::Limit`] when its time does not fit version 2.
    pub fn from_info(info: &ContentInfo, pack: u32) -> Result<Self> {
        Ok(Self {
            id: info.id,
            deleted: info.deleted,
            format_version: info.format_version,
            encryption_key_id: info.encryption_key_id,
            pack,
            offset: info.offset,
            packed_length: info.packed_length,
            original_length: info.original_length,
            compression: info.compression,
            time: u32::try_from(info.time).map_err(|_| Error::Limit {
                what: "the time of a content",
                limit: "the year 2106",
            })?,
        })
    }
}

const MAX_FORMATS: usize = 255;
const MAX_PACKS: usize = 1 << 24;
const HEADER_LENGTH: usize = 17;

/// Numbers things by first appearance.
pub(super) struct Numbering<T> {
    numbers: HashMap<T, u32>,
    pub(super) order: Vec<T>,
}

impl<T: Copy + Eq + std::hash::Hash> Numbering<T> {
    pub(super) fn new() -> Self {
        Self {
            numbers: HashMap::new(),
            order: Vec::new(),
        }
    }

    pub(super) fn number(&mut self, thing: T) -> u32 {
        *self.numbers.entry(thing).or_insert_with(|| {
            self.order.push(thing);
            (self.order.len() - 1) as u32
        })
    }
}

pub(super) fn invalid(reason: &str) -> Error {
    Error::InvalidParameter {
        what: "index entries",
        reason: reason.to_owned(),
    }
}

/// Sorts entries by their keys; returns the length of a key, which all have.
pub(super) fn sort(entries: &mut [IndexEntry]) -> Result<usize> {
    entries.sort_unstable_by_key(|entry| entry.id);
    let Some(first) = entries.first() else {
        return Err(invalid("there are none"));
    };
    let key_length = first.id.key_length();
    if entries
        .iter()
        .any(|entry| entry.id.key_length() != key_length)
    {
        return Err(invalid("ids of several lengths"));
    }
    if entries.windows(2).any(|pair| pair[0].id == pair[1].id) {
        return Err(invalid("an id occurs twice"));
    }
    Ok(key_length)
}

/// Names of the packs in the order of their numbers.
pub(super) fn names<'p>(order: &[u32], packs: &'p [BlobId]) -> Result<Vec<&'p str>> {
    order
        .iter()
        .map(|&pack| {
            packs
                .get(pack as usize)
                .map(BlobId::as_str)
                .ok_or_else(|| invalid("a pack number out of range"))
        })
        .collect()
}

/// Sorts `entries` and encodes them as an index of version 2; the bytes depend on the entries only.
///
/// `packs` is the table that the entries' pack numbers refer to; every id must occur once.
///
/// # Errors
/// [`Error::Limit`] when a number exceeds what the format can hold, [`Error::InvalidParameter`] for no entries,
/// keys of several lengths, an id that occurs twice or a pack number outside the table.
pub fn encode(entries: &mut [IndexEntry], packs: &[BlobId]) -> Result<Vec<u8>> {
    sort(entries)?;
    let mut pack_numbers = Numbering::new();
    let mut shape = IndexShape::default();
    for entry in entries.iter() {
        shape.add(&IndexEntry {
            pack: pack_numbers.number(entry.pack),
            ..*entry
        })?;
    }
    let names = names(&pack_numbers.order, packs)?;
    let mut out = shape.head()?;
    // Exactly, because a published index stays in memory.
    let names_length: usize = names.iter().map(|name| name.len()).sum();
    out.reserve_exact(entries.len() * shape.stride() + shape.tables_length() + names_length);
    for entry in entries.iter() {
        let numbered = IndexEntry {
            pack: pack_numbers.number(entry.pack),
            ..*entry
        };
        shape.append_row(&mut out, &numbered);
    }
    shape.append_tail(&mut out, names.into_iter())?;
    Ok(out)
}

/// What the layout of an index of version 2 depends on, found in a first pass over its entries; a second pass writes
/// them. So an index need not be in memory as a whole: head, one row for each entry, tail.
#[derive(Debug, Default)]
pub(crate) struct IndexShape {
    last: Option<ContentId>,
    count: u32,
    packs: usize,
    /// Compression, format version and key, in the order of their first appearance.
    formats: Vec<(u32, u8, u8)>,
    long: bool,
}

impl IndexShape {
    /// Notes the next entry. Entries come in the order of ids, their packs numbered from 0 by first appearance.
    pub(crate) fn add(&mut self, entry: &IndexEntry) -> Result<()> {
        if let Some(last) = self.last {
            if last.key_length() != entry.id.key_length() {
                return Err(invalid("ids of several lengths"));
            }
            if last == entry.id {
                return Err(invalid("an id occurs twice"));
            }
        }
        check_limits(entry)?;
        self.last = Some(entry.id);
        self.count = self
            .count
            .checked_add(1)
            .ok_or_else(|| invalid("too many"))?;
        self.packs = self.packs.max(entry.pack as usize + 1);
        if self.packs > MAX_PACKS {
            return Err(Error::Limit {
                what: "the number of packs in an index",
                limit: "2^24",
            });
        }
        let format = format_of(entry);
        if !self.formats.contains(&format) {
            self.formats.push(format);
            if self.formats.len() > MAX_FORMATS {
                return Err(Error::Limit {
                    what: "the number of formats in an index",
                    limit: "255",
                });
            }
        }
        self.long |= entry.packed_length >= 1 << 24 || entry.original_length >= 1 << 24;
        Ok(())
    }

    /// Number of entries so far.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    fn key_length(&self) -> usize {
        self.last.map_or(0, |id| id.key_length())
    }

    fn entry_length(&self) -> usize {
        match (self.long, self.packs, self.formats.len()) {
            (true, ..) => 19,
            (_, packs, _) if packs > 1 << 16 => 18,
            (_, _, formats) if formats > 1 => 17,
            _ => 16,
        }
    }

    /// Bytes of a key and its entry together.
    fn stride(&self) -> usize {
        self.key_length() + self.entry_length()
    }

    /// Bytes of the tables of packs and formats.
    fn tables_length(&self) -> usize {
        self.packs * PACK_LENGTH as usize + self.formats.len() * FORMAT_LENGTH as usize
    }

    /// The first bytes, once every entry was added.
    pub(crate) fn head(&self) -> Result<Vec<u8>> {
        if self.count == 0 {
            return Err(invalid("there are none"));
        }
        let mut out = Vec::with_capacity(HEADER_LENGTH);
        out.extend_from_slice(&[2, self.key_length() as u8, 0, self.entry_length() as u8]);
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&(self.packs as u32).to_be_bytes());
        out.push(self.formats.len() as u8);
        // Base timestamp.
        out.extend_from_slice(&[0; 4]);
        Ok(out)
    }

    /// Appends an entry that was added.
    pub(crate) fn append_row(&self, out: &mut Vec<u8>, entry: &IndexEntry) {
        let format = format_of(entry);
        let number = self.formats.iter().position(|known| *known == format);
        append_entry(
            out,
            entry,
            entry.pack,
            number.unwrap_or_default() as u8,
            self.entry_length(),
        );
    }

    /// Appends what follows the entries; `names` are those of the packs in the order of their numbers.
    pub(crate) fn append_tail<'n>(
        &self,
        out: &mut Vec<u8>,
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> Result<()> {
        let mut name_at = HEADER_LENGTH as u64
            + u64::from(self.count) * self.stride() as u64
            + self.tables_length() as u64;
        for name in names.clone() {
            let length =
                u8::try_from(name.len()).map_err(|_| invalid("a pack name above 255 bytes"))?;
            let at = u32::try_from(name_at).map_err(|_| Error::Limit {
                what: "an index",
                limit: "4 GiB",
            })?;
            out.push(length);
            out.extend_from_slice(&at.to_be_bytes());
            name_at += u64::from(length);
        }
        for (compression, format_version, encryption_key_id) in &self.formats {
            out.extend_from_slice(&compression.to_be_bytes());
            out.extend_from_slice(&[*format_version, *encryption_key_id]);
        }
        names.for_each(|name| out.extend_from_slice(name.as_bytes()));
        Ok(())
    }
}

fn format_of(entry: &IndexEntry) -> (u32, u8, u8) {
    (
        entry.compression,
        entry.format_version,
        entry.encryption_key_id,
    )
}

fn check_limits(entry: &IndexEntry) -> Result<()> {
    if entry.offset >= MAX_OFFSET {
        return Err(Error::Limit {
            what: "an offset in a pack",
            limit: "2^30 bytes",
        });
    }
    if entry.packed_length as usize >= MAX_LENGTH || entry.original_length as usize >= MAX_LENGTH {
        return Err(Error::Limit {
            what: "a content",
            limit: "2^28 bytes",
        });
    }
    Ok(())
}

fn append_entry(out: &mut Vec<u8>, entry: &IndexEntry, pack: u32, format: u8, entry_length: usize) {
    entry.id.append_key(out);
    let mut row = [0; 19];
    row[..4].copy_from_slice(&entry.time.to_be_bytes());
    row[4..8].copy_from_slice(&(entry.offset | u32::from(entry.deleted) << 31).to_be_bytes());
    row[8..11].copy_from_slice(&entry.original_length.to_be_bytes()[1..]);
    row[11..14].copy_from_slice(&entry.packed_length.to_be_bytes()[1..]);
    row[14..16].copy_from_slice(&pack.to_be_bytes()[2..]);
    row[16] = format;
    row[17] = (pack >> 16) as u8;
    row[18] = (entry.original_length >> 24 << 4) as u8 | (entry.packed_length >> 24) as u8;
    out.extend_from_slice(&row[..entry_length]);
}
