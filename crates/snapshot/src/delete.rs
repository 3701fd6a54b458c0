//! Deleting snapshots. Their data goes with the next garbage collection, when nothing else refers to it.

use std::sync::Arc;

use holdfast_repository::Repository;
use holdfast_repository::manifest::{ManifestEdits, ManifestId};
use holdfast_repository::snapshot;

use crate::error::{Error, Result};

/// Deletes snapshots by their ids, all or none, and what only they needed.
///
/// # Errors
/// An empty id, an id that is no snapshot's, or a failing repository.
pub fn delete(repo: &Arc<Repository>, ids: &[ManifestId]) -> Result<()> {
    let manifests = repo.manifests()?;
    for id in ids {
        if id.as_str().is_empty() {
            return Err(Error::NoSnapshot);
        }
        if snapshot::find(&manifests, id)?.is_none() {
            return Err(Error::SnapshotNotFound(id.to_string()));
        }
    }
    let mut edits = ManifestEdits::new(Arc::clone(repo.clock()));
    snapshot::delete(&mut edits, &manifests, ids)?;
    Ok(edits.publish(repo)?)
}
