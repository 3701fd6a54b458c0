//! What the reference implementation has no place for: the key `hf` of directory entries.
//!
//! The layout is described in `docs/snapshot-format.md`. Readers that do not know the key ignore it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::object::ObjectId;

/// A byte string, base64 with padding in JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes64(pub Vec<u8>);

impl Serialize for Bytes64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD
            .decode(text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// Attributes of an entry beyond the format's own fields.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extras {
    /// The entry's name as the system has it, when it is not UTF-8.
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    pub raw_name: Option<Bytes64>,
    /// Extended attributes by name.
    #[serde(rename = "x", skip_serializing_if = "BTreeMap::is_empty")]
    pub xattrs: BTreeMap<String, Bytes64>,
    /// POSIX access control lists.
    #[serde(rename = "a", skip_serializing_if = "Option::is_none")]
    pub acl: Option<PosixAcls>,
    /// Entries of one snapshot with the same id are hard links of one file.
    #[serde(rename = "l", skip_serializing_if = "String::is_empty")]
    pub hard_link: String,
    /// Ranges of a sparse file that hold data, ascending: offset and length in bytes. The rest reads as zeros.
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    pub data_ranges: Option<Vec<(u64, u64)>>,
    /// What only Windows has.
    #[serde(rename = "w", skip_serializing_if = "Option::is_none")]
    pub windows: Option<WindowsExtras>,
    /// Keys of this object whose value is too large and stands in an object of its own, as JSON.
    #[serde(rename = "o", skip_serializing_if = "BTreeMap::is_empty")]
    pub overflow: BTreeMap<String, ObjectId>,
}

/// The two access control lists of POSIX, each in the form of its extended attribute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PosixAcls {
    /// Of the entry itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Bytes64>,
    /// What new entries of a directory inherit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Bytes64>,
}

/// Attributes of Windows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WindowsExtras {
    /// Security descriptor in self-relative form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<Bytes64>,
    /// File attribute bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<u32>,
    /// Alternate data streams by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub streams: BTreeMap<String, Bytes64>,
}

impl Extras {
    /// Only a raw name.
    pub fn with_raw_name(name: &[u8]) -> Self {
        Self {
            raw_name: Some(Bytes64(name.to_vec())),
            ..Self::default()
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
