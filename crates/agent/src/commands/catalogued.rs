//! Snapshots as the server's catalogue has them, and what the vault has of them now.

use holdfast_protocol::agent::commands::CondemnedSnapshot;
use holdfast_repository::SourceIdentity;
use holdfast_repository::manifest::{ManifestId, Manifests};
use holdfast_repository::snapshot::{self, SnapshotManifest};

use super::timestamp;
use crate::failure::WorkError;

/// What a vault has of a catalogued snapshot.
pub(super) enum Present {
    /// It is there, perhaps with another manifest.
    Found(Box<SnapshotManifest>),
    /// It is not there.
    Missing,
    /// Its manifest is that of another snapshot.
    Changed,
}

/// Looks for a catalogued snapshot.
pub(super) fn look(
    manifests: &Manifests,
    wanted: &CondemnedSnapshot,
) -> Result<Present, WorkError> {
    let id = ManifestId::from(wanted.manifest_id.as_str());
    let found = match snapshot::find(manifests, &id)? {
        Some(found) if is_same(&found, wanted) => Some(found),
        Some(_) => return Ok(Present::Changed),
        // A pin or a changed description gives a snapshot another manifest.
        None => snapshot::list(manifests, Some(&source_of(wanted)))
            .into_iter()
            .find(|other| is_same(other, wanted)),
    };
    Ok(found.map_or(Present::Missing, |found| Present::Found(Box::new(found))))
}

fn source_of(wanted: &CondemnedSnapshot) -> SourceIdentity {
    SourceIdentity::new(
        &wanted.source_user,
        &wanted.source_host,
        wanted.source_path.as_str(),
    )
}

/// Whether a snapshot is the one that the catalogue means.
fn is_same(found: &SnapshotManifest, wanted: &CondemnedSnapshot) -> bool {
    let root = found.root_object().map(|root| root.to_string());
    found.source == source_of(wanted)
        && timestamp(found.start_time).as_millisecond() == wanted.start_time.as_millisecond()
        && root.as_deref() == Some(wanted.root_object.as_str())
}
