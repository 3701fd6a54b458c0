//! What the reference implementation has no place for: the key `hf` of directory entries.
//!
//! The layout is described in `docs/snapshot-format.md`. Readers that do not know the key ignore it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json::{JsonError, from_slice, to_vec};
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
    /// The name of eight and three characters.
    #[serde(rename = "short", skip_serializing_if = "String::is_empty")]
    pub short_name: String,
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

    /// Takes out the values that are too large to stand in an entry, as JSON texts by their keys. Each becomes an object
    /// that is named in [`overflow`](Self::overflow).
    pub fn take_large(&mut self) -> Vec<(&'static str, Vec<u8>)> {
        let mut large = Vec::new();
        take(&mut large, "x", &mut self.xattrs, BTreeMap::is_empty);
        take(&mut large, "a", &mut self.acl, Option::is_none);
        take(&mut large, "s", &mut self.data_ranges, Option::is_none);
        take(&mut large, "w", &mut self.windows, Option::is_none);
        large
    }

    /// Puts a value that [`take_large`](Self::take_large) took out back in its place.
    ///
    /// # Errors
    /// The text is not the value of such a key.
    pub fn put_back(&mut self, key: &str, text: &[u8]) -> Result<(), JsonError> {
        match key {
            "x" => self.xattrs = from_slice(text)?,
            "a" => self.acl = from_slice(text)?,
            "s" => self.data_ranges = from_slice(text)?,
            "w" => self.windows = from_slice(text)?,
            other => {
                return Err(JsonError::Mismatch(format!("{other:?} has no large value")));
            }
        }
        Ok(())
    }
}

/// Largest value of a key that stands in the entry itself, in bytes of its JSON text.
const LARGEST_VALUE: usize = 64 * 1024;

fn take<T: Serialize + Default>(
    large: &mut Vec<(&'static str, Vec<u8>)>,
    key: &'static str,
    value: &mut T,
    is_empty: impl Fn(&T) -> bool,
) {
    if is_empty(value) {
        return;
    }
    // Maps with text keys and plain values always serialize.
    if let Ok(text) = to_vec(value)
        && text.len() > LARGEST_VALUE
    {
        *value = T::default();
        large.push((key, text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_values_are_taken_out_and_come_back() {
        let whole = Extras {
            xattrs: [("user.small".to_owned(), Bytes64(vec![1; 100]))].into(),
            data_ranges: Some((0..10_000).map(|at| (at * 8192, 4096)).collect()),
            windows: Some(WindowsExtras {
                streams: [("tail".to_owned(), Bytes64(vec![7; 70_000]))].into(),
                short_name: "LONGNA~1.TXT".to_owned(),
                ..WindowsExtras::default()
            }),
            ..Extras::default()
        };
        let mut extras = whole.clone();
        let large = extras.take_large();
        let keys: Vec<_> = large.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["s", "w"]);
        assert_eq!(extras.xattrs, whole.xattrs);
        assert_eq!((&extras.data_ranges, &extras.windows), (&None, &None));
        for (key, text) in &large {
            extras.put_back(key, text).expect("it is the value");
        }
        assert_eq!(extras, whole);
        assert!(extras.put_back("n", b"\"QQ==\"").is_err());
        assert!(extras.put_back("s", b"{}").is_err());
    }
}
