//! Finding and changing the snapshots of a repository.

use super::{SnapshotManifest, snapshot_labels};
use crate::json::from_slice;
use crate::manifest::{Manifest, ManifestId, Manifests};
use crate::source::SourceIdentity;
use crate::{Error, Result};

/// The snapshots of a source, or all, by start and end time. Empty parts of the source widen it: without path all
/// of a user's.
///
/// A manifest that cannot be read is left out with a line in the log; `check` reports it.
pub fn list(manifests: &Manifests, source: Option<&SourceIdentity>) -> Vec<SnapshotManifest> {
    let wanted = snapshot_labels(source.unwrap_or(&SourceIdentity::default()));
    let mut snapshots = Vec::new();
    for manifest in manifests.find(&wanted) {
        match read(manifest) {
            Ok(snapshot) => snapshots.push(snapshot),
            Err(error) => {
                tracing::warn!(manifest = %manifest.id, %error, "snapshot left out of the list")
            }
        }
    }
    snapshots.sort_by(SnapshotManifest::list_order);
    snapshots
}

/// The snapshot with this id; `None` when there is no such manifest or it is no snapshot.
///
/// # Errors
/// [`Error::Damaged`] naming the manifest when its payload cannot be read.
pub fn find(manifests: &Manifests, id: &ManifestId) -> Result<Option<SnapshotManifest>> {
    match manifests.get(id) {
        Some(manifest)
            if manifest
                .labels
                .get("type")
                .is_some_and(|kind| kind == "snapshot") =>
        {
            read(manifest).map(Some)
        }
        _ => Ok(None),
    }
}

/// The payload of a snapshot's manifest with its id filled in.
///
/// # Errors
/// [`Error::Damaged`] naming the manifest.
pub fn read(manifest: &Manifest) -> Result<SnapshotManifest> {
    let mut snapshot: SnapshotManifest = from_slice(manifest.data.get().as_bytes())
        .map_err(|error| Error::damaged(format_args!("snapshot {}", manifest.id), error))?;
    snapshot.id = manifest.id.clone();
    Ok(snapshot)
}
