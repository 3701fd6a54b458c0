//! The frame of a run: who may run it, the lock, the clocks, the order of the tasks, and the record of each.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use holdfast_host::Cancel;
use holdfast_host::fs::FileLock;
use holdfast_storage::{BlobId, BlobStore};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;

use super::due::{self, Mode};
use super::lock::lock;
use super::locks::extend_on_damage;
use super::mark::Needed;
use super::report::{RunReport, TaskReport, nothing, statistics};
use super::schedule::{Schedule, Task, TaskRun, TaskStatistics};
use super::{MaintenanceParameters, Safety, SafetyParameters, logs};
use crate::blob_names::{self, LOG, MAINTENANCE};
use crate::legacy::LegacyCompaction;
use crate::repository::{KeyOf, OpenOptions, Repository, find_format};
use crate::{Error, Result};

/// How to run maintenance.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Which kind of run; nothing for the one that is due.
    pub mode: Option<Mode>,
    /// Which margins are kept. [`Safety::None`] only when no other client uses the repository.
    pub safety: Safety,
    /// Also when maintenance belongs to another client.
    pub force: bool,
    /// Changes nothing and says what would be done.
    pub dry_run: bool,
    /// A directory of this user for the lock that keeps two runs of one machine apart.
    pub lock_directory: PathBuf,
    /// Stops the run between two steps.
    pub cancel: Cancel,
}

/// A run under way.
pub(super) struct Run<'r> {
    pub(super) repository: &'r Arc<Repository>,
    pub(super) options: &'r RunOptions,
    pub(super) parameters: MaintenanceParameters,
    pub(super) schedule: Schedule,
    /// When it began, by the clock of the storage.
    pub(super) start: Timestamp,
    pub(super) report: RunReport,
    /// What the snapshots need, once that is known.
    pub(super) needed: Option<Needed>,
    /// Tombstones up to this time, in unix seconds, make contents vanish; also in a dry run that only would say so.
    pub(super) watermark: u64,
    /// Packs whose kept contents were moved, with the bytes of those.
    pub(super) emptied: HashMap<BlobId, u64>,
    /// Why nothing may be freed; nothing when it may.
    held: Option<String>,
    /// Keeps other runs of this machine away as long as this one lasts.
    _lock: FileLock,
}

/// Runs maintenance. Nothing when none is due.
///
/// # Errors
/// [`Error::NotMaintenanceOwner`], [`Error::MaintenanceRunning`], [`Error::ClockSkew`]; what a task failed with, after it
/// was recorded; those of the store. Whatever the error, the repository is whole, and the next run goes on.
pub fn run(repository: &Arc<Repository>, options: &RunOptions) -> Result<Option<RunReport>> {
    // What fails later extends locks for itself.
    let run = match begin(repository, options) {
        Err(error) => {
            keep_locks(&error, repository, options);
            return Err(error);
        }
        Ok(None) => return Ok(None),
        Ok(Some(run)) => run,
    };
    run.carry_out().map(Some)
}

/// Opens the repository in `store` and runs maintenance. Where it is too damaged to be opened, object locks that are due
/// are extended all the same.
///
/// # Errors
/// As [`Repository::open`] and [`run`].
pub fn open_and_run(
    store: Arc<dyn BlobStore>,
    password: &SecretString,
    open: &OpenOptions,
    options: &RunOptions,
) -> Result<Option<RunReport>> {
    let error = match Repository::open(Arc::clone(&store), password, open) {
        Ok(repository) => return run(&repository, options),
        Err(error) => error,
    };
    if error.is_damage_of_repository() {
        let key_of: KeyOf<'_> = &|blob| blob.derive_key(password);
        let found = find_format(store.as_ref(), key_of, open.clock.now());
        match found.and_then(|found| Repository::open_damaged(store, found, open)) {
            Ok(repository) => keep_locks(&error, &Arc::new(repository), options),
            Err(unreadable) => {
                tracing::warn!(%unreadable, "object locks could not be extended either");
            }
        }
    }
    Err(error)
}

/// Extends locks where damage keeps maintenance from running.
fn keep_locks(error: &Error, repository: &Arc<Repository>, options: &RunOptions) {
    if !error.is_damage_of_repository() {
        return;
    }
    if let Err(error) = extend_on_damage(repository, options) {
        tracing::warn!(%error, "object locks could not be extended either");
    }
}

fn begin<'r>(repository: &'r Arc<Repository>, options: &'r RunOptions) -> Result<Option<Run<'r>>> {
    repository.refresh()?;
    let parameters = parameters(repository, options)?;
    let (mut schedule, damaged_record) = readable_schedule(repository)?;
    let now = repository.clock().now();
    let Some(mode) = options
        .mode
        .or_else(|| due::due(&parameters, &schedule, now))
    else {
        return Ok(None);
    };
    let lock = lock(repository, &options.lock_directory)?;
    let mut start = now;
    due::set_next(&mut schedule, &parameters, mode, now);
    if !options.dry_run {
        repository.put_maintenance_schedule(&schedule)?;
        start = storage_time(repository)?;
    }
    repository.refresh()?;
    Ok(Some(Run {
        repository,
        options,
        parameters,
        schedule,
        start,
        report: RunReport {
            mode,
            dry_run: options.dry_run,
            safety: options.safety,
            start,
            tasks: Vec::new(),
            freed_blobs: 0,
            freed_bytes: 0,
            later: Vec::new(),
            problems: damaged_record.into_iter().collect(),
        },
        needed: None,
        watermark: 0,
        emptied: HashMap::new(),
        held: held(repository)?,
        _lock: lock,
    }))
}

/// The record of maintenance. One that is damaged, also when it is read a second time, counts as that of a repository that was
/// never maintained: every rule waits for what it does not know, and object locks are all extended. In words what was wrong.
///
/// # Errors
/// Those of the store.
pub(super) fn readable_schedule(repository: &Repository) -> Result<(Schedule, Option<String>)> {
    let read = || repository.maintenance_schedule();
    match read().or_else(|_| read()) {
        Ok(schedule) => Ok((schedule, None)),
        Err(error) if error.proves_loss() => {
            let problem = format!("{error}; the record of maintenance begins anew");
            Ok((Schedule::default(), Some(problem)))
        }
        Err(error) => Err(error),
    }
}

/// The parameters, if this client may run maintenance.
fn parameters(repository: &Repository, options: &RunOptions) -> Result<MaintenanceParameters> {
    let parameters = MaintenanceParameters::find(&repository.manifests()?)?.unwrap_or_default();
    let identity = repository.identity();
    // Looking harms nobody, so a dry run is free to all.
    if parameters.owner == identity || options.force || options.dry_run {
        return Ok(parameters);
    }
    Err(Error::NotMaintenanceOwner {
        owner: match parameters.owner.as_str() {
            "" => "nobody".to_owned(),
            owner => owner.to_owned(),
        },
        identity,
    })
}

/// Why nothing may be freed: snapshots may exist that are in no list, and what they need looks like garbage.
fn held(repository: &Repository) -> Result<Option<String>> {
    let count = repository.manifests()?.set_aside()?;
    Ok((count > 0).then(|| {
        format!(
            "{count} manifest containers were set aside by repair, and what the snapshots in them need is unknown; put \
             their packs back and run `repo repair --apply`, or give them up with `--lost-manifests give-up`"
        )
    }))
}

/// What the clock of the storage said when the schedule was stored a moment ago.
fn storage_time(repository: &Repository) -> Result<Timestamp> {
    let id = blob_names::blob_id(MAINTENANCE.to_owned())?;
    let storage = repository.store().stat(&id)?.modified;
    let local = repository.clock().now();
    if due::clocks_agree(local, storage) {
        Ok(storage)
    } else {
        Err(Error::ClockSkew { local, storage })
    }
}

/// An error once the work was cancelled.
pub(super) fn go_on(repository: &Repository, cancel: &Cancel) -> Result<()> {
    match cancel.is_cancelled() {
        true => Err(holdfast_storage::Error::cancelled("maintain", repository.location()).into()),
        false => Ok(()),
    }
}

impl Run<'_> {
    fn carry_out(mut self) -> Result<RunReport> {
        match self.report.mode {
            Mode::Quick => self.quick()?,
            Mode::Full => self.full()?,
        }
        self.report.later.sort_by_key(|freed| freed.from);
        Ok(self.report)
    }

    pub(super) fn dry_run(&self) -> bool {
        self.options.dry_run
    }

    fn has_epochs(&self) -> bool {
        self.repository.format().epoch_parameters.enabled
    }

    fn quick(&mut self) -> Result<()> {
        if !self.has_epochs() {
            return self.quick_outside_epochs();
        }
        self.task(Task::CompactSingleEpoch, Self::compact_single_epoch)?;
        self.task(Task::AdvanceEpoch, Self::advance_epoch)
    }

    /// Keeps packs of metadata and index blobs few, as there are no epochs that would.
    fn quick_outside_epochs(&mut self) -> Result<()> {
        self.rewrite(Task::QuickRewriteContents, Mode::Quick)?;
        match self.deletion_is_due() {
            Ok(()) if due::last_rewrite_was_full(&self.schedule) => {
                self.task(Task::FullDeleteBlobs, |run| run.delete_orphans(Mode::Full))?;
            }
            Ok(()) => self.task(Task::QuickDeleteBlobs, |run| {
                run.delete_orphans(Mode::Quick)
            })?,
            Err(reason) => self.skip(Task::QuickDeleteBlobs, reason),
        }
        self.task(Task::IndexCompaction, |run| {
            run.compact_legacy(None)?;
            Ok(nothing("compactIndexesStats"))
        })?;
        self.task(Task::CleanupLogs, Self::cleanup_logs)
    }

    fn rewrite(&mut self, task: Task, mode: Mode) -> Result<()> {
        match self.rewrite_is_due(mode)? {
            Ok((packs, short)) => self.task(task, |run| run.rewrite_contents(&packs, &short))?,
            Err(reason) => self.skip(task, reason),
        }
        Ok(())
    }

    /// Locks are extended whatever else fails: what is damaged must not cost the protection of what is whole.
    fn full(&mut self) -> Result<()> {
        let done = self.full_tasks();
        let extended = self.extend_locks();
        if let (Err(_), Err(error)) = (&done, &extended) {
            tracing::warn!(%error, "object locks could not be extended either");
        }
        done.and(extended)
    }

    fn full_tasks(&mut self) -> Result<()> {
        match self.held.clone() {
            None => self.task(Task::SnapshotGc, Self::snapshot_gc)?,
            Some(reason) => {
                self.problem(format!("nothing is freed: {reason}"));
                self.skip(Task::SnapshotGc, reason);
            }
        }
        self.repository.refresh()?;
        self.rewrite(Task::FullRewriteContents, Mode::Full)?;
        match (self.held.clone(), self.drop_limit()) {
            (Some(reason), _) => self.skip(Task::FullDropDeletedContent, reason),
            (None, Some(limit)) => {
                self.task(Task::FullDropDeletedContent, |run| run.drop_deleted(limit))?
            }
            (None, None) => self.skip(
                Task::FullDropDeletedContent,
                "two garbage collections, far enough apart, are needed first".to_owned(),
            ),
        }
        match self.deletion_is_due() {
            Ok(()) => self.task(Task::FullDeleteBlobs, |run| run.delete_orphans(Mode::Full))?,
            Err(reason) => self.skip(Task::FullDeleteBlobs, reason),
        }
        self.forecast()?;
        self.needed = None;
        if !self.has_epochs() {
            return self.task(Task::CleanupLogs, Self::cleanup_logs);
        }
        self.task(Task::CompactSingleEpoch, Self::compact_single_epoch)?;
        self.task(Task::AdvanceEpoch, Self::advance_epoch)?;
        self.task(Task::GenerateEpochRangeIndex, Self::compact_range)?;
        self.task(Task::CleanupEpochMarkers, Self::cleanup_markers)?;
        self.task(Task::DeleteSupersededEpochIndexes, Self::delete_superseded)?;
        self.task(Task::CleanupLogs, Self::cleanup_logs)
    }

    /// Carries a task out and records it, also when it failed.
    pub(super) fn task(
        &mut self,
        task: Task,
        work: impl FnOnce(&mut Self) -> Result<TaskStatistics>,
    ) -> Result<()> {
        self.go_on()?;
        let start = self.repository.clock().now();
        let result = work(self);
        let run = TaskRun::ended(start, self.repository.clock().now(), &result);
        self.schedule.record(task, run);
        // Later runs decide by this record, so a run must not go on without it.
        let recorded = match self.dry_run() {
            true => Ok(()),
            false => self.repository.put_maintenance_schedule(&self.schedule),
        };
        let statistics = result?;
        recorded?;
        self.report.tasks.push(TaskReport {
            task,
            skipped: None,
            statistics: Some(statistics),
        });
        Ok(())
    }

    pub(super) fn skip(&mut self, task: Task, reason: String) {
        self.report.tasks.push(TaskReport {
            task,
            skipped: Some(reason),
            statistics: None,
        });
    }

    /// Why nothing may be freed; nothing when it may.
    pub(super) fn held(&self) -> Option<&str> {
        self.held.as_deref()
    }

    /// Something that is damaged and does not stop the run.
    pub(super) fn problem(&mut self, problem: String) {
        tracing::warn!(%problem, "maintenance goes on without it");
        self.report.problems.push(problem);
    }

    pub(super) fn safety(&self) -> SafetyParameters {
        self.options.safety.parameters()
    }

    fn collections(&self) -> &[TaskRun] {
        self.schedule.runs_of(Task::SnapshotGc)
    }

    fn drop_limit(&self) -> Option<Timestamp> {
        let now = self.repository.clock().now();
        due::drop_before(self.collections(), &self.safety(), now)
    }

    /// Makes contents vanish that were deleted before `limit`.
    fn drop_deleted(&mut self, limit: Timestamp) -> Result<TaskStatistics> {
        self.watermark = u64::try_from(limit.as_second()).unwrap_or(0);
        if self.has_epochs() {
            self.raise_watermark(self.watermark)?;
        } else {
            self.compact_legacy(Some(self.watermark))?;
        }
        self.repository.refresh()?;
        Ok(statistics(
            "compactIndexesStats",
            json!({ "droppedContentsDeletedBefore": limit }),
        ))
    }

    /// Merges index blobs outside epochs; drops contents deleted before a time, in unix seconds.
    fn compact_legacy(&self, dropping: Option<u64>) -> Result<()> {
        if self.dry_run() {
            return Ok(());
        }
        self.repository.compact_legacy_indexes(&LegacyCompaction {
            dropping,
            settle_time: self.safety().rewrite_to_delete_delay,
        })?;
        Ok(())
    }

    /// The first full run at or after a time.
    pub(super) fn full_run_from(&self, time: Timestamp) -> Timestamp {
        due::run_from(
            self.schedule.next_full_maintenance,
            self.parameters.full.interval,
            time,
        )
    }

    /// The first full run that can drop a content deleted at this time, in unix seconds.
    pub(super) fn drop_run(&self, deleted_at: u64) -> Timestamp {
        let next = self.schedule.next_full_maintenance;
        due::drop_run(
            self.collections(),
            next,
            self.parameters.full.interval,
            deleted_at,
            &self.safety(),
        )
    }

    /// An error once the run was cancelled.
    pub(super) fn go_on(&self) -> Result<()> {
        go_on(self.repository, &self.options.cancel)
    }

    /// Deletes old diagnostic logs.
    fn cleanup_logs(&mut self) -> Result<TaskStatistics> {
        let all = self.repository.store().list_all(LOG)?;
        let (stay, go) = logs::plan(all, self.parameters.log_retention, self.start);
        let ids: Vec<BlobId> = go.iter().map(|log| log.id.clone()).collect();
        self.delete(&ids)?;
        let bytes = |logs: &[_]| {
            logs.iter()
                .map(|log: &holdfast_storage::BlobInfo| log.length)
                .sum::<u64>()
        };
        Ok(statistics(
            "cleanupLogsStats",
            json!({
                "toDeleteBlobCount": go.len(),
                "toDeleteBlobSize": bytes(&go),
                "deletedBlobCount": if self.dry_run() { 0 } else { go.len() },
                "deletedBlobSize": if self.dry_run() { 0 } else { bytes(&go) },
                "retainedBlobCount": stay.len(),
                "retainedBlobSize": bytes(&stay),
            }),
        ))
    }
}
