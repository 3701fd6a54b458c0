//! Content ids (format 1 §6.1): an optional prefix letter and a keyed hash of the data.

use std::fmt;
use std::str::FromStr;

/// Longest hash of any algorithm of the format, in bytes.
pub(crate) const MAX_HASH_LENGTH: usize = 32;

/// Identifies a content: optional prefix letter `g`..`z` and up to 32 hash bytes.
///
/// The order is that of the binary key used in indexes, so ids without a prefix come first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId {
    prefix: u8,
    hash: [u8; MAX_HASH_LENGTH],
    length: u8,
}

/// A text that is no content id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a content id: expected an optional letter g to z and up to 64 hexadecimal digits"
)]
pub struct InvalidContentId(String);

impl ContentId {
    /// Builds an id from its parts; `prefix` is a letter `g`..`z` or nothing, `hash` has 1 to 32 bytes.
    ///
    /// Returns nothing when a part is out of range.
    #[must_use]
    pub fn new(prefix: Option<u8>, hash: &[u8]) -> Option<Self> {
        if hash.is_empty() || hash.len() > MAX_HASH_LENGTH {
            return None;
        }
        let prefix = match prefix {
            None => 0,
            Some(letter @ b'g'..=b'z') => letter,
            Some(_) => return None,
        };
        let mut bytes = [0; MAX_HASH_LENGTH];
        bytes[..hash.len()].copy_from_slice(hash);
        Some(Self {
            prefix,
            hash: bytes,
            length: hash.len() as u8,
        })
    }

    /// Parses the binary key of an index: one byte for the prefix (0 for none) and the hash.
    #[must_use]
    pub fn from_key(key: &[u8]) -> Option<Self> {
        let (&prefix, hash) = key.split_first()?;
        Self::new((prefix != 0).then_some(prefix), hash)
    }

    /// Appends the binary key used in indexes.
    pub fn append_key(&self, out: &mut Vec<u8>) {
        out.push(self.prefix);
        out.extend_from_slice(self.hash());
    }

    /// Writes the binary key into `buffer` and returns it.
    pub(crate) fn write_key<'a>(&self, buffer: &'a mut [u8; MAX_HASH_LENGTH + 1]) -> &'a [u8] {
        let length = self.key_length();
        buffer[0] = self.prefix;
        buffer[1..length].copy_from_slice(self.hash());
        &buffer[..length]
    }

    /// The prefix letter, if any.
    #[must_use]
    pub fn prefix(&self) -> Option<u8> {
        (self.prefix != 0).then_some(self.prefix)
    }

    /// The hash without the prefix.
    #[must_use]
    pub fn hash(&self) -> &[u8] {
        &self.hash[..usize::from(self.length)]
    }

    /// Length of the binary key in bytes.
    #[must_use]
    pub fn key_length(&self) -> usize {
        usize::from(self.length) + 1
    }

    /// The item id ("IV", format 1 §3.2) under which a content is encrypted: the last 16 hash bytes.
    ///
    /// A hash shorter than that is used whole.
    #[must_use]
    pub fn encryption_id(&self) -> &[u8] {
        let hash = self.hash();
        &hash[hash.len().saturating_sub(16)..]
    }

    /// Whether the content belongs into a metadata (`q`) pack.
    #[must_use]
    pub fn is_metadata(&self) -> bool {
        self.prefix != 0
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 2 * MAX_HASH_LENGTH + 1];
        let mut used = 0;
        if self.prefix != 0 {
            text[0] = self.prefix;
            used = 1;
        }
        let end = used + 2 * usize::from(self.length);
        hex::encode_to_slice(self.hash(), &mut text[used..end]).map_err(|_| fmt::Error)?;
        f.pad(std::str::from_utf8(&text[..end]).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentId {
    type Err = InvalidContentId;

    fn from_str(text: &str) -> Result<Self, InvalidContentId> {
        let invalid = || InvalidContentId(text.chars().take(80).collect());
        let bytes = text.as_bytes();
        let (prefix, digits) = if bytes.len() % 2 == 1 {
            (Some(bytes[0]), &bytes[1..])
        } else {
            (None, bytes)
        };
        let mut hash = [0; MAX_HASH_LENGTH];
        let length = digits.len() / 2;
        let target = hash.get_mut(..length).ok_or_else(invalid)?;
        hex::decode_to_slice(digits, target).map_err(|_| invalid())?;
        Self::new(prefix, target).ok_or_else(invalid)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unprefixed_ids_sort_first() {
        let plain: ContentId = "ffffffffffffffffffffffffffffffff".parse().unwrap();
        let prefixed: ContentId = "k00000000000000000000000000000000".parse().unwrap();
        assert!(plain < prefixed);
    }

    #[test]
    fn encryption_id_is_the_end_of_the_hash() {
        let id: ContentId = format!("k{}{}", "00".repeat(16), "ab".repeat(16))
            .parse()
            .unwrap();
        assert_eq!(id.encryption_id(), [0xab; 16]);
        assert_eq!(id.prefix(), Some(b'k'));
        assert!(id.is_metadata());
    }

    #[test]
    fn wrong_texts_are_refused() {
        for text in [
            "",
            "k",
            "f0",
            "a00",
            "k0g",
            &"0".repeat(66),
            "é",
            "A00",
            "é0",
        ] {
            let parsed = text.parse::<ContentId>();
            assert_eq!(parsed.is_ok(), text == "f0", "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_and_key_round_trip(prefix in proptest::option::of(b'g'..=b'z'), hash in proptest::collection::vec(any::<u8>(), 1..=32)) {
            let id = ContentId::new(prefix, &hash).unwrap();
            prop_assert_eq!(id.to_string().parse::<ContentId>().unwrap(), id);
            let mut key = Vec::new();
            id.append_key(&mut key);
            prop_assert_eq!(ContentId::from_key(&key).unwrap(), id);
            prop_assert_eq!(key.len(), id.key_length());
        }

        #[test]
        fn order_is_that_of_the_keys(a in proptest::collection::vec(any::<u8>(), 16), b in proptest::collection::vec(any::<u8>(), 16), pa in proptest::option::of(b'g'..=b'z'), pb in proptest::option::of(b'g'..=b'z')) {
            let (x, y) = (ContentId::new(pa, &a).unwrap(), ContentId::new(pb, &b).unwrap());
            let (mut kx, mut ky) = (Vec::new(), Vec::new());
            x.append_key(&mut kx);
            y.append_key(&mut ky);
            prop_assert_eq!(x.cmp(&y), kx.cmp(&ky));
        }
    }
}
