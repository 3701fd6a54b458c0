//! How much is locked, for the one who asks.

use holdfast_host::Cancel;
use jiff::Timestamp;
use serde::Serialize;

use super::super::due::later;
use super::super::schedule::Schedule;
use super::super::{MaintenanceParameters, SafetyParameters};
use super::{Lock, MARGIN, locks_of, needed_blobs, plan};
use crate::Result;
use crate::repository::Repository;

/// How much of what should be locked is locked for long enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LockCoverage {
    /// Who may end a lock early.
    pub mode: &'static str,
    /// How long a blob is locked when it is stored or its lock extended, nanoseconds.
    pub period: u64,
    /// Whether full maintenance extends the locks.
    pub extended: bool,
    /// Until when locks have to last: a day beyond the next full maintenance, and where they are extended for as long as
    /// that promises, which is nine tenths of the period unless full runs are further apart than a tenth.
    pub needed_until: Timestamp,
    /// Blobs that should be locked, without those that only wait for the end of their locks to be deleted.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of them that are locked until then at least.
    pub covered_blobs: u64,
    /// Their bytes.
    pub covered_bytes: u64,
    /// Those that are not locked at all at present.
    pub unlocked_blobs: u64,
    /// Those whose locks these credentials may not know; not among the covered ones.
    pub unknown_blobs: u64,
    /// When the first of the locks ends; nothing without any.
    pub first_end: Option<Timestamp>,
}

/// Asks the store for the lock of every blob that should have one; nothing in a repository without object lock. That is
/// one request a blob.
///
/// # Errors
/// Those of the store, and of `cancel`.
pub fn lock_coverage(
    repository: &Repository,
    parameters: &MaintenanceParameters,
    schedule: &Schedule,
    cancel: &Cancel,
) -> Result<Option<LockCoverage>> {
    let Some(setting) = repository.blob_configuration().retention else {
        return Ok(None);
    };
    let now = repository.clock().now();
    let mut needed_until = later(schedule.next_full_maintenance.max(now), MARGIN);
    if parameters.extend_object_locks {
        let promised = later(now, plan::floor(&setting, &parameters.full));
        needed_until = needed_until.max(promised);
    }
    let blobs = needed_blobs(repository, now, &SafetyParameters::FULL)?.concat();
    let locks = locks_of(repository, &blobs, cancel, |blob| &blob.id)?;
    let mut coverage = LockCoverage {
        mode: setting.mode.name(),
        period: u64::try_from(setting.period.as_nanos()).unwrap_or(u64::MAX),
        extended: parameters.extend_object_locks,
        needed_until,
        blobs: 0,
        bytes: 0,
        covered_blobs: 0,
        covered_bytes: 0,
        unlocked_blobs: 0,
        unknown_blobs: 0,
        first_end: None,
    };
    for (blob, lock) in blobs.iter().zip(locks) {
        coverage.blobs += 1;
        coverage.bytes += blob.length;
        let end = match lock {
            Lock::Until(end) if end > now => end,
            Lock::Until(_) | Lock::None => {
                coverage.unlocked_blobs += 1;
                continue;
            }
            Lock::Unknown => {
                coverage.unknown_blobs += 1;
                continue;
            }
        };
        if end >= needed_until {
            coverage.covered_blobs += 1;
            coverage.covered_bytes += blob.length;
        }
        coverage.first_end = Some(coverage.first_end.map_or(end, |first| first.min(end)));
    }
    Ok(Some(coverage))
}
