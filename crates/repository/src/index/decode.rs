//! Reading an index, from memory or from a file, one piece at a time.

use std::borrow::Cow;

use holdfast_storage::BlobId;

use super::layout::{self, InvalidIndex, Layout};
use super::search::Rows;
use super::{ContentInfo, UNUSABLE_COMPRESSION, UNUSABLE_FORMAT_VERSION, UNUSABLE_PACK};
use crate::content_id::ContentId;
use crate::crypto::OVERHEAD;

/// Where the bytes of an index come from.
pub trait IndexSource {
    /// How an access can fail.
    type Error: From<InvalidIndex>;

    /// The bytes `[at, at + length)`; a range beyond the end is an error.
    ///
    /// # Errors
    /// Of the source.
    fn read(&self, at: u64, length: usize) -> Result<Cow<'_, [u8]>, Self::Error>;

    /// Length of all bytes.
    fn length(&self) -> u64;
}

impl IndexSource for [u8] {
    type Error = InvalidIndex;

    fn read(&self, at: u64, length: usize) -> Result<Cow<'_, [u8]>, InvalidIndex> {
        usize::try_from(at)
            .ok()
            .and_then(|at| self.get(at..at.checked_add(length)?))
            .map(Cow::Borrowed)
            .ok_or_else(InvalidIndex::beyond_end)
    }

    fn length(&self) -> u64 {
        self.len() as u64
    }
}

/// Looks entries up in one index.
#[derive(Debug)]
pub struct IndexReader<'a, S: IndexSource + ?Sized> {
    source: &'a S,
    layout: Layout,
}

/// An entry whose pack name and format are still numbers or offsets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawEntry {
    pub(crate) time: u64,
    pub(crate) deleted: bool,
    pub(crate) offset: u32,
    pub(crate) packed_length: u32,
    pub(crate) original_length: u32,
    pub(crate) pack: PackPlace,
    pub(crate) format: FormatPlace,
}

/// Where the name of a pack is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PackPlace {
    /// The name's own place in the index.
    Name {
        /// Offset of its first byte.
        at: u32,
        /// Its bytes.
        length: u8,
    },
    /// Number in the pack table.
    Number(u32),
}

/// How a payload is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FormatPlace {
    /// The version itself.
    Version(u8),
    /// Number in the format table.
    Number(u8),
}

fn be(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |value, &byte| value << 8 | u64::from(byte))
}

impl<'a, S: IndexSource + ?Sized> IndexReader<'a, S> {
    /// Reads and checks the header.
    ///
    /// # Errors
    /// [`InvalidIndex`] or an error of the source.
    pub fn new(source: &'a S) -> Result<Self, S::Error> {
        let head_length = source.length().min(layout::MAX_HEADER_LENGTH as u64) as usize;
        let layout = Layout::parse(&source.read(0, head_length)?, source.length())?;
        Ok(Self { source, layout })
    }

    /// Continues with a header that was checked before.
    pub(crate) fn with_layout(source: &'a S, layout: Layout) -> Self {
        Self { source, layout }
    }

    /// The geometry.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.layout.count
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.layout.count == 0
    }

    /// Keys and entries `first..first + count` as they lie in the index, `layout().stride()` bytes each.
    ///
    /// # Errors
    /// Of the source.
    pub fn rows(&self, first: u32, count: u32) -> Result<Cow<'a, [u8]>, S::Error> {
        let stride = self.layout.stride();
        let at = self.layout.entries_at + u64::from(first) * stride as u64;
        self.source.read(at, count as usize * stride)
    }

    /// The entry in one row of [`Self::rows`].
    ///
    /// # Errors
    /// [`InvalidIndex`] for a key that is no content id, or an error of the source. An entry that points outside
    /// the tables is returned as unusable.
    pub fn resolve(&self, row: &[u8]) -> Result<ContentInfo, S::Error> {
        let (id, raw) = self.raw(row)?;
        self.info(id, &raw)
    }

    /// The entry in one row without its names.
    pub(crate) fn raw(&self, row: &[u8]) -> Result<(ContentId, RawEntry), InvalidIndex> {
        let (key, entry) = row
            .split_at_checked(self.layout.key_length)
            .ok_or(InvalidIndex("a row shorter than its key"))?;
        let id = ContentId::from_key(key).ok_or(InvalidIndex("a key that is no content id"))?;
        Ok((id, self.raw_entry(entry)?))
    }

    /// What follows the key in a row.
    fn raw_entry(&self, entry: &[u8]) -> Result<RawEntry, InvalidIndex> {
        match self.layout.version {
            1 => raw_1(entry),
            _ => raw_2(entry, self.layout.base_time),
        }
        .ok_or(InvalidIndex("a row shorter than its entry"))
    }

    /// An entry with its names.
    pub(crate) fn info(&self, id: ContentId, raw: &RawEntry) -> Result<ContentInfo, S::Error> {
        let pack = self.pack_name(raw.pack)?;
        self.info_in(id, raw, pack)
    }

    /// An entry with its names, of which that of its pack is known; nothing when there is none.
    pub(crate) fn info_in(
        &self,
        id: ContentId,
        raw: &RawEntry,
        pack: Option<BlobId>,
    ) -> Result<ContentInfo, S::Error> {
        let format = self.format(raw.format)?;
        let (pack, (compression, format_version, encryption_key_id)) = match (pack, format) {
            (Some(pack), Some(format)) => (pack, format),
            _ => (
                BlobId::new(UNUSABLE_PACK).map_err(|_| InvalidIndex("no name for lost packs"))?,
                (UNUSABLE_COMPRESSION, UNUSABLE_FORMAT_VERSION, 0),
            ),
        };
        Ok(ContentInfo {
            id,
            pack,
            time: raw.time,
            offset: raw.offset,
            packed_length: raw.packed_length,
            original_length: raw.original_length,
            compression,
            format_version,
            encryption_key_id,
            deleted: raw.deleted,
        })
    }

    /// Looks `key` up among the entries `first..end`, which are read at once.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn find_in(
        &self,
        key: &[u8],
        first: u32,
        end: u32,
    ) -> Result<Option<ContentInfo>, S::Error> {
        self.search(key, first, end, |_, row| self.resolve(row))
    }

    /// The entry of `key` among the entries `first..end`, which are read at once, without its names.
    pub(crate) fn raw_in(
        &self,
        key: &[u8],
        first: u32,
        end: u32,
    ) -> Result<Option<RawEntry>, S::Error> {
        self.search(key, first, end, |_, row| {
            Ok(self.raw_entry(&row[key.len()..])?)
        })
    }

    /// The number of the entry of `key` among the entries `first..end`, which are read at once.
    pub(crate) fn position_in(
        &self,
        key: &[u8],
        first: u32,
        end: u32,
    ) -> Result<Option<u32>, S::Error> {
        self.search(key, first, end, |number, _| Ok(number))
    }

    fn search<T>(
        &self,
        key: &[u8],
        first: u32,
        end: u32,
        found: impl FnOnce(u32, &[u8]) -> Result<T, S::Error>,
    ) -> Result<Option<T>, S::Error> {
        let end = end.min(self.layout.count);
        if key.len() != self.layout.key_length || first >= end {
            return Ok(None);
        }
        let bytes = self.rows(first, end - first)?;
        let rows = Rows::new(&bytes, self.layout.stride());
        rows.find(key)
            .map(|number| found(first + number as u32, rows.row(number)))
            .transpose()
    }

    /// Looks a content up in the whole index.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn find(&self, id: &ContentId) -> Result<Option<ContentInfo>, S::Error> {
        let mut key = Vec::with_capacity(self.layout.key_length);
        id.append_key(&mut key);
        self.find_in(&key, 0, self.layout.count)
    }

    /// Calls `each` for all entries in order.
    ///
    /// # Errors
    /// As [`Self::resolve`], and what `each` returns.
    pub fn for_each<E: From<S::Error>>(
        &self,
        mut each: impl FnMut(ContentInfo) -> Result<(), E>,
    ) -> Result<(), E> {
        const AT_ONCE: u32 = 1024;
        let mut first = 0;
        while first < self.layout.count {
            let count = AT_ONCE.min(self.layout.count - first);
            for row in self.rows(first, count)?.chunks_exact(self.layout.stride()) {
                each(self.resolve(row)?)?;
            }
            first += count;
        }
        Ok(())
    }

    pub(crate) fn pack_name(&self, place: PackPlace) -> Result<Option<BlobId>, S::Error> {
        let (at, length) = match place {
            PackPlace::Name { at, length } => (at, length),
            PackPlace::Number(number) => {
                if number >= self.layout.pack_count {
                    return Ok(None);
                }
                let at = self.layout.packs_at + u64::from(number) * layout::PACK_LENGTH;
                let row = self.source.read(at, layout::PACK_LENGTH as usize)?;
                (be(&row[1..]) as u32, row[0])
            }
        };
        if u64::from(at) + u64::from(length) > self.layout.length {
            return Ok(None);
        }
        let name = self.source.read(u64::from(at), usize::from(length))?;
        Ok(std::str::from_utf8(&name)
            .ok()
            .and_then(|name| BlobId::new(name).ok()))
    }

    pub(crate) fn format(&self, place: FormatPlace) -> Result<Option<(u32, u8, u8)>, S::Error> {
        match place {
            FormatPlace::Version(version) => Ok(Some((0, version, 0))),
            FormatPlace::Number(number) if number < self.layout.format_count => {
                let at = self.layout.formats_at + u64::from(number) * layout::FORMAT_LENGTH;
                let row = self.source.read(at, layout::FORMAT_LENGTH as usize)?;
                Ok(Some((be(&row[..4]) as u32, row[4], row[5])))
            }
            FormatPlace::Number(_) => Ok(None),
        }
    }
}

const DELETED: u32 = 1 << 31;

fn raw_1(entry: &[u8]) -> Option<RawEntry> {
    let entry = entry.first_chunk::<{ layout::ENTRY_LENGTH_1 }>()?;
    let place = be(&entry[12..16]) as u32;
    let packed_length = be(&entry[16..20]) as u32;
    Some(RawEntry {
        time: be(&entry[..6]),
        deleted: place & DELETED != 0,
        offset: place & !DELETED,
        packed_length,
        original_length: packed_length.saturating_sub(OVERHEAD as u32),
        pack: PackPlace::Name {
            at: be(&entry[8..12]) as u32,
            length: entry[7],
        },
        format: FormatPlace::Version(entry[6]),
    })
}

fn raw_2(entry: &[u8], base_time: u32) -> Option<RawEntry> {
    let fixed = entry.first_chunk::<16>()?;
    let place = be(&fixed[4..8]) as u32;
    let format = entry.get(16).copied().unwrap_or(0);
    let pack_high = entry.get(17).map_or(0, |&high| u32::from(high) << 16);
    let lengths_high = entry.get(18).copied().unwrap_or(0);
    Some(RawEntry {
        time: u64::from(base_time) + be(&fixed[..4]),
        deleted: place & DELETED != 0,
        offset: place & !DELETED,
        original_length: be(&fixed[8..11]) as u32 | u32::from(lengths_high >> 4) << 24,
        packed_length: be(&fixed[11..14]) as u32 | u32::from(lengths_high & 15) << 24,
        pack: PackPlace::Number(be(&fixed[14..16]) as u32 | pack_high),
        format: FormatPlace::Number(format),
    })
}
