//! Manifests: small labelled JSON documents in contents with the prefix `m` (format 2 §2).

mod container;
mod edits;
mod merge;
mod set_aside;
mod store;
mod stream;

pub(crate) use container::holds_text;
pub use container::{
    ContainerError, decode_container, encode_container, gunzip_container, gzip_container,
    read_container,
};
pub use edits::ManifestEdits;
pub use merge::{Manifests, merge};
pub(crate) use set_aside::{AsideContainer, SetAside};

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Result;
use crate::json::UnixNanos;

/// The prefix letter of contents with manifests, which garbage collection never touches.
pub const MANIFEST_PREFIX: u8 = b'm';

/// The id of a manifest. Written ids are 32 hex digits; any text is accepted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ManifestId(String);

impl ManifestId {
    /// A new random id.
    ///
    /// # Errors
    /// Of the system's source of random bytes.
    pub fn random() -> Result<Self> {
        let mut bytes = [0; 16];
        crate::crypto::random_bytes(&mut bytes)?;
        Ok(Self(hex::encode(bytes)))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ManifestId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for ManifestId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for ManifestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ManifestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Labels of a manifest, sorted by name as they are written.
pub type Labels = BTreeMap<String, String>;

/// Labels from pairs.
pub fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Whether `labels` has every pair of `wanted`.
pub fn labels_match(labels: &Labels, wanted: &Labels) -> bool {
    wanted
        .iter()
        .all(|(name, value)| labels.get(name) == Some(value))
}

/// One entry of a container: a manifest, or the record that one was deleted.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Its id.
    pub id: ManifestId,
    /// What it is found by; empty in a tombstone.
    pub labels: Labels,
    /// When it was put or deleted.
    pub modified: UnixNanos,
    /// Whether this is a tombstone.
    pub deleted: bool,
    /// The payload as JSON text; `null` in a tombstone.
    pub data: Box<RawValue>,
}

impl Manifest {
    /// The tombstone of a manifest.
    pub fn tombstone(id: ManifestId, modified: UnixNanos) -> Self {
        Self {
            id,
            labels: Labels::new(),
            modified,
            deleted: true,
            data: RawValue::NULL.to_owned(),
        }
    }
}
