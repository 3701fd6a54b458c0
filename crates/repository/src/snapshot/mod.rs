//! Snapshot manifests (format 2 §3).

mod manifest;

pub use manifest::{
    InvalidSnapshot, SnapshotManifest, SnapshotStats, SnapshotUsage, StorageStats, TAG_PREFIX,
    snapshot_labels,
};
