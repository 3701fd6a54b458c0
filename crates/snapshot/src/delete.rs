//! Deleting snapshots. Their data goes with the next garbage collection, when nothing else refers to it.

use std::sync::Arc;

use holdfast_repository::Repository;
use holdfast_repository::manifest::{ManifestEdits, ManifestId};
use holdfast_repository::snapshot;

use crate::error::{Error, Result};

/// Deletes snapshots by their ids, all or none.
///
/// # Errors
/// An empty id, an id that is no snapshot's, or a failing repository.
pub fn delete(repo: &Arc<Repository>, ids: &[ManifestId]) -> Result<()> {
    let manifests = repo.manifests()?;
    let mut edits = ManifestEdits::new(Arc::clone(repo.clock()));
    for id in ids {
        if id.as_str().is_empty() {
            return Err(Error::NoSnapshot);
        }
        let found = snapshot::find(&manifests, id)?.and_then(|_| manifests.get(id));
        edits.delete(found.ok_or_else(|| Error::SnapshotNotFound(id.to_string()))?);
    }
    let session = repo.session()?;
    let mut writer = session.writer();
    edits.write(&mut writer)?;
    writer.finish_packs()?;
    drop(writer);
    session.close()?;
    Ok(())
}
