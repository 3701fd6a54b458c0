//! Pins: names that keep a snapshot from being deleted by retention.

use std::sync::Arc;

use holdfast_repository::Repository;
use holdfast_repository::manifest::{ManifestEdits, ManifestId, Manifests};
use holdfast_repository::snapshot;

use crate::error::{Error, Result};

/// What became of one snapshot whose pins were to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// The id by which it was known.
    pub old_id: ManifestId,
    /// Its id now; another one when anything changed, because a manifest is never edited.
    pub id: ManifestId,
    /// Its pins now, sorted.
    pub pins: Vec<String>,
}

/// Adds pins to snapshots and removes others. A snapshot is named by its id or by that of its root object, which stands for
/// all snapshots that have it.
///
/// # Errors
/// An id that is no snapshot's, or a failing repository; nothing is changed then.
pub fn change_pins(
    repo: &Arc<Repository>,
    ids: &[String],
    add: &[String],
    remove: &[String],
) -> Result<Vec<Pinned>> {
    let mut manifests = repo.manifests()?;
    let mut edits = ManifestEdits::new(Arc::clone(repo.clock()));
    let mut changed = Vec::new();
    for id in ids {
        for old_id in named(&manifests, id)? {
            let new = snapshot::change_pins(&mut edits, &manifests, &old_id, add, remove)?;
            manifests.apply(edits.entries().to_vec());
            let id = new.unwrap_or_else(|| old_id.clone());
            let pins = snapshot::find(&manifests, &id)?.map_or_else(Vec::new, |found| found.pins);
            changed.push(Pinned { old_id, id, pins });
        }
    }
    edits.publish(repo)?;
    Ok(changed)
}

fn named(manifests: &Manifests, id: &str) -> Result<Vec<ManifestId>> {
    let own = ManifestId::from(id);
    if snapshot::find(manifests, &own)?.is_some() {
        return Ok(vec![own]);
    }
    let with_root: Vec<ManifestId> = snapshot::list(manifests, None)
        .into_iter()
        .filter(|found| {
            found
                .root_object()
                .is_some_and(|root| root.to_string() == id)
        })
        .map(|found| found.id)
        .collect();
    if with_root.is_empty() {
        return Err(Error::SnapshotNotFound(id.to_owned()));
    }
    Ok(with_root)
}
