//! The payload of a snapshot manifest and its labels.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::directory::{DirectoryEntry, decode_entry, encode_entry};
use crate::json::{RawText, UnixNanos, from_slice};
use crate::manifest::{Labels, ManifestId};
use crate::object::ObjectId;
use crate::source::SourceIdentity;

/// What the names of tags given by a user begin with in a manifest.
pub const TAG_PREFIX: &str = "tag:";

/// One snapshot of one source.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SnapshotManifest {
    /// The id of the manifest; empty in the stored payload and filled in when it is loaded.
    pub id: ManifestId,
    /// Whose data it is.
    pub source: SourceIdentity,
    /// Free text.
    pub description: String,
    /// When the upload began.
    pub start_time: UnixNanos,
    /// When the upload ended.
    pub end_time: UnixNanos,
    /// Counters of the upload, for display only.
    pub stats: SnapshotStats,
    /// Why it is incomplete; empty when it is complete.
    #[serde(rename = "incomplete", skip_serializing_if = "String::is_empty")]
    pub incomplete_reason: String,
    /// The root; always present in snapshots that this program writes.
    #[serde(serialize_with = "write_entry", deserialize_with = "read_entry")]
    pub root_entry: Option<DirectoryEntry>,
    /// Tags; those of users begin with [`TAG_PREFIX`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Sizes computed for display, not normally stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_stats: Option<StorageStats>,
    /// What only this program writes; a stock program drops it when it writes the manifest again.
    #[serde(
        rename = "hf",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "read_extras"
    )]
    pub extras: Option<SnapshotExtras>,
    /// Sorted names of pins; a snapshot with any is never deleted by retention.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<String>,
}

/// What a manifest says beyond the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SnapshotExtras {
    /// The upload read everything that directory entries keep beyond the format (`hf`); entries that last changed before
    /// this time still have that.
    #[serde(rename = "known")]
    pub known_before: UnixNanos,
}

/// Counters of an upload (format 2 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SnapshotStats {
    /// Bytes of files uploaded, and sizes of entries taken from an earlier snapshot.
    pub total_size: i64,
    /// Bytes of files left out.
    pub excluded_total_size: i64,
    /// Files uploaded.
    pub file_count: i32,
    /// Entries taken from an earlier snapshot.
    pub cached_files: i32,
    /// Files read because no earlier snapshot had them unchanged.
    pub non_cached_files: i32,
    /// Directories.
    pub dir_count: i32,
    /// Files left out.
    pub excluded_file_count: i32,
    /// Directories left out.
    pub excluded_dir_count: i32,
    /// Errors after which the policy says to go on.
    pub ignored_error_count: i32,
    /// Other errors of single entries.
    pub error_count: i32,
}

/// Sizes of a snapshot in the repository (format 2 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StorageStats {
    /// What no earlier snapshot of the source has.
    pub new_data: SnapshotUsage,
    /// Sum over this and the earlier snapshots of the source.
    pub running_total: SnapshotUsage,
}

/// Sizes and counts of distinct objects and contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SnapshotUsage {
    /// Sizes of files and symlinks.
    pub object_bytes: i64,
    /// Bytes of contents before compression.
    pub original_content_bytes: i64,
    /// Bytes of contents in packs.
    pub packed_content_bytes: i64,
    /// Number of files and symlinks.
    pub file_objects: i32,
    /// Number of directories.
    pub dir_objects: i32,
    /// Number of contents.
    pub contents: i32,
}

/// A snapshot that must not be saved, because other programs could not handle it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSnapshot {
    /// A part of the source is empty.
    #[error("a snapshot needs a user, a host and a path; {0} is incomplete")]
    Source(SourceIdentity),
    /// There is no root, which would stop garbage collection of the whole repository.
    #[error("the snapshot of {0} has no root object")]
    NoRoot(SourceIdentity),
    /// A tag has the name of a label.
    #[error("a tag must not be named {0:?}")]
    Tag(String),
}

impl SnapshotManifest {
    /// Whether the upload ran to its end.
    pub fn is_complete(&self) -> bool {
        self.incomplete_reason.is_empty()
    }

    /// Whether it only holds what belongs to the snapshots of another root.
    pub fn is_companion(&self) -> bool {
        self.tags.contains_key(super::COMPANION_TAG)
    }

    /// The object of the root.
    pub fn root_object(&self) -> Option<ObjectId> {
        self.root_entry.as_ref()?.object
    }

    /// The tag that a user set under this name.
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags
            .get(&format!("{TAG_PREFIX}{name}"))
            .map(String::as_str)
    }

    /// The order of snapshots in lists: by start, then by end.
    pub fn list_order(&self, other: &Self) -> std::cmp::Ordering {
        (self.start_time, self.end_time).cmp(&(other.start_time, other.end_time))
    }

    /// The labels under which the snapshot is saved.
    pub fn labels(&self) -> Result<Labels, InvalidSnapshot> {
        if self.root_object().is_none() {
            return Err(InvalidSnapshot::NoRoot(self.source.clone()));
        }
        let SourceIdentity {
            host,
            user_name,
            path,
        } = &self.source;
        if host.is_empty() || user_name.is_empty() || path.is_empty() {
            return Err(InvalidSnapshot::Source(self.source.clone()));
        }
        let mut labels = snapshot_labels(&self.source);
        for (name, value) in &self.tags {
            if labels.insert(name.clone(), value.clone()).is_some() {
                return Err(InvalidSnapshot::Tag(name.clone()));
            }
        }
        Ok(labels)
    }
}

/// The labels that snapshots of a source have. Empty parts are left out, so that the labels of a host find all
/// its snapshots.
pub fn snapshot_labels(source: &SourceIdentity) -> Labels {
    let parts = [
        ("type", "snapshot"),
        ("hostname", &source.host),
        ("username", &source.user_name),
        ("path", &source.path),
    ];
    let given = parts.into_iter().filter(|(_, value)| !value.is_empty());
    given
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn write_entry<S: Serializer>(
    entry: &Option<DirectoryEntry>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let Some(entry) = entry else {
        return serializer.serialize_none();
    };
    let mut text = Vec::new();
    encode_entry(&mut text, entry);
    let text = String::from_utf8(text).map_err(S::Error::custom)?;
    RawValue::from_string(text)
        .map_err(S::Error::custom)?
        .serialize(serializer)
}

fn read_entry<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DirectoryEntry>, D::Error> {
    let RawText(text) = RawText::deserialize(deserializer)?;
    if text == "null" {
        return Ok(None);
    }
    decode_entry(text.as_bytes())
        .map(Some)
        .map_err(D::Error::custom)
}

/// Extras of another version prove nothing, and are no reason not to read the snapshot.
fn read_extras<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SnapshotExtras>, D::Error> {
    let RawText(text) = RawText::deserialize(deserializer)?;
    Ok(from_slice(text.as_bytes()).ok())
}
