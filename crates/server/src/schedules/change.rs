//! What becomes of starts that are under way when somebody changes a job.

use holdfast_planning::occurrences::{Occurrence, Timetable};
use holdfast_protocol::agent::failures;

use super::{document::timetable_of, instant, scheduler};
use crate::{
    app::App,
    db::{
        self, JobRow, Scope, Txn,
        occurrences::{self, NewOccurrence, reasons},
    },
    live::Change,
    problem::ApiResult,
    runs::start::end_early,
};

/// Takes a change of a job's schedule, or of its being enabled, over to what the schedule before has begun. The caller
/// commits and wakes the agent.
///
/// A start that was due already and waited for its share of the spread, or for the end of a window, takes place: its run is
/// queued at once and keeps to the new windows. A job that does not start by itself any more starts nothing: such a start is
/// left out, and a run that a schedule has queued is withdrawn.
pub(crate) async fn carry_over(
    app: &App,
    txn: &Txn,
    before: &JobRow,
    after: &JobRow,
) -> ApiResult<Vec<Change>> {
    let scope = Scope::tenant(after.tenant_id);
    let now = app.clock.now().as_millisecond();
    let tenant = db::tenants::get(txn, scope).await?;
    let timetable = timetable_of(after, &tenant)?.filter(|_| after.enabled);
    let mut changes = Vec::new();
    let waiting = before
        .next_due_at
        .filter(|due| before.enabled && *due <= now);
    if let Some(due) = waiting
        && !occurrences::exists(txn, after.id, due).await?
    {
        let (entry, more) = match &timetable {
            Some(timetable) => begin(app, txn, after, timetable, due, now).await?,
            None => (withdrawn(before, due), Vec::new()),
        };
        occurrences::insert(txn, scope, after.id, vec![entry]).await?;
        changes.extend(more);
    }
    if timetable.is_none()
        && let Some(run) = db::runs::queued_of_job(txn, scope, after.id).await?
        && run.trigger_kind == "schedule"
    {
        let code = failures::SCHEDULE_WITHDRAWN;
        changes.extend(end_early(app, txn, scope, run.id, code).await?);
        let reason = Some(reasons::WITHDRAWN);
        occurrences::leave_queue(txn, run.id, occurrences::SKIPPED, reason).await?;
    }
    Ok(changes)
}

async fn begin(
    app: &App,
    txn: &Txn,
    job: &JobRow,
    timetable: &Timetable,
    due: i64,
    now: i64,
) -> ApiResult<(NewOccurrence, Vec<Change>)> {
    let occurrence = Occurrence {
        due: instant(due),
        start: instant(now),
    };
    scheduler::start(app, txn, job, timetable, occurrence, now).await
}

fn withdrawn(job: &JobRow, due: i64) -> NewOccurrence {
    let start = job.next_start_at.unwrap_or(due);
    NewOccurrence {
        due_at: due,
        start_at: start,
        deadline_at: start,
        state: occurrences::SKIPPED,
        reason: Some(reasons::WITHDRAWN),
        run_id: None,
    }
}
