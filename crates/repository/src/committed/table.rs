//! One index blob, in memory or in the cache directory.

use std::borrow::Cow;
use std::fs::File;
use std::sync::OnceLock;

use bytes::Bytes;
use holdfast_storage::BlobId;

use super::filter::{Filter, Probe};
use crate::content_id::ContentId;
use crate::error::{Error, Result};
use crate::index::{
    ContentInfo, FormatPlace, IndexReader, IndexSource, InvalidIndex, Layout, PackPlace, RawEntry,
    UNUSABLE_FORMAT_VERSION,
};

/// A key is kept in memory for each so many entries of an index in a file.
const FENCE_STEP: u32 = 128;
/// Rows that a cursor reads at once.
const CURSOR_ROWS: u32 = 512;
/// Names of packs that a table remembers at most: many contents lie in few packs.
const REMEMBERED_PACKS: u32 = 4096;

/// A published index blob, ready for look-ups.
#[derive(Debug)]
pub(crate) struct IndexTable {
    id: BlobId,
    layout: Layout,
    backing: Backing,
    filter: Filter,
    /// Every [`FENCE_STEP`]th key; empty for an index in memory.
    fences: Vec<u8>,
    /// Number of the first entry whose id has a prefix; 0 for an index in a file, where the fences lead nearer.
    prefixed_at: u32,
    /// Names of packs that were asked for, by their numbers.
    packs: Box<[OnceLock<BlobId>]>,
}

#[derive(Debug)]
enum Backing {
    Memory(Bytes),
    File { file: File, length: u64 },
}

/// How reading an index can fail.
#[derive(Debug, thiserror::Error)]
pub(super) enum TableError {
    #[error(transparent)]
    Invalid(#[from] InvalidIndex),
    #[error("its copy in the index cache cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

impl IndexSource for Backing {
    type Error = TableError;

    fn read(&self, at: u64, length: usize) -> Result<Cow<'_, [u8]>, TableError> {
        match self {
            Self::Memory(bytes) => Ok(bytes.as_ref().read(at, length)?),
            Self::File { file, length: all } => {
                let within = at.checked_add(length as u64).is_some_and(|end| end <= *all);
                if !within {
                    return Err(InvalidIndex::beyond_end().into());
                }
                let mut buffer = vec![0; length];
                holdfast_host::fs::read_exact_at(file, &mut buffer, at)?;
                Ok(Cow::Owned(buffer))
            }
        }
    }

    fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }
}

impl IndexTable {
    /// A table over decrypted bytes in memory.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming the blob.
    pub(crate) fn in_memory(id: BlobId, bytes: Bytes) -> Result<Self> {
        let backing = Backing::Memory(bytes);
        Self::scan(id, backing)
    }

    /// A table over a file with decrypted bytes; filter and fences are computed by reading it once.
    pub(super) fn in_file(id: BlobId, file: File, length: u64) -> Result<Self> {
        Self::scan(id, Backing::File { file, length })
    }

    fn scan(id: BlobId, backing: Backing) -> Result<Self> {
        let damaged = |e: TableError| Error::damaged(format_args!("index blob {id}"), e);
        let reader = IndexReader::new(&backing).map_err(damaged)?;
        let layout = *reader.layout();
        let (count, key_length) = (reader.len(), layout.key_length());
        let mut filter = Filter::with_capacity(count as usize);
        let mut fences = Vec::new();
        let keep_fences = matches!(backing, Backing::File { .. });
        let mut first = 0;
        let mut prefixed_at = 0;
        let mut previous: Option<ContentId> = None;
        while first < count {
            let rows = CURSOR_ROWS.min(count - first);
            for (row, number) in reader
                .rows(first, rows)
                .map_err(damaged)?
                .chunks_exact(layout.stride())
                .zip(first..)
            {
                let key = &row[..key_length];
                let content = ContentId::from_key(key)
                    .filter(|content| previous.is_none_or(|previous| previous < *content))
                    .ok_or_else(|| {
                        Error::damaged(format_args!("index blob {id}"), "its keys are out of order")
                    })?;
                filter.insert(&Probe::of(&content));
                if !keep_fences && content.prefix().is_none() {
                    prefixed_at = number + 1;
                }
                previous = Some(content);
                if keep_fences && number % FENCE_STEP == 0 {
                    fences.extend_from_slice(key);
                }
            }
            first += rows;
        }
        Ok(Self {
            id,
            layout,
            backing,
            filter,
            fences,
            prefixed_at,
            packs: no_packs(&layout),
        })
    }

    /// Restores a table over a file from what [`Self::sidecar`] gave; nothing when that does not fit the file.
    pub(super) fn with_sidecar(
        id: BlobId,
        file: File,
        length: u64,
        sidecar: &[u8],
    ) -> Option<Self> {
        let backing = Backing::File { file, length };
        let layout = *IndexReader::new(&backing).ok()?.layout();
        let fences_length = layout.count().div_ceil(FENCE_STEP) as usize * layout.key_length();
        let (filter, fences) =
            sidecar.split_at_checked(sidecar.len().checked_sub(fences_length)?)?;
        let filter = Filter::from_bytes(filter, layout.count() as usize)?;
        Some(Self {
            id,
            layout,
            backing,
            filter,
            fences: fences.to_vec(),
            prefixed_at: 0,
            packs: no_packs(&layout),
        })
    }

    /// Filter and fences, to be stored beside the file.
    pub(super) fn sidecar(&self) -> Vec<u8> {
        let mut bytes = self.filter.to_bytes();
        bytes.extend_from_slice(&self.fences);
        bytes
    }

    /// Name of the index blob.
    pub(crate) fn id(&self) -> &BlobId {
        &self.id
    }

    /// Bytes of the blob that are held in memory.
    pub(crate) fn memory(&self) -> u64 {
        match &self.backing {
            Backing::Memory(bytes) => bytes.len() as u64,
            Backing::File { .. } => 0,
        }
    }

    fn reader(&self) -> IndexReader<'_, Backing> {
        IndexReader::with_layout(&self.backing, self.layout)
    }

    fn damaged(&self, e: TableError) -> Error {
        Error::damaged(format_args!("index blob {}", self.id), e)
    }

    /// Number of entries.
    pub(crate) fn count(&self) -> u32 {
        self.layout.count()
    }

    /// The entry for a content in this table alone.
    pub(super) fn find(&self, id: &ContentId, probe: &Probe) -> Result<Option<ContentInfo>> {
        self.raw(id, probe)?
            .map(|entry| self.info(*id, &entry))
            .transpose()
    }

    /// The entry for a content in this table alone, without its names.
    pub(super) fn raw(&self, id: &ContentId, probe: &Probe) -> Result<Option<RawEntry>> {
        let mut key = [0; crate::content_id::MAX_HASH_LENGTH + 1];
        let key = id.write_key(&mut key);
        let Some((first, end)) = self.stretch(key, probe) else {
            return Ok(None);
        };
        self.reader()
            .raw_in(key, first, end)
            .map_err(|e| self.damaged(e))
    }

    /// Whether an entry names a pack and a format that the table has.
    pub(super) fn is_usable(&self, entry: &RawEntry) -> Result<bool> {
        let format = self.format(entry.format)?;
        let has_format = format.is_some_and(|(_, version, _)| version != UNUSABLE_FORMAT_VERSION);
        Ok(has_format && self.pack_name(entry.pack)?.is_some())
    }

    /// The number of a content's entry in this table.
    pub(super) fn position(&self, id: &ContentId, probe: &Probe) -> Result<Option<u32>> {
        let mut key = [0; crate::content_id::MAX_HASH_LENGTH + 1];
        let key = id.write_key(&mut key);
        let Some((first, end)) = self.stretch(key, probe) else {
            return Ok(None);
        };
        self.reader()
            .position_in(key, first, end)
            .map_err(|e| self.damaged(e))
    }

    /// The entries among which a key can be; nothing when the table does not have it for sure.
    fn stretch(&self, key: &[u8], probe: &Probe) -> Option<(u32, u32)> {
        if key.len() != self.layout.key_length() || !self.filter.may_contain(probe) {
            return None;
        }
        match self.backing {
            Backing::Memory(_) => Some(match key.first() {
                Some(0) => (0, self.prefixed_at),
                _ => (self.prefixed_at, self.layout.count()),
            }),
            Backing::File { .. } => {
                let fences = self.fences.len() / key.len();
                // The bucket starts at the last fence that is not above the key.
                let above = partition_point(fences, |i| {
                    &self.fences[i * key.len()..(i + 1) * key.len()] <= key
                });
                let first = above.checked_sub(1)? as u32 * FENCE_STEP;
                Some((first, first.saturating_add(FENCE_STEP)))
            }
        }
    }

    /// How the payloads of an entry are stored: compression, format version, key; nothing when the place points
    /// outside the table.
    pub(crate) fn format(&self, format: FormatPlace) -> Result<Option<(u32, u8, u8)>> {
        self.reader().format(format).map_err(|e| self.damaged(e))
    }

    /// The name of a pack; nothing when the place points outside the table.
    pub(crate) fn pack_name(&self, pack: PackPlace) -> Result<Option<BlobId>> {
        let remembered = match pack {
            PackPlace::Number(number) => self.packs.get(number as usize),
            PackPlace::Name { .. } => None,
        };
        if let Some(name) = remembered.and_then(OnceLock::get) {
            return Ok(Some(name.clone()));
        }
        let name = self.reader().pack_name(pack).map_err(|e| self.damaged(e))?;
        Ok(match (remembered, name) {
            (Some(place), Some(name)) => Some(place.get_or_init(|| name).clone()),
            (_, name) => name,
        })
    }

    /// An entry with its names; one that points outside the table is returned as unusable.
    pub(crate) fn info(&self, id: ContentId, entry: &RawEntry) -> Result<ContentInfo> {
        let pack = self.pack_name(entry.pack)?;
        self.reader()
            .info_in(id, entry, pack)
            .map_err(|e| self.damaged(e))
    }

    /// Walks over all entries in order.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        self.cursor_over(0..self.count())
    }

    /// Walks over the entries whose ids have a prefix, a letter or 0, in order.
    pub(super) fn cursor_of(&self, prefix: u8) -> Result<Cursor<'_>> {
        let first = self.first_from(prefix)?;
        let end = match prefix.checked_add(1) {
            Some(next) => self.first_from(next)?,
            None => self.count(),
        };
        Ok(self.cursor_over(first..end))
    }

    /// The number of the first entry whose prefix is not below this one.
    fn first_from(&self, prefix: u8) -> Result<u32> {
        let reader = self.reader();
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = u32::midpoint(low, high);
            let row = reader.rows(middle, 1).map_err(|e| self.damaged(e))?;
            if row.first().is_some_and(|first| *first < prefix) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn cursor_over(&self, rows: std::ops::Range<u32>) -> Cursor<'_> {
        Cursor {
            table: self,
            rows: Cow::Borrowed(&[]),
            at: 0,
            next_row: rows.start,
            end_row: rows.end,
        }
    }
}

/// A place for the name of each pack that is remembered.
fn no_packs(layout: &Layout) -> Box<[OnceLock<BlobId>]> {
    let remembered = layout.pack_count().min(REMEMBERED_PACKS);
    (0..remembered).map(|_| OnceLock::new()).collect()
}

/// Number of leading positions below `count` that satisfy `before`.
fn partition_point(count: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        if before(middle) {
            low = middle + 1
        } else {
            high = middle
        }
    }
    low
}

/// A position in a table.
pub(crate) struct Cursor<'a> {
    table: &'a IndexTable,
    rows: Cow<'a, [u8]>,
    at: usize,
    next_row: u32,
    end_row: u32,
}

impl Cursor<'_> {
    /// The next entry, or nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<ContentInfo>> {
        let table = self.table;
        self.next_raw()?
            .map(|(_, id, entry)| table.info(id, &entry))
            .transpose()
    }

    /// The next entry with its number, names not looked up; nothing at the end.
    pub(super) fn next_raw(&mut self) -> Result<Option<(u32, ContentId, RawEntry)>> {
        let reader = self.table.reader();
        let stride = self.table.layout.stride();
        if self.at >= self.rows.len() {
            let count = CURSOR_ROWS.min(self.end_row - self.next_row);
            if count == 0 {
                return Ok(None);
            }
            self.rows = reader
                .rows(self.next_row, count)
                .map_err(|e| self.table.damaged(e))?;
            self.next_row += count;
            self.at = 0;
        }
        let left = ((self.rows.len() - self.at) / stride) as u32;
        let row = &self.rows[self.at..self.at + stride];
        self.at += stride;
        let (id, entry) = reader.raw(row).map_err(|e| self.table.damaged(e.into()))?;
        Ok(Some((self.next_row - left, id, entry)))
    }
}
