//! Object ids (format 2 §1.1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ContentId;

/// The address of an object: one content, or an index object that lists its parts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    content: ContentId,
    indirection: u8,
    compressed: bool,
}

/// A text that is not the id of an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an object id: {reason}")]
pub struct InvalidObjectId {
    text: String,
    reason: &'static str,
}

/// The deepest indirection that is read. One level covers 100 GiB with 4 MiB parts, two cover the rest.
const MAX_INDIRECTION: u8 = 16;

impl ObjectId {
    /// The object that is exactly one content.
    pub fn direct(content: ContentId) -> Self {
        Self {
            content,
            indirection: 0,
            compressed: false,
        }
    }

    /// The object whose content is its compressed form: `Z` before the content's id.
    pub fn compressed(content: ContentId) -> Self {
        Self {
            compressed: true,
            ..Self::direct(content)
        }
    }

    /// The object whose parts are listed by the index object `index`: `I` before its id.
    ///
    /// Returns `None` when the index is compressed at the object level or nested too deeply; the format has no
    /// such ids.
    pub fn indirect(index: Self) -> Option<Self> {
        (!index.compressed && index.indirection < MAX_INDIRECTION).then(|| Self {
            indirection: index.indirection + 1,
            ..index
        })
    }

    /// The content at the end of the id.
    pub fn content(&self) -> ContentId {
        self.content
    }

    /// For an indirect object: the id of its index object (one `I` less).
    pub fn index_object(&self) -> Option<Self> {
        self.indirection.checked_sub(1).map(|indirection| Self {
            indirection,
            ..*self
        })
    }

    /// Whether parts are listed by an index object.
    pub fn is_indirect(&self) -> bool {
        self.indirection > 0
    }

    /// Whether the content's payload is a compression header id followed by compressed bytes (`Z…`; only written
    /// under index version 1).
    pub fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// Whether the id has the prefix by which directories are recognised when nothing else is known.
    pub fn is_directory(&self) -> bool {
        self.content.prefix() == Some(b'k')
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let rest = text.trim_start_matches('I');
        let indirection = u8::try_from(text.len() - rest.len()).unwrap_or(u8::MAX);
        if indirection > MAX_INDIRECTION {
            return Err("too many levels of indirection");
        }
        let (compressed, rest) = match rest.strip_prefix('Z') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        // An old spelling; the canonical form has no `D`.
        let rest = rest.strip_prefix('D').unwrap_or(rest);
        if compressed && indirection > 0 {
            return Err("an index cannot be compressed at the object level");
        }
        if rest.is_empty() {
            return Err("it names no content");
        }
        let content = ContentId::from_str(rest).map_err(|_| "its last part is not a content id")?;
        Ok(Self {
            content,
            indirection,
            compressed,
        })
    }
}

impl From<ContentId> for ObjectId {
    fn from(content: ContentId) -> Self {
        Self::direct(content)
    }
}

impl FromStr for ObjectId {
    type Err = InvalidObjectId;

    fn from_str(text: &str) -> Result<Self, InvalidObjectId> {
        Self::parse(text).map_err(|reason| InvalidObjectId {
            text: text.chars().take(200).collect(),
            reason,
        })
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..self.indirection {
            f.write_str("I")?;
        }
        if self.compressed {
            f.write_str("Z")?;
        }
        fmt::Display::fmt(&self.content, f)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
