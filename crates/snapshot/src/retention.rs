//! Retention: which snapshots of a source its policy keeps, and deleting the others.

use std::sync::Arc;

use holdfast_planning::retention::{Point, Reason, plan};
use holdfast_repository::Repository;
use holdfast_repository::manifest::{ManifestEdits, ManifestId, Manifests};
use holdfast_repository::policy;
use holdfast_repository::snapshot::{self, SnapshotManifest};
use holdfast_repository::source::SourceIdentity;
use jiff::tz::TimeZone;

use crate::error::Result;

/// A snapshot and why the policy keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Retained {
    /// The snapshot.
    pub snapshot: SnapshotManifest,
    /// The reasons; a snapshot without any is deleted unless it is pinned.
    pub reasons: Vec<Reason>,
    /// Whether the next application of the policy deletes it.
    pub expired: bool,
}

/// What retention did, or would do, to one source.
#[derive(Clone, Debug, PartialEq)]
pub struct Expired {
    /// The source.
    pub source: SourceIdentity,
    /// How many snapshots stay.
    pub kept: usize,
    /// The snapshots that go, oldest first.
    pub expired: Vec<SnapshotManifest>,
}

/// The snapshots of one source, oldest first, judged by its effective policy. Weeks and calendar steps are those of the
/// system's time zone, as every program of the format does it.
///
/// # Errors
/// A policy of the source that cannot be read: without it nothing may be judged.
pub fn retained(manifests: &Manifests, source: &SourceIdentity) -> Result<Vec<Retained>> {
    let policy = policy::effective_policy(manifests, source)?;
    let mut snapshots = snapshot::list(manifests, Some(source));
    // Empty parts of a source would widen it, and each source is judged by itself.
    snapshots.retain(|snapshot| snapshot.source == *source);
    let points: Vec<Point> = snapshots
        .iter()
        .map(|snapshot| Point {
            start: snapshot.start_time.0,
            end: snapshot.end_time.0,
            complete: snapshot.is_complete(),
            pinned: !snapshot.pins.is_empty(),
        })
        .collect();
    let verdicts = plan(&points, &policy.retention.keep(), &TimeZone::system());
    Ok(snapshots
        .into_iter()
        .zip(verdicts)
        .map(|(snapshot, verdict)| Retained {
            snapshot,
            reasons: verdict.reasons,
            expired: verdict.delete,
        })
        .collect())
}

/// Applies the policies of the sources to their snapshots, as others see them now. Snapshots in `spared`, those just made,
/// stay whatever the policy says. Without `really` nothing is deleted. Nothing is deleted either while repair has set
/// manifest containers aside: the policies may be in them.
///
/// # Errors
/// A policy that cannot be read, or a failing repository; nothing is deleted then, of no source.
pub fn expire(
    repo: &Arc<Repository>,
    sources: &[SourceIdentity],
    spared: &[ManifestId],
    really: bool,
) -> Result<Vec<Expired>> {
    repo.refresh()?;
    let manifests = repo.manifests()?;
    let set_aside = manifests.set_aside()?;
    if set_aside > 0 {
        tracing::warn!(
            containers = set_aside,
            "no snapshot expires, because repair has set manifest containers aside and policies may be in them; see \
             `repo repair`"
        );
    }
    let mut edits = ManifestEdits::new(Arc::clone(repo.clock()));
    let mut results = Vec::with_capacity(sources.len());
    for source in sources {
        let judged = retained(&manifests, source)?;
        let total = judged.len();
        let expired: Vec<SnapshotManifest> = judged
            .into_iter()
            .filter(|judged| {
                set_aside == 0 && judged.expired && !spared.contains(&judged.snapshot.id)
            })
            .map(|judged| judged.snapshot)
            .collect();
        let ids: Vec<ManifestId> = expired.iter().map(|snapshot| snapshot.id.clone()).collect();
        snapshot::delete(&mut edits, &manifests, &ids)?;
        results.push(Expired {
            source: source.clone(),
            kept: total - expired.len(),
            expired,
        });
    }
    if really {
        edits.publish(repo)?;
    }
    Ok(results)
}
