//! Snapshot manifests (format 2 §3).

mod manifest;
mod store;

pub use manifest::{
    InvalidSnapshot, SnapshotExtras, SnapshotManifest, SnapshotStats, SnapshotUsage, StorageStats,
    TAG_PREFIX, snapshot_labels,
};
pub use store::{COMPANION_TAG, change_pins, delete, find, list, read, save};
