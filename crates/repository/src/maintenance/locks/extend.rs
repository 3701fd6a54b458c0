//! Extending locks.

use std::sync::Arc;

use holdfast_storage::{BlobInfo, Retention};
use jiff::Timestamp;
use serde_json::json;

use super::super::due::{Mode, later};
use super::super::lock::lock;
use super::super::report::statistics;
use super::super::run::{Run, RunOptions, go_on};
use super::super::schedule::{Schedule, Task, TaskRun, TaskStatistics};
use super::plan::{COMPLETE, Plan, period_text, plan, was_extending};
use super::{KIND, lockable_blobs, needed_blobs};
use crate::Result;
use crate::format::RetentionSetting;
use crate::object_lock::extend_all;
use crate::repository::Repository;

const TASK: Task = Task::ExtendBlobRetentionTime;

impl Run<'_> {
    /// Extends the locks of all that is needed and may end before the next run.
    pub(in super::super) fn extend_locks(&mut self) -> Result<()> {
        if !self.parameters.extend_object_locks {
            return Ok(());
        }
        let Some(setting) = self.repository.blob_configuration().retention else {
            self.skip(TASK, "the repository locks nothing".to_owned());
            return Ok(());
        };
        let plan = plan_now(self.repository, &self.schedule, &setting);
        self.task(TASK, |run| {
            let needed = needed_blobs(run.repository, run.start, &run.safety())?;
            carry_out(run.repository, run.options, &setting, plan, needed)
        })
    }
}

fn plan_now(repository: &Repository, schedule: &Schedule, setting: &RetentionSetting) -> Plan {
    let now = repository.clock().now();
    let next = schedule.next_full_maintenance.max(now);
    plan(schedule.runs_of(TASK), setting, now, next)
}

/// Extends the locks of everything when maintenance cannot run because the repository is damaged, so that damage does not
/// cost the protection of what is whole. Needs the listing of the blobs and the record of maintenance alone: who owns
/// maintenance stands in the index, and whether locks are extended is taken from the record.
///
/// # Errors
/// As [`super::super::run`].
pub(in super::super) fn extend_on_damage(
    repository: &Arc<Repository>,
    options: &RunOptions,
) -> Result<()> {
    let Some(setting) = repository.blob_configuration().retention else {
        return Ok(());
    };
    let mut schedule = repository.maintenance_schedule()?;
    // Which run is due cannot be told without the parameters, and what is young costs few requests.
    if options.dry_run || options.mode == Some(Mode::Quick) || !was_extending(&schedule) {
        return Ok(());
    }
    let held = lock(repository, &options.lock_directory)?;
    let start = repository.clock().now();
    let plan = plan_now(repository, &schedule, &setting);
    let blobs = lockable_blobs(repository, &Default::default())?;
    let done = carry_out(repository, options, &setting, plan, blobs);
    schedule.record(TASK, TaskRun::ended(start, repository.clock().now(), &done));
    repository.put_maintenance_schedule(&schedule)?;
    drop(held);
    done.map(drop)
}

fn carry_out(
    repository: &Repository,
    options: &RunOptions,
    setting: &RetentionSetting,
    plan: Plan,
    mut families: Vec<Vec<BlobInfo>>,
) -> Result<TaskStatistics> {
    if let Plan::Since(time) = plan {
        for family in &mut families {
            family.retain(|blob| blob.modified >= time);
        }
    }
    let extended = match options.dry_run {
        true => 0,
        false => {
            let until: Timestamp = later(repository.clock().now(), setting.period);
            let mode = setting.mode;
            let stop = || go_on(repository, &options.cancel);
            let store = repository.store().as_ref();
            extend_all(store, &families, Retention { mode, until }, &stop)?
        }
    };
    Ok(statistics(
        KIND,
        json!({
            "toExtendBlobCount": families.iter().map(Vec::len).sum::<usize>(),
            "extendedBlobCount": extended,
            "retentionPeriod": period_text(setting.period),
            "retentionMode": setting.mode.name(),
            COMPLETE: plan == Plan::All,
        }),
    ))
}
