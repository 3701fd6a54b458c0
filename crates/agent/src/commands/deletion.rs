//! `delete_points` and `preview_deletion`.

use std::sync::Arc;

use holdfast_host::Cancel;
use holdfast_protocol::agent::VaultContext;
use holdfast_protocol::agent::commands::{
    CondemnedPoint, DeletePoints, DeletePointsResult, DeletionPreview, RefusalReason, RefusedPoint,
};
use holdfast_repository::Repository;
use holdfast_repository::manifest::{ManifestId, Manifests};
use uuid::Uuid;

use super::catalogued::{Present, look};
use crate::failure::WorkError;
use crate::state::VaultFolders;
use crate::tags::JOB_TAG;
use crate::vaults::{Access, open_repository};

/// Deletes restore points that the server chose, each as a whole, after another look: whatever the server's catalogue says,
/// a pinned one stays, and so does one that the job did not make or that is not what the catalogue takes it for.
pub fn delete_points(
    request: &DeletePoints,
    vault: &VaultContext,
    folders: &VaultFolders,
    cancel: &Cancel,
) -> Result<DeletePointsResult, WorkError> {
    let access = Access::changing(cancel);
    let repository = open_repository(vault, folders, None, &access)?;
    let (result, wanted) = plan(&repository, request)?;
    if !wanted.is_empty() {
        cancel.check()?;
        holdfast_snapshot::delete(&repository, &wanted)?;
    }
    Ok(result)
}

/// Says what [`delete_points`] would do now, and how much storage that frees at most.
pub fn preview_deletion(
    request: &DeletePoints,
    vault: &VaultContext,
    folders: &VaultFolders,
    cancel: &Cancel,
) -> Result<DeletionPreview, WorkError> {
    let access = Access::reading(cancel);
    let repository = open_repository(vault, folders, None, &access)?;
    let (would, wanted) = plan(&repository, request)?;
    let lock = repository.blob_configuration().retention;
    Ok(DeletionPreview {
        would,
        at_most_bytes: holdfast_snapshot::freed_at_most(&repository, &wanted, cancel)?,
        lock_seconds: lock.map(|lock| lock.period.as_secs()),
    })
}

/// What becomes of each point, and the manifests that go.
fn plan(
    repository: &Arc<Repository>,
    request: &DeletePoints,
) -> Result<(DeletePointsResult, Vec<ManifestId>), WorkError> {
    let manifests = repository.manifests()?;
    let is_set_aside = manifests.set_aside()? > 0;
    let mut result = DeletePointsResult::default();
    let mut wanted = Vec::new();
    for point in &request.points {
        let found = match is_set_aside {
            true => Err(RefusalReason::SetAside),
            false => snapshots_of(&manifests, point, request.job_uuid)?,
        };
        match found {
            Ok(ids) if ids.is_empty() => result.missing.push(point.point),
            Ok(ids) => {
                wanted.extend(ids);
                result.deleted.push(point.point);
            }
            Err(reason) => result.refused.push(RefusedPoint {
                point: point.point,
                reason,
            }),
        }
    }
    Ok((result, wanted))
}

/// The present manifests of a point's snapshots, without those that are not there any more; or why none may be deleted.
fn snapshots_of(
    manifests: &Manifests,
    point: &CondemnedPoint,
    job: Option<Uuid>,
) -> Result<Result<Vec<ManifestId>, RefusalReason>, WorkError> {
    let mut ids = Vec::new();
    for wanted in &point.snapshots {
        let found = match look(manifests, wanted)? {
            Present::Found(found) => found,
            Present::Missing => continue,
            Present::Changed => return Ok(Err(RefusalReason::Changed)),
        };
        if !found.pins.is_empty() {
            return Ok(Err(RefusalReason::Pinned));
        }
        let of_job = found.tag(JOB_TAG).and_then(|tag| tag.parse().ok());
        if job.is_some() && of_job != job {
            return Ok(Err(RefusalReason::Foreign));
        }
        ids.push(found.id);
    }
    Ok(Ok(ids))
}
