//! Finding and changing the snapshots of a repository.

use super::{InvalidSnapshot, SnapshotManifest, snapshot_labels};
use crate::json::from_slice;
use crate::manifest::{Manifest, ManifestEdits, ManifestId, Manifests, labels};

use crate::source::SourceIdentity;
use crate::{Error, Result};

/// Label by which a companion snapshot names the root object whose extras it holds.
pub const COMPANION_TAG: &str = "tag:holdfast-of";

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

/// Saves a snapshot under a new id. Call it last of all writes of its session: everything it refers to must be stored.
///
/// # Errors
/// [`Error::InvalidParameter`] for a snapshot that other programs could not handle.
pub fn save(edits: &mut ManifestEdits, snapshot: &SnapshotManifest) -> Result<ManifestId> {
    let invalid = |error: InvalidSnapshot| Error::InvalidParameter {
        what: "snapshot",
        reason: error.to_string(),
    };
    let labels = snapshot.labels().map_err(invalid)?;
    let unnamed = SnapshotManifest {
        id: ManifestId::default(),
        ..snapshot.clone()
    };
    edits.put(labels, &unnamed)
}

/// Deletes snapshots, and the companions that only held what belongs to them. Returns how many of `ids` were
/// snapshots.
///
/// # Errors
/// [`Error::Damaged`] naming a snapshot that cannot be read.
pub fn delete(
    edits: &mut ManifestEdits,
    manifests: &Manifests,
    ids: &[ManifestId],
) -> Result<usize> {
    let mut roots = Vec::new();
    for id in ids {
        let Some(snapshot) = find(manifests, id)? else {
            continue;
        };
        edits.delete_id(manifests, id);
        roots.push(snapshot.root_object());
    }
    let remaining = || {
        manifests
            .find(&labels([("type", "snapshot")]))
            .into_iter()
            .filter(|other| !ids.contains(&other.id))
    };
    for root in roots.iter().flatten() {
        let root = root.to_string();
        let companion = |other: &&Manifest| other.labels.get(COMPANION_TAG) == Some(&root);
        let companions: Vec<&Manifest> = remaining().filter(companion).collect();
        let needed = || {
            remaining().filter(|other| !companion(other)).any(|other| {
                read(other)
                    .is_ok_and(|other| other.root_object().is_some_and(|id| id.to_string() == root))
            })
        };
        if !companions.is_empty() && !needed() {
            companions
                .iter()
                .for_each(|companion| edits.delete_id(manifests, &companion.id));
        }
    }
    Ok(roots.len())
}
