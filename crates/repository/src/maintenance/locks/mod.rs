//! Object locks: extending those of everything that is needed, and waiting for those of what is not (format 1 §1.4,
//! §9.5).

mod coverage;
mod extend;
mod plan;

pub use coverage::{LockCoverage, lock_coverage};
pub(super) use extend::extend_on_damage;

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::time::Duration;

use holdfast_host::Cancel;
use holdfast_storage::{BlobId, BlobInfo, ErrorKind};
use jiff::Timestamp;

use super::SafetyParameters;
use super::packs::{Fate, fate};
use super::report::{Freed, FreedReason};
use super::run::{Run, go_on};
use super::usage::Packs;
use crate::Result;
use crate::blob_names::{DATA_PACK, METADATA_PACK, session_of};
use crate::object_lock::{LOCKED_FAMILIES, is_locked};
use crate::parallel;
use crate::repository::Repository;

/// How long every lock has to outlast the next full run, which may be late.
const MARGIN: Duration = Duration::from_secs(24 * 3600);

const KIND: &str = "extendBlobRetentionStats";

/// What is known of the lock of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lock {
    /// It has none, or is gone.
    None,
    /// It ends then, or has ended.
    Until(Timestamp),
    /// The credentials may not know.
    Unknown,
}

/// Blobs that are to be deleted, by what their locks allow.
pub(super) struct Taken<T> {
    /// Those that can be.
    pub(super) free: Vec<T>,
    /// Those that are locked; where the end is known, with it.
    pub(super) locked: Vec<(T, Option<Timestamp>)>,
}

/// The lock of each blob.
fn locks_of<T: Sync>(
    repository: &Repository,
    blobs: &[T],
    cancel: &Cancel,
    id_of: impl Fn(&T) -> &BlobId + Sync,
) -> Result<Vec<Lock>> {
    let store = repository.store();
    parallel::map(blobs, parallel::REQUESTS, |blob| {
        go_on(repository, cancel)?;
        match store.retention(id_of(blob)) {
            Ok(lock) => Ok(lock.map_or(Lock::None, |lock| Lock::Until(lock.until))),
            Err(error) if error.is_not_found() => Ok(Lock::None),
            Err(error) if error.kind() == ErrorKind::AccessDenied => Ok(Lock::Unknown),
            Err(error) => Err(error.into()),
        }
    })
}

/// Blobs whose locks have to last, by families: all that are locked, except those that would be deleted were it not for
/// their locks. What a deleted content lies in counts as needed: a snapshot may want it again.
fn needed_blobs(
    repository: &Repository,
    start: Timestamp,
    safety: &SafetyParameters,
) -> Result<Vec<Vec<BlobInfo>>> {
    let dead = dead_blobs(repository, start, safety).unwrap_or_else(|error| {
        // Where the index is damaged, everything is worth keeping.
        tracing::warn!(%error, "what is not needed is unknown, so every lock counts");
        HashSet::new()
    });
    lockable_blobs(repository, &dead)
}

/// All blobs of the families that are locked, except `dead` ones.
fn lockable_blobs(repository: &Repository, dead: &HashSet<BlobId>) -> Result<Vec<Vec<BlobInfo>>> {
    let mut families = Vec::with_capacity(LOCKED_FAMILIES.len());
    for prefix in LOCKED_FAMILIES {
        let mut blobs = Vec::new();
        repository.store().list(prefix, &mut |blob| {
            if is_locked(&blob.id) && !dead.contains(&blob.id) {
                blobs.push(blob);
            }
            ControlFlow::Continue(())
        })?;
        families.push(blobs);
    }
    Ok(families)
}

/// Blobs that only their locks keep, by the rules by which they are deleted.
fn dead_blobs(
    repository: &Repository,
    start: Timestamp,
    safety: &SafetyParameters,
) -> Result<HashSet<BlobId>> {
    let sessions: HashMap<String, Timestamp> = repository
        .active_sessions()?
        .into_iter()
        .map(|session| (session.id, session.checkpoint_time))
        .collect();
    repository.refresh()?;
    let packs = Packs::present(repository)?;
    let mut dead = HashSet::new();
    for prefix in [DATA_PACK, METADATA_PACK] {
        repository.store().list(&prefix.to_string(), &mut |blob| {
            let name = blob.id.as_str();
            let session = session_of(name).and_then(|id| sessions.get(id)).copied();
            if packs.of(name).is_none()
                && fate(blob.modified, session, start, safety) == Fate::Delete
            {
                dead.insert(blob.id);
            }
            ControlFlow::Continue(())
        })?;
    }
    let parameters = repository.format().epoch_parameters;
    if parameters.enabled {
        let (state, _) = repository.epoch_state()?;
        let markers = state.plan_marker_cleanup(&parameters);
        dead.extend(markers.epochs.into_iter().chain(markers.watermarks));
        let superseded = state.plan_superseded(&parameters);
        let superseded = superseded.into_iter().flat_map(|plan| plan.blobs);
        dead.extend(superseded.map(|blob| blob.id));
    }
    Ok(dead)
}

impl Run<'_> {
    /// Sorts blobs that are to be deleted by their locks. What the store does not tell counts as locked: a deletion would
    /// leave it behind as a hidden version.
    pub(super) fn take_locked<T: Sync>(
        &mut self,
        blobs: Vec<T>,
        id_of: impl Fn(&T) -> &BlobId + Sync,
    ) -> Result<Taken<T>> {
        if self.repository.blob_configuration().retention.is_none() {
            return Ok(Taken {
                free: blobs,
                locked: Vec::new(),
            });
        }
        let locks = locks_of(self.repository, &blobs, &self.options.cancel, &id_of)?;
        let now = self.repository.clock().now();
        let mut taken = Taken {
            free: Vec::new(),
            locked: Vec::new(),
        };
        let mut unknown = 0_usize;
        for (blob, lock) in blobs.into_iter().zip(locks) {
            match lock {
                Lock::Until(end) if end > now => taken.locked.push((blob, Some(end))),
                Lock::Until(_) | Lock::None => taken.free.push(blob),
                Lock::Unknown => {
                    unknown += 1;
                    taken.locked.push((blob, None));
                }
            }
        }
        if unknown > 0 {
            self.problem(format!(
                "{unknown} blobs that nothing needs are kept, because these keys may not know whether they are locked; \
                 allow GetObjectRetention for this bucket and prefix"
            ));
        }
        Ok(taken)
    }

    /// Notes that blobs wait for the ends of their locks.
    pub(super) fn wait_for_locks(&mut self, locked: &[(BlobInfo, Option<Timestamp>)]) {
        for (blob, end) in locked {
            let Some(end) = end else { continue };
            let from = self.full_run_from(*end);
            Freed::add(
                &mut self.report.later,
                from,
                FreedReason::Locked,
                blob.length,
            );
        }
    }
}
