//! Finding and changing the snapshots of a repository.

use std::collections::{BTreeSet, HashSet};

use serde_json::value::RawValue;

use super::{InvalidSnapshot, SnapshotManifest, snapshot_labels};
use crate::json::{JsonError, Kind, fold_equal, from_slice, parse_prefix, push_string, to_vec};
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
    let going: HashSet<&ManifestId> = ids.iter().collect();
    let mut roots = HashSet::new();
    let mut deleted = 0;
    for id in ids {
        if let Some(snapshot) = find(manifests, id)? {
            edits.delete_id(manifests, id);
            deleted += 1;
            roots.extend(snapshot.root_object().map(|root| root.to_string()));
        }
    }
    let remaining = manifests.find(&labels([("type", "snapshot")])).into_iter();
    let (companions, others): (Vec<&Manifest>, Vec<&Manifest>) = remaining
        .filter(|manifest| !going.contains(&manifest.id))
        .partition(|manifest| {
            let of = manifest.labels.get(COMPANION_TAG);
            of.is_some_and(|root| roots.contains(root))
        });
    if companions.is_empty() {
        return Ok(deleted);
    }
    for other in others {
        match read(other) {
            Ok(snapshot) => {
                if let Some(root) = snapshot.root_object() {
                    roots.remove(&root.to_string());
                }
            }
            // It may have any root, so every companion stays.
            Err(_) => return Ok(deleted),
        }
    }
    for companion in companions {
        if companion
            .labels
            .get(COMPANION_TAG)
            .is_some_and(|root| roots.contains(root))
        {
            edits.delete_id(manifests, &companion.id);
        }
    }
    Ok(deleted)
}

/// Adds and removes pins of a snapshot. That makes it a new manifest, whose id is returned; `None` when nothing changes.
/// Everything else in the payload stays as it is to the byte, also what only this program writes.
///
/// # Errors
/// [`Error::InvalidParameter`] when there is no such snapshot, [`Error::Damaged`] when it cannot be read.
pub fn change_pins(
    edits: &mut ManifestEdits,
    manifests: &Manifests,
    id: &ManifestId,
    add: &[String],
    remove: &[String],
) -> Result<Option<ManifestId>> {
    let (Some(snapshot), Some(manifest)) = (find(manifests, id)?, manifests.get(id)) else {
        return Err(Error::InvalidParameter {
            what: "snapshot",
            reason: format!("{id} does not exist"),
        });
    };
    let before: BTreeSet<&String> = snapshot.pins.iter().collect();
    let mut pins = before.clone();
    pins.extend(add);
    pins.retain(|pin| !remove.contains(pin));
    if pins == before {
        return Ok(None);
    }
    let payload = with_pins(manifest.data.get(), &pins)
        .map_err(|error| Error::damaged(format_args!("snapshot {id}"), error))?;
    let new = edits.put(manifest.labels.clone(), &payload)?;
    edits.delete_id(manifests, id);
    Ok(Some(new))
}

/// The payload with other pins, which are the last of its members.
fn with_pins(payload: &str, pins: &BTreeSet<&String>) -> Result<Box<RawValue>, JsonError> {
    let invalid = |error: &dyn std::fmt::Display| JsonError::Mismatch(error.to_string());
    let Kind::Object(members) = parse_prefix(payload.as_bytes())?.kind else {
        return Err(invalid(&"it is no object"));
    };
    let mut out = Vec::with_capacity(payload.len());
    let mut push = |name: &str, value: &[u8]| {
        out.push(if out.is_empty() { b'{' } else { b',' });
        push_string(&mut out, name.as_bytes());
        out.push(b':');
        out.extend_from_slice(value);
    };
    for (name, value) in members.iter().filter(|(name, _)| !fold_equal(name, "pins")) {
        push(name, value.raw);
    }
    if !pins.is_empty() {
        push("pins", &to_vec(pins).map_err(|error| invalid(&error))?);
    }
    out.push(b'}');
    let text = String::from_utf8(out).map_err(|error| invalid(&error))?;
    RawValue::from_string(text).map_err(|error| invalid(&error))
}
