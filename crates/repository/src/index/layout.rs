//! Where the tables of an index lie; the only place that computes with its header.

/// The bytes are no index of a known version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid index: {0}")]
pub struct InvalidIndex(pub(super) &'static str);

impl InvalidIndex {
    /// A table or name would lie beyond the last byte.
    pub(crate) fn beyond_end() -> Self {
        Self("a reference beyond its end")
    }
}

/// Geometry of one index, checked against its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub(super) version: u8,
    pub(super) key_length: usize,
    pub(super) entry_length: usize,
    pub(super) count: u32,
    pub(super) entries_at: u64,
    pub(super) pack_count: u32,
    pub(super) packs_at: u64,
    pub(super) format_count: u8,
    pub(super) formats_at: u64,
    pub(super) base_time: u32,
    pub(super) length: u64,
}

/// Bytes of the larger of the two headers.
pub(super) const MAX_HEADER_LENGTH: usize = HEADER_LENGTH_2;
const HEADER_LENGTH_1: usize = 8;
const HEADER_LENGTH_2: usize = 17;
/// Entry size of version 1.
pub(super) const ENTRY_LENGTH_1: usize = 20;
/// Smallest and largest entry size of version 2.
pub(super) const ENTRY_LENGTHS_2: std::ops::RangeInclusive<usize> = 16..=19;
/// Size of an entry of the pack table.
pub(super) const PACK_LENGTH: u64 = 5;
/// Size of an entry of the format table.
pub(super) const FORMAT_LENGTH: u64 = 6;
/// Key size that marks an index of version 1 without entries.
const EMPTY_KEY_LENGTH: usize = 255;

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|b| u32::from_be_bytes(*b))
}

impl Layout {
    /// Reads the header from the first bytes (17 suffice) of an index of `length` bytes.
    ///
    /// # Errors
    /// [`InvalidIndex`] when the version is unknown or a table would reach beyond the end.
    pub fn parse(head: &[u8], length: u64) -> Result<Self, InvalidIndex> {
        let short = InvalidIndex("shorter than its header");
        let (&version, &key_length) = head.first().zip(head.get(1)).ok_or_else(|| short.clone())?;
        let entry_length = head
            .get(2..4)
            .map(|b| usize::from(b[0]) << 8 | usize::from(b[1]))
            .ok_or_else(|| short.clone())?;
        let count = be32(head, 4).ok_or_else(|| short.clone())?;
        let key_length = usize::from(key_length);
        let layout = match version {
            1 => {
                if entry_length != ENTRY_LENGTH_1 {
                    return Err(InvalidIndex("unknown entry size"));
                }
                Self {
                    version,
                    key_length,
                    entry_length,
                    count,
                    entries_at: HEADER_LENGTH_1 as u64,
                    pack_count: 0,
                    packs_at: 0,
                    format_count: 0,
                    formats_at: 0,
                    base_time: 0,
                    length,
                }
            }
            2 => {
                let head = head.first_chunk::<HEADER_LENGTH_2>().ok_or(short)?;
                if !ENTRY_LENGTHS_2.contains(&entry_length) || key_length + entry_length > 256 {
                    return Err(InvalidIndex("unknown entry size"));
                }
                let stride = (key_length + entry_length) as u64;
                let pack_count = be32(head, 8).unwrap_or_default();
                let packs_at = HEADER_LENGTH_2 as u64 + u64::from(count) * stride;
                Self {
                    version,
                    key_length,
                    entry_length,
                    count,
                    entries_at: HEADER_LENGTH_2 as u64,
                    pack_count,
                    packs_at,
                    format_count: head[12],
                    formats_at: packs_at + u64::from(pack_count) * PACK_LENGTH,
                    base_time: be32(head, 13).unwrap_or_default(),
                    length,
                }
            }
            _ => return Err(InvalidIndex("unknown version")),
        };
        let empty = version == 1 && count == 0 && key_length == EMPTY_KEY_LENGTH;
        if !empty && !(2..=crate::content_id::MAX_HASH_LENGTH + 1).contains(&key_length) {
            return Err(InvalidIndex("unknown key size"));
        }
        if layout.tables_end() > length {
            return Err(InvalidIndex("shorter than its tables"));
        }
        Ok(layout)
    }

    fn tables_end(&self) -> u64 {
        match self.version {
            1 => self.entries_at + u64::from(self.count) * self.stride() as u64,
            _ => self.formats_at + u64::from(self.format_count) * FORMAT_LENGTH,
        }
    }

    /// Bytes of a key and its entry together.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.key_length + self.entry_length
    }

    /// Number of packs in the pack table; 0 in version 1, which has none.
    pub(crate) fn pack_count(&self) -> u32 {
        self.pack_count
    }

    /// Number of entries.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of a key.
    #[must_use]
    pub fn key_length(&self) -> usize {
        self.key_length
    }
}
