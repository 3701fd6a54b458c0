//! The copy of the format blob at the beginning of packs whose keys depend on the password (format 1 §2.7).

use hmac::Mac;
use holdfast_storage::{BlobId, BlobStore};

use crate::crypto::keyed_hmac;
use crate::error::{Error, Result};

/// Key of the checksum; it protects against chance, not against attackers.
const CHECKSUM_KEY: &[u8] = b"kopia-repository";
const CHECKSUM_LENGTH: usize = 32;
/// Longest copy with its checksum, bytes.
const MAX_LENGTH: usize = 65_000;
/// How much of either end of a pack may hold the copy, bytes.
const SEARCHED: u64 = 65_536;
/// Bytes of the length before and behind the copy.
const LENGTH_BYTES: usize = 2;

/// Appends a copy of the format blob.
///
/// # Errors
/// [`Error::Limit`] when the blob is too long.
pub(crate) fn append(out: &mut Vec<u8>, format_blob: &[u8]) -> Result<()> {
    let length = format_blob.len() + CHECKSUM_LENGTH;
    if length > MAX_LENGTH {
        return Err(Error::Limit {
            what: "the format blob",
            limit: "65,000 bytes",
        });
    }
    let length = (length as u16).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(format_blob);
    out.extend_from_slice(&checksum(format_blob));
    out.extend_from_slice(&length);
    Ok(())
}

/// Finds the format blob that a pack carries; `None` when it carries none.
///
/// # Errors
/// Of the store.
pub fn read_format_copy(
    store: &dyn BlobStore,
    pack: &BlobId,
    length: u64,
) -> Result<Option<Vec<u8>>> {
    let mut part = vec![0; length.min(SEARCHED) as usize];
    store.get_range(pack, 0, &mut part)?;
    if let Some(copy) = at_start(&part) {
        return Ok(Some(copy.to_vec()));
    }
    store.get_range(pack, length - part.len() as u64, &mut part)?;
    Ok(at_end(&part).map(<[u8]>::to_vec))
}

fn at_start(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    checked(rest.get(..usize::from(u16::from_le_bytes(*length)))?)
}

fn at_end(bytes: &[u8]) -> Option<&[u8]> {
    let (rest, length) = bytes.split_last_chunk::<LENGTH_BYTES>()?;
    let length = usize::from(u16::from_le_bytes(*length));
    checked(&rest[rest.len().checked_sub(length)?..])
}

fn checked(copy: &[u8]) -> Option<&[u8]> {
    let (blob, found) = copy.split_at_checked(copy.len().checked_sub(CHECKSUM_LENGTH)?)?;
    (checksum(blob) == *found).then_some(blob)
}

fn checksum(blob: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    let mut mac = keyed_hmac(CHECKSUM_KEY);
    mac.update(blob);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_copy_is_found_at_either_end() {
        let mut copy = Vec::new();
        append(&mut copy, b"{}").unwrap();
        assert_eq!(copy.len(), 2 + LENGTH_BYTES * 2 + CHECKSUM_LENGTH);
        let pack = [copy.as_slice(), &[7; 100]].concat();
        assert_eq!(at_start(&pack), Some(b"{}".as_slice()));
        assert_eq!(at_end(&pack), None);
        let pack = [&[7; 100], copy.as_slice()].concat();
        assert_eq!(at_start(&pack), None);
        assert_eq!(at_end(&pack), Some(b"{}".as_slice()));
        assert!(append(&mut copy, &[0; MAX_LENGTH]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(at_start(&bytes), None);
            prop_assert_eq!(at_end(&bytes), None);
        }
    }
}
