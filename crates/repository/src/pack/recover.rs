//! The local index of a pack, read from the end of the pack itself.

use holdfast_storage::{BlobId, BlobStore};

use super::postamble::Postamble;
use crate::crypto::ContentCipher;
use crate::error::{Error, Result};

/// How much of the end of a pack is read first, in bytes.
const TAIL_LENGTH: u64 = 8192;
/// Local indexes above this are refused, in bytes; that of a full pack of 120 MiB with the smallest contents
/// stays below.
const MAX_LENGTH: u64 = 512 << 20;

/// A decrypted local index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalIndex {
    /// Where the encrypted form begins in the pack; payloads and padding end there.
    pub offset: u64,
    /// Length of the encrypted form.
    pub length: u64,
    /// Item id under which it was encrypted: the hash of the plaintext.
    pub item: Vec<u8>,
    /// The index with its random suffix; see [`crate::index::IndexReader`].
    pub plaintext: Vec<u8>,
}

/// Reads and decrypts the local index of `pack`, which has `length` bytes.
///
/// # Errors
/// [`Error::Damaged`] naming the pack, or an error of the store.
pub fn read_local_index(
    store: &dyn BlobStore,
    cipher: &ContentCipher,
    pack: &BlobId,
    length: u64,
) -> Result<LocalIndex> {
    let (postamble, mut sealed) = read_sealed(store, pack, length)?;
    let plaintext = cipher
        .open_in_place(&postamble.item, &mut sealed)
        .map_err(|e| Error::damaged(format_args!("local index of pack {pack}"), e))?
        .to_vec();
    Ok(LocalIndex {
        offset: postamble.offset,
        length: postamble.length,
        item: postamble.item,
        plaintext,
    })
}

/// Whether the local index of a pack was sealed by this cipher; nothing when the pack is too damaged to tell.
///
/// # Errors
/// Of the store.
pub(crate) fn is_sealed_for(
    store: &dyn BlobStore,
    cipher: &ContentCipher,
    pack: &BlobId,
    length: u64,
) -> Result<Option<bool>> {
    match read_sealed(store, pack, length) {
        Ok((postamble, mut sealed)) => Ok(Some(
            cipher.open_in_place(&postamble.item, &mut sealed).is_ok(),
        )),
        Err(Error::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The postamble of a pack and its local index as it lies there.
fn read_sealed(store: &dyn BlobStore, pack: &BlobId, length: u64) -> Result<(Postamble, Vec<u8>)> {
    let damaged = |reason: &str| Error::damaged(format_args!("pack {pack}"), reason);
    let tail_length = length.min(TAIL_LENGTH);
    let tail_at = length - tail_length;
    let mut tail = vec![0; tail_length as usize];
    store.get_range(pack, tail_at, &mut tail)?;
    let postamble = Postamble::find(&tail).ok_or_else(|| damaged("its postamble is not valid"))?;
    let end = postamble
        .offset
        .checked_add(postamble.length)
        .filter(|end| *end <= length);
    if end.is_none() || postamble.length > MAX_LENGTH {
        return Err(damaged("its postamble points outside the pack"));
    }
    let sealed = if postamble.offset >= tail_at {
        let at = (postamble.offset - tail_at) as usize;
        tail.drain(..at);
        tail.truncate(postamble.length as usize);
        tail
    } else {
        let mut sealed = vec![0; postamble.length as usize];
        store.get_range(pack, postamble.offset, &mut sealed)?;
        sealed
    };
    Ok((postamble, sealed))
}
