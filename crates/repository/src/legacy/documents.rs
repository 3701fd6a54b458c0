//! What the `m` and `l` blobs hold.

use holdfast_storage::BlobInfo;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A blob as a compaction log names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedBlob {
    /// Name of the blob.
    pub id: String,
    /// Length in bytes.
    #[serde(default)]
    pub length: u64,
    /// When it was stored, by the store's clock.
    #[serde(default)]
    pub timestamp: Option<Timestamp>,
}

impl From<&BlobInfo> for LoggedBlob {
    fn from(blob: &BlobInfo) -> Self {
        Self {
            id: blob.id.to_string(),
            length: blob.length,
            timestamp: Some(blob.modified),
        }
    }
}

/// An `m` blob: once all outputs are there, the inputs do not count any more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CompactionLog {
    /// Index blobs that were merged.
    #[serde(rename = "inputMetadata")]
    pub inputs: Option<Vec<LoggedBlob>>,
    /// Index blobs with the same entries.
    #[serde(rename = "outputMetadata")]
    pub outputs: Option<Vec<LoggedBlob>>,
}

impl CompactionLog {
    /// Names of the index blobs that were merged.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().flatten().map(|blob| blob.id.as_str())
    }

    /// Names of the index blobs with the same entries.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().flatten().map(|blob| blob.id.as_str())
    }
}

/// An `l` blob: compaction logs that are to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CleanupEntry {
    /// Names of the logs.
    #[serde(rename = "blobIDs", default)]
    pub blob_ids: Option<Vec<String>>,
    /// From when on their age counts, by the store's clock.
    pub cleanup_schedule_time: Timestamp,
}
