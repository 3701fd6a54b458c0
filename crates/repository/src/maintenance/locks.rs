//! Object locks: extending those of everything that is needed, and waiting for those of what is not (format 1 §1.4,
//! §9.5).

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use holdfast_host::Cancel;
use holdfast_storage::{BlobId, BlobInfo, ErrorKind, Retention};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::json;

use super::due::{MAX_CLOCK_SKEW, earlier, later};
use super::packs::{Fate, fate};
use super::report::{Freed, FreedReason, statistics};
use super::run::{Run, go_on};
use super::schedule::{Schedule, Task, TaskRun, TaskStatistics};
use super::usage::Packs;
use super::{MaintenanceParameters, SafetyParameters};
use crate::blob_names::{BLOBCFG, DATA_PACK, FORMAT, LEGACY_INDEX, METADATA_PACK, session_of};
use crate::format::{BlobConfiguration, RetentionSetting};
use crate::parallel;
use crate::repository::{Repository, is_locked};
use crate::{Error, Result};

/// How long every lock has to outlast the next full run, which may be late.
const MARGIN: Duration = Duration::from_secs(24 * 3600);

/// Blobs that cannot be locked before the task gives up.
const MAX_FAILURES: usize = 20;

/// Beginnings of the names of all blobs that are locked.
const PREFIXES: [&str; 6] = [FORMAT, BLOBCFG, "p", "q", LEGACY_INDEX, "x"];

const KIND: &str = "extendBlobRetentionStats";

/// Blobs with the ends of their locks.
type Locked<T> = Vec<(T, Timestamp)>;

/// Whether locks have to be extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Those of everything.
    Extend,
    /// Every lock holds until then at least, long enough.
    Enough(Timestamp),
}

/// Decides from the record alone. An extension locks everything for the same period as a put does, so since the last one
/// no lock ends before that one's; nothing has to be asked of single blobs. `needed_until` is when locks may end.
fn plan(
    runs: &[TaskRun],
    setting: &RetentionSetting,
    now: Timestamp,
    needed_until: Timestamp,
) -> Plan {
    let last = runs
        .iter()
        .filter(|run| run.success && run.start <= later(now, MAX_CLOCK_SKEW))
        .max_by_key(|run| run.start);
    let Some(last) = last.filter(|run| has_setting(run, setting)) else {
        return Plan::Extend;
    };
    // Clients whose clocks are behind lock for a little less.
    let holds = earlier(later(last.start, setting.period), MAX_CLOCK_SKEW);
    match holds >= needed_until {
        true => Plan::Enough(holds),
        false => Plan::Extend,
    }
}

/// Whether an extension used the present setting. Other clients do not record the mode.
fn has_setting(run: &TaskRun, setting: &RetentionSetting) -> bool {
    run.extra.iter().any(|extra| {
        let figures = extra.data.to_value();
        let mode = &figures["retentionMode"];
        extra.kind == KIND
            && figures["retentionPeriod"] == period_text(setting.period).as_str()
            && (mode.is_null() || mode == setting.mode.name())
    })
}

/// A period as the reference implementation prints it, such as `720h0m0s`.
fn period_text(period: Duration) -> String {
    let seconds = period.as_secs();
    format!("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

impl MaintenanceParameters {
    /// Whether the locks can be extended in time with this distance of full runs.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] when locks are extended and their period is not longer than the interval of full
    /// runs by a day at least.
    pub fn check_locks(&self, blobs: &BlobConfiguration) -> Result<()> {
        let Some(setting) = blobs.retention.filter(|_| self.extend_object_locks) else {
            return Ok(());
        };
        let interval = Duration::from_nanos(self.full.interval.unsigned_abs());
        if setting.period >= interval.saturating_add(MARGIN) {
            return Ok(());
        }
        Err(Error::InvalidParameter {
            what: "period of object locks",
            reason: format!(
                "locks are extended by full maintenance every {}, so they have to last 24 hours longer than that; they \
                 last {}",
                period_text(interval),
                period_text(setting.period)
            ),
        })
    }
}

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
    /// Until when locks have to last: a day beyond the next full maintenance.
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
    let needed_until = needed_until(schedule, now);
    let blobs = needed_blobs(repository, now, &SafetyParameters::FULL)?;
    let ends = lock_ends(repository, &blobs, cancel, |blob| &blob.id)?;
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
        first_end: None,
    };
    for (blob, end) in blobs.iter().zip(ends) {
        let end = end.filter(|end| *end > now);
        coverage.blobs += 1;
        coverage.bytes += blob.length;
        match end {
            Some(end) if end >= needed_until => {
                coverage.covered_blobs += 1;
                coverage.covered_bytes += blob.length;
            }
            Some(_) => {}
            None => coverage.unlocked_blobs += 1,
        }
        if let Some(end) = end {
            coverage.first_end = Some(coverage.first_end.map_or(end, |first| first.min(end)));
        }
    }
    Ok(Some(coverage))
}

/// A day beyond the next full run.
fn needed_until(schedule: &Schedule, now: Timestamp) -> Timestamp {
    later(schedule.next_full_maintenance.max(now), MARGIN)
}

/// When the lock of each blob ends, or ended; nothing for blobs without a lock and for those that are gone.
fn lock_ends<T: Sync>(
    repository: &Repository,
    blobs: &[T],
    cancel: &Cancel,
    id_of: impl Fn(&T) -> &BlobId + Sync,
) -> Result<Vec<Option<Timestamp>>> {
    let store = repository.store();
    parallel::map(blobs, parallel::REQUESTS, |blob| {
        go_on(repository, cancel)?;
        match store.retention(id_of(blob)) {
            Ok(lock) => Ok(lock.map(|lock| lock.until)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    })
}

/// Blobs whose locks have to last: all of the families that are locked, except those that would be deleted were it not
/// for their locks. What a deleted content lies in counts as needed: a snapshot may want it again.
fn needed_blobs(
    repository: &Repository,
    start: Timestamp,
    safety: &SafetyParameters,
) -> Result<Vec<BlobInfo>> {
    let dead = dead_blobs(repository, start, safety).unwrap_or_else(|error| {
        // Where the index is damaged, everything is worth keeping.
        tracing::warn!(%error, "what is not needed is unknown, so every lock counts");
        HashSet::new()
    });
    let mut blobs = Vec::new();
    for prefix in PREFIXES {
        repository.store().list(prefix, &mut |blob| {
            if is_locked(&blob.id) && !dead.contains(&blob.id) {
                blobs.push(blob);
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(blobs)
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
    /// Extends the locks of all that is needed, when it is time.
    pub(super) fn extend_locks(&mut self) -> Result<()> {
        const TASK: Task = Task::ExtendBlobRetentionTime;
        if !self.parameters.extend_object_locks {
            return Ok(());
        }
        let Some(setting) = self.repository.blob_configuration().retention else {
            self.skip(TASK, "the repository locks nothing".to_owned());
            return Ok(());
        };
        let now = self.repository.clock().now();
        let needed_until = needed_until(&self.schedule, now);
        match plan(self.schedule.runs_of(TASK), &setting, now, needed_until) {
            Plan::Extend => self.task(TASK, |run| run.extend_all(&setting)),
            Plan::Enough(until) => {
                self.skip(TASK, format!("every lock holds until {until} at least"));
                Ok(())
            }
        }
    }

    fn extend_all(&self, setting: &RetentionSetting) -> Result<TaskStatistics> {
        let blobs = needed_blobs(self.repository, self.start, &self.safety())?;
        let retention = Retention {
            mode: setting.mode,
            until: later(self.repository.clock().now(), setting.period),
        };
        let extended = match self.dry_run() {
            true => 0,
            false => self.extend(&blobs, retention)?,
        };
        Ok(statistics(
            KIND,
            json!({
                "toExtendBlobCount": blobs.len(),
                "extendedBlobCount": extended,
                "retentionPeriod": period_text(setting.period),
                "retentionMode": setting.mode.name(),
            }),
        ))
    }

    /// Locks blobs; one that fails does not keep the others from being locked.
    fn extend(&self, blobs: &[BlobInfo], retention: Retention) -> Result<usize> {
        let store = self.repository.store();
        let extended = AtomicUsize::new(0);
        let failed: Mutex<Vec<holdfast_storage::Error>> = Mutex::default();
        parallel::map(blobs, parallel::REQUESTS, |blob| {
            self.go_on()?;
            let error = match store.extend_retention(&blob.id, retention) {
                Ok(()) => {
                    extended.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                // Somebody else may delete what is not needed any more.
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => error,
            };
            let of_store = matches!(
                error.kind(),
                ErrorKind::Cancelled | ErrorKind::Unreachable | ErrorKind::Unsupported
            );
            let mut failed = failed.lock();
            if of_store || failed.len() >= MAX_FAILURES {
                return Err(Error::from(error));
            }
            failed.push(error);
            Ok(())
        })?;
        let failed = failed.into_inner();
        let count = failed.len();
        match failed.into_iter().next() {
            None => Ok(extended.into_inner()),
            Some(first) => Err(Error::LocksNotExtended {
                failed: count,
                of: blobs.len(),
                first,
            }),
        }
    }

    /// Takes from blobs that are to be deleted those that are still locked, with the ends of their locks.
    pub(super) fn take_locked<T: Sync>(
        &self,
        blobs: Vec<T>,
        id_of: impl Fn(&T) -> &BlobId + Sync,
    ) -> Result<(Vec<T>, Locked<T>)> {
        if self.repository.blob_configuration().retention.is_none() {
            return Ok((blobs, Vec::new()));
        }
        let ends = lock_ends(self.repository, &blobs, &self.options.cancel, &id_of)?;
        let now = self.repository.clock().now();
        let (mut free, mut locked) = (Vec::new(), Vec::new());
        for (blob, end) in blobs.into_iter().zip(ends) {
            match end.filter(|end| *end > now) {
                Some(end) => locked.push((blob, end)),
                None => free.push(blob),
            }
        }
        Ok((free, locked))
    }

    /// Notes that blobs wait for the ends of their locks.
    pub(super) fn wait_for_locks(&mut self, locked: &[(BlobInfo, Timestamp)]) {
        for (blob, end) in locked {
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

#[cfg(test)]
mod tests {
    use holdfast_storage::RetentionMode;

    use super::*;

    const DAY: i64 = 24 * 3600;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + day * DAY).unwrap()
    }

    fn setting(mode: RetentionMode, days: u64) -> RetentionSetting {
        RetentionSetting {
            mode,
            period: Duration::from_secs(days * DAY as u64),
        }
    }

    fn run(at: i64, success: bool, data: serde_json::Value) -> TaskRun {
        TaskRun {
            start: day(at),
            end: day(at),
            success,
            error: String::new(),
            extra: vec![statistics(KIND, data)],
        }
    }

    #[test]
    fn locks_are_extended_when_the_last_extension_does_not_reach_beyond_the_next_run() {
        let governed = setting(RetentionMode::Governance, 30);
        let ours = || json!({"retentionPeriod": "720h0m0s", "retentionMode": "GOVERNANCE"});
        let theirs = || json!({"retentionPeriod": "720h0m0s"});
        let holds = |at: i64| Plan::Enough(earlier(day(at + 30), MAX_CLOCK_SKEW));
        // Runs are daily, and locks have to last a day beyond the next one.
        let at = |now: i64, runs: &[TaskRun]| plan(runs, &governed, day(now), day(now + 2));
        assert_eq!(at(0, &[]), Plan::Extend);
        for record in [ours(), theirs()] {
            assert_eq!(at(1, &[run(0, true, record.clone())]), holds(0));
            assert_eq!(at(27, &[run(0, true, record.clone())]), holds(0));
            assert_eq!(at(28, &[run(0, true, record.clone())]), Plan::Extend);
            // A failed one extended nothing that could be relied on.
            let runs = [run(20, false, record.clone()), run(0, true, record)];
            assert_eq!(at(21, &runs), holds(0));
            assert_eq!(at(28, &runs), Plan::Extend);
        }
        // A record from the future says nothing.
        assert_eq!(at(1, &[run(40, true, ours())]), Plan::Extend);
        for other in [
            json!({"retentionPeriod": "48h0m0s", "retentionMode": "GOVERNANCE"}),
            json!({"retentionPeriod": "720h0m0s", "retentionMode": "COMPLIANCE"}),
            json!({}),
        ] {
            assert_eq!(at(1, &[run(0, true, other)]), Plan::Extend);
        }
        // With the shortest period every run extends.
        let short = setting(RetentionMode::Governance, 2);
        let record = json!({"retentionPeriod": "48h0m0s"});
        assert_eq!(
            plan(&[run(0, true, record)], &short, day(1), day(3)),
            Plan::Extend
        );
    }

    #[test]
    fn a_period_has_to_outlast_the_interval_by_a_day() {
        let parameters = |hours: i64, extend| MaintenanceParameters {
            full: super::super::MaintenanceCycle {
                enabled: true,
                interval: hours * 3_600_000_000_000,
            },
            extend_object_locks: extend,
            ..MaintenanceParameters::default()
        };
        let locked = BlobConfiguration {
            retention: Some(setting(RetentionMode::Compliance, 2)),
        };
        assert!(parameters(24, true).check_locks(&locked).is_ok());
        assert!(parameters(25, true).check_locks(&locked).is_err());
        assert!(parameters(25, false).check_locks(&locked).is_ok());
        let none = BlobConfiguration::default();
        assert!(parameters(1000, true).check_locks(&none).is_ok());
    }
}
