//! Writing an index of version 1 in its stable form (format 1 §7.1).

use holdfast_storage::BlobId;

use super::encode::{self, IndexEntry, Numbering, invalid};
use super::layout::ENTRY_LENGTH_1;
use crate::compress::UNCOMPRESSED;
use crate::crypto::OVERHEAD;
use crate::error::{Error, Result};

const HEADER_LENGTH: usize = 8;
/// Version 1 keeps one bit of the offset for the mark of deletion.
const DELETED: u32 = 1 << 31;

/// Sorts `entries` and encodes them as an index of version 1; the bytes depend on the entries only.
///
/// Version 1 knows neither compression nor the length of a content: it follows from the payload's.
///
/// # Errors
/// As [`super::encode`], and [`Error::Limit`] for an entry that version 1 cannot hold.
pub fn encode_1(entries: &mut [IndexEntry], packs: &[BlobId]) -> Result<Vec<u8>> {
    let key_length = encode::sort(entries)?;
    let count = u32::try_from(entries.len()).map_err(|_| invalid("too many"))?;
    let mut pack_numbers = Numbering::new();
    for entry in entries.iter() {
        check(entry)?;
        pack_numbers.number(entry.pack);
    }
    let names = encode::names(&pack_numbers.order, packs)?;
    let mut name_at = HEADER_LENGTH + entries.len() * (key_length + ENTRY_LENGTH_1);
    let mut places = Vec::with_capacity(names.len());
    for name in &names {
        let at = u32::try_from(name_at).map_err(|_| Error::Limit {
            what: "an index",
            limit: "4 GiB",
        })?;
        let length =
            u8::try_from(name.len()).map_err(|_| invalid("a pack name above 255 bytes"))?;
        places.push((at, length));
        name_at += name.len();
    }

    let mut out = Vec::with_capacity(name_at);
    out.extend_from_slice(&[1, key_length as u8, 0, ENTRY_LENGTH_1 as u8]);
    out.extend_from_slice(&count.to_be_bytes());
    for entry in entries.iter() {
        let (name_at, name_length) = places[pack_numbers.number(entry.pack) as usize];
        entry.id.append_key(&mut out);
        // The time has 48 bits.
        out.extend_from_slice(&u64::from(entry.time).to_be_bytes()[2..]);
        out.extend_from_slice(&[entry.format_version, name_length]);
        out.extend_from_slice(&name_at.to_be_bytes());
        let deleted = if entry.deleted { DELETED } else { 0 };
        out.extend_from_slice(&(entry.offset | deleted).to_be_bytes());
        out.extend_from_slice(&entry.packed_length.to_be_bytes());
    }
    for name in &names {
        out.extend_from_slice(name.as_bytes());
    }
    Ok(out)
}

fn check(entry: &IndexEntry) -> Result<()> {
    let refused = |what, limit| Err(Error::Limit { what, limit });
    if entry.offset >= DELETED {
        return refused("an offset in a pack", "2^31 bytes");
    }
    if entry.compression != UNCOMPRESSED || entry.encryption_key_id != 0 {
        return refused(
            "an entry with compression or a key of its own",
            "index version 2",
        );
    }
    let fits = (entry.packed_length as usize).checked_sub(OVERHEAD)
        == Some(entry.original_length as usize);
    if !fits {
        return refused(
            "an entry whose lengths do not follow from each other",
            "index version 2",
        );
    }
    Ok(())
}
