//! Names and facts of blobs.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// The name of a blob: printable ASCII that is a legal file name on every system we run on, so
/// without blanks, `/`, `\`, `:`, `*`, `?`, `"`, `<`, `>`, `|`, and not beginning with a dot.
/// All names of the format (format 1 §1.2) qualify. The order is that of the bytes; clones share the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(Arc<str>);

/// A text that cannot name a blob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a possible blob name")]
pub struct InvalidBlobId(String);

impl BlobId {
    /// Checks and takes a name.
    pub fn new(name: impl Into<Arc<str>>) -> Result<Self, InvalidBlobId> {
        let name = name.into();
        let legal = !name.is_empty()
            && name.len() <= Self::MAX_LENGTH
            && !name.starts_with('.')
            && name.bytes().all(is_legal);
        if legal {
            Ok(Self(name))
        } else {
            Err(InvalidBlobId(name.to_string()))
        }
    }

    /// The longest name, in bytes. The format's own stay below 120; with a suffix and the name of a
    /// temporary file the limit still fits the 255 bytes of common file systems.
    pub const MAX_LENGTH: usize = 200;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_legal(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'/' | b'\\' | b':' | b'*' | b'?' | b'"' | b'<' | b'>' | b'|'
        )
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for BlobId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for BlobId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for BlobId {
    type Err = InvalidBlobId;

    fn from_str(text: &str) -> Result<Self, InvalidBlobId> {
        Self::new(text)
    }
}

/// What a store knows about a blob without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its name.
    pub id: BlobId,
    /// Its length in bytes.
    pub length: u64,
    /// When it was stored, by the clock of the storage (format 1 §1.1).
    pub modified: Timestamp,
}
