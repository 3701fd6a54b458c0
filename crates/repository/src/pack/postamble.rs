//! The last bytes of a pack: where its local index lies (format 1 §6.4).

/// Length of the checksum behind the payload.
const CHECKSUM_LENGTH: usize = 4;
const VERSION: u64 = 1;

/// Place and item id of the local index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postamble {
    /// Item id under which the local index is encrypted: the hash of its plaintext.
    pub item: Vec<u8>,
    /// Where the encrypted local index begins in the pack.
    pub offset: u64,
    /// Length of the encrypted local index.
    pub length: u64,
}

impl Postamble {
    /// The bytes to append to the pack. The item id has at most 32 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        append_uvarint(&mut out, VERSION);
        append_uvarint(&mut out, self.item.len() as u64);
        out.extend_from_slice(&self.item);
        append_uvarint(&mut out, self.offset);
        append_uvarint(&mut out, self.length);
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_be_bytes());
        // At most 1 + 1 + 32 + 10 + 10 + 4 bytes.
        out.push(out.len() as u8);
        out
    }

    /// Finds the postamble at the end of `tail`, the last bytes of a pack (300 suffice).
    #[must_use]
    pub fn find(tail: &[u8]) -> Option<Self> {
        let (&length, before) = tail.split_last()?;
        let postamble = before.get(before.len().checked_sub(usize::from(length))?..)?;
        let (payload, checksum) = postamble.split_last_chunk::<CHECKSUM_LENGTH>()?;
        if u32::from_be_bytes(*checksum) != crc32fast::hash(payload) {
            return None;
        }
        let mut rest = payload;
        if take_uvarint(&mut rest)? != VERSION {
            return None;
        }
        let item_length = usize::try_from(take_uvarint(&mut rest)?).ok()?;
        let (item, mut rest) = rest.split_at_checked(item_length)?;
        let offset = take_uvarint(&mut rest)?;
        let length = take_uvarint(&mut rest)?;
        Some(Self {
            item: item.to_vec(),
            offset,
            length,
        })
    }
}

fn append_uvarint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_uvarint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        if shift == 63 && part > 1 {
            return None;
        }
        value |= part << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(item in proptest::collection::vec(any::<u8>(), 0..=32), offset in any::<u64>(), length in any::<u64>(), before in proptest::collection::vec(any::<u8>(), 0..20)) {
            let postamble = Postamble { item, offset, length };
            let tail = [before, postamble.to_bytes()].concat();
            prop_assert_eq!(Postamble::find(&tail), Some(postamble));
        }

        #[test]
        fn a_flipped_bit_is_noticed(at in 0usize..40, bit in 0u8..8) {
            let mut bytes = Postamble { item: vec![7; 16], offset: 4096, length: 1000 }.to_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(Postamble::find(&bytes), None);
        }

        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Postamble::find(&bytes);
        }
    }
}
