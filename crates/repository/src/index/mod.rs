//! Index blobs and local indexes (format 1 §7): which content lies where.

mod decode;
mod encode;
mod encode_1;
mod layout;
mod merge;
mod search;

pub(crate) use decode::{FormatPlace, PackPlace, RawEntry};
pub use decode::{IndexReader, IndexSource};
pub(crate) use encode::IndexShape;
pub use encode::{IndexEntry, encode};
pub use encode_1::encode_1;
pub use layout::{InvalidIndex, Layout};
pub use merge::supersedes;

use holdfast_storage::BlobId;

use crate::content_id::ContentId;
use crate::error::{Error, Result};

/// Encodes entries in the version that a repository writes, [`crate::format::RepositoryFormat::index_version`].
///
/// # Errors
/// As [`encode`] and [`encode_1`]; [`Error::NewerFormat`] for another version.
pub fn encode_as(version: u32, entries: &mut [IndexEntry], packs: &[BlobId]) -> Result<Vec<u8>> {
    match version {
        1 => encode_1(entries, packs),
        2 => encode(entries, packs),
        _ => Err(Error::NewerFormat {
            reason: format!("unknown index version {version}"),
        }),
    }
}

/// Distributes the entries over as few indexes as the limit allows (format 1 §7.4) and encodes them. `entries` must
/// not be empty.
///
/// # Errors
/// As [`encode_as`].
pub fn encode_shards(
    version: u32,
    entries: &mut [IndexEntry],
    packs: &[BlobId],
) -> Result<Vec<Vec<u8>>> {
    let count = entries.len().div_ceil(MAX_ENTRIES_PER_BLOB);
    if count <= 1 {
        return Ok(vec![encode_as(version, entries, packs)?]);
    }
    let mut shards = vec![Vec::new(); count];
    for entry in entries {
        shards[shard_of(&entry.id, count)].push(*entry);
    }
    shards
        .iter_mut()
        .filter(|shard| !shard.is_empty())
        .map(|shard| encode_as(version, shard, packs))
        .collect()
}

/// Entries per index blob at most (format 1 §7.4).
pub const MAX_ENTRIES_PER_BLOB: usize = 16_000_000;
/// Random bytes at the end of local indexes and of legacy compactions (format 1 §7.3).
pub const RANDOM_SUFFIX_LENGTH: usize = 32;
/// Offsets in packs stay below this.
pub const MAX_OFFSET: u32 = 1 << 30;
/// Contents and payloads stay below this many bytes.
pub const MAX_LENGTH: usize = 1 << 28;

/// Where a content lies and how it is stored; one entry of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentInfo {
    /// Which content.
    pub id: ContentId,
    /// Pack that holds it.
    pub pack: BlobId,
    /// When the entry was made, in unix seconds by the writer's clock.
    pub time: u64,
    /// Where the payload begins in the pack, in bytes.
    pub offset: u32,
    /// Length of the payload (ciphertext) in bytes.
    pub packed_length: u32,
    /// Length of the content in bytes.
    pub original_length: u32,
    /// Header id of the compression, 0 for none.
    pub compression: u32,
    /// Version of the repository format that the writer had.
    pub format_version: u8,
    /// Reserved; must be 0 to be readable.
    pub encryption_key_id: u8,
    /// Whether this is a tombstone.
    pub deleted: bool,
}

impl ContentInfo {
    /// Whether the entry pointed outside the tables of its index, so that the content cannot be read.
    #[must_use]
    pub fn is_unusable(&self) -> bool {
        self.format_version == UNUSABLE_FORMAT_VERSION
    }
}

/// Marks an entry whose pack or format number is out of range (format 1 §7.2).
pub(crate) const UNUSABLE_FORMAT_VERSION: u8 = 255;
const UNUSABLE_COMPRESSION: u32 = 0xffff;
const UNUSABLE_PACK: &str = "-";

/// Which of `shards` index blobs an entry belongs to (format 1 §7.4): FNV-1a of the id's text.
#[must_use]
pub fn shard_of(id: &ContentId, shards: usize) -> usize {
    let hash = fnv1a(id.to_string().as_bytes());
    hash as usize % shards.max(1)
}

fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash: u32, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::fnv1a;

    #[test]
    fn fnv1a_of_an_id() {
        assert_eq!(fnv1a(b"d0f631ca1ddba8db3bcfcb9e057cdc98"), 3_646_774_839);
    }
}
