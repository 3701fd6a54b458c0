//! The task that starts runs by schedule, and what it does with those that were not started, or must end.

use std::time::Duration;

use futures::{StreamExt, stream};
use holdfast_planning::occurrences::{Fate, Occurrence, START_GRACE, Settled, Step, Timetable};
use holdfast_protocol::{
    agent::{events as message_ids, failures},
    errors::ErrorCode,
};
use jiff::Timestamp;
use serde_json::Map;

use super::{agreement::Agreement, document::timetable_of, gate::held_until, instant};
use crate::{
    app::App,
    commands::executor::is_online,
    db::{
        self, JobRow, OccurrenceRow, RunRow, Scope, Txn,
        jobs::Next,
        occurrences::{self, NewOccurrence, reasons},
    },
    live::{Change, What},
    problem::{ApiError, ApiResult},
    runs::{
        events,
        start::{Started, end_early, start_job},
    },
    tasks::OCCURRENCES_KEPT_MS,
};

/// Between two looks at the clock: no start is later than this.
pub(crate) const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// Between two times at which everything is reckoned anew. So long the clock must have gone steadily: one that is wrong for
/// a moment, such as before it is set after a start without a battery, undoes nothing.
const REPLAN_PAUSE: Duration = Duration::from_secs(600);

/// Occurrences that are due later than so much from now, in milliseconds, were settled by a clock that was wrong. What was
/// started by a clock that was ahead by less is not started again.
pub(crate) const HORIZON_MS: i64 = 3_600_000;

/// Jobs that are settled at once. They take turns at writing, and those that wait for their turn share a commit.
const AT_ONCE: usize = 16;

/// What the task knows from its last look.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    /// Since when the clock has gone steadily, and nothing was reckoned anew.
    agreement: Agreement,
}

impl Follower {
    /// One look. Each time that the clock has gone steadily for a while, everything is reckoned anew.
    pub(crate) async fn look(&mut self, app: &App) -> ApiResult<()> {
        let (wall, steady) = (app.clock.now(), app.clock.monotonic());
        if self.agreement.see(wall, steady) >= REPLAN_PAUSE {
            replan(app, wall, self.agreement.set_at()).await?;
            self.agreement.renew(wall, steady);
        }
        look(app).await
    }
}

/// Looks at the clock: starts what is due, marks what was missed, ends what must end. What fails is logged and comes again;
/// one bad job does not keep the others from their turn.
async fn look(app: &App) -> ApiResult<()> {
    let now = app.clock.now().as_millisecond();
    let due = db::jobs::scheduled(app.db.reader(), now).await?;
    stream::iter(due)
        .for_each_concurrent(AT_ONCE, |job| async move {
            if let Err(error) = settle(app, &job, now).await {
                log(
                    &error,
                    "the schedule of a job could not be followed",
                    job.uuid,
                );
            }
        })
        .await;
    for occurrence in occurrences::overdue(app.db.reader(), now).await? {
        if let Err(error) = miss(app, &occurrence, now).await {
            log(&error, "a missed start could not be marked", occurrence.id);
        }
    }
    for run in db::runs::past_stop(app.db.reader(), now).await? {
        if let Err(error) = stop(app, &run).await {
            log(
                &error,
                "a run could not be stopped at the end of its window",
                run.uuid,
            );
        }
    }
    Ok(())
}

fn log(error: &ApiError, what: &str, which: impl std::fmt::Display) {
    tracing::error!(object = %which, code = error.code().code(), "{what}; it is tried again: {}", error.cause());
}

/// Reckons anew when jobs are due that have some time left: the clock may have been set, and the rules of time zones may be
/// newer than what is written down. Of what a clock that was far ahead has settled nothing is left. What turns out to be
/// planned wrongly is planned from `set_at` on, when the clock was set: what has become due since is not lost.
async fn replan(app: &App, now: Timestamp, set_at: Option<Timestamp>) -> ApiResult<()> {
    let voided = now.as_millisecond().saturating_add(HORIZON_MS);
    occurrences::void(app.db.writer(), voided).await?;
    for job in db::jobs::scheduled(app.db.reader(), i64::MAX).await? {
        if job
            .next_due_at
            .is_none_or(|due| due <= now.as_millisecond())
        {
            continue;
        }
        let tenant = db::tenants::get(app.db.reader(), Scope::tenant(job.tenant_id)).await?;
        let timetable = match timetable_of(&job, &tenant) {
            Ok(timetable) => timetable,
            Err(error) => {
                log(&error, "the schedule of a job cannot be read", job.uuid);
                continue;
            }
        };
        let after = |from| Some(next(timetable.as_ref()?.next(from)?));
        let planned = job.next_due_at.zip(job.next_start_at);
        if after(now).map(|next| (next.due_at, next.start_at)) != planned {
            let next = after(set_at.unwrap_or(now));
            db::jobs::set_next_of(app.db.writer(), &job, next).await?;
        }
    }
    Ok(())
}

fn next(occurrence: Occurrence) -> Next {
    Next {
        due_at: occurrence.due.as_millisecond(),
        start_at: occurrence.start.as_millisecond(),
    }
}

/// From when on occurrences of a job are of interest: before that there was no job, or nobody would see them.
fn since(job: &JobRow, now: i64) -> i64 {
    let oldest = now.saturating_sub(OCCURRENCES_KEPT_MS);
    // A job that is not made yet was made by a clock that was wrong.
    let made = Some(job.created_at).filter(|made| *made <= now);
    made.map_or(oldest, |made| made.max(oldest))
}

/// Settles what has come of one job's schedule, in one transaction. What comes of it is reckoned before that, because it may
/// take a while after a long absence.
async fn settle(app: &App, seen: &JobRow, now: i64) -> ApiResult<()> {
    let scope = Scope::tenant(seen.tenant_id);
    let tenant = db::tenants::get(app.db.reader(), scope).await?;
    let plan = match (timetable_of(seen, &tenant)?, seen.next_due_at) {
        (Some(timetable), Some(due)) => {
            let since = instant(since(seen, now));
            let step = timetable.settle(instant(due), since, instant(now));
            Some((timetable, step))
        }
        _ => None,
    };
    let txn = app.db.begin().await?;
    // It may have been changed, or settled, since it was looked at.
    let basis = |job: &JobRow| (job.version, job.next_due_at, job.next_start_at);
    let job = match db::jobs::by_id(&txn, scope, seen.id).await? {
        Some(job) if job.enabled && basis(&job) == basis(seen) => job,
        _ => return Ok(()),
    };
    let Some((
        timetable,
        Step {
            settled,
            next: later,
        },
    )) = plan
    else {
        db::jobs::set_next(&txn, job.id, None).await?;
        return Ok(txn.commit().await?);
    };
    let mut changes = Vec::new();
    let mut new = Vec::new();
    let mut rung = None;
    for settled in settled {
        let (occurrence, more) = match settled.fate {
            Fate::Start => {
                let is_known =
                    occurrences::exists(&txn, job.id, settled.occurrence.due.as_millisecond());
                if is_known.await? {
                    continue;
                }
                rung = Some(job.agent_id);
                start(app, &txn, &job, &timetable, settled.occurrence, now).await?
            }
            Fate::Missed => (
                entry(&timetable, settled, occurrences::MISSED, None),
                vec![],
            ),
            Fate::Skipped => {
                let reason = Some(reasons::SUPERSEDED);
                (
                    entry(&timetable, settled, occurrences::SKIPPED, reason),
                    vec![],
                )
            }
        };
        new.push(occurrence);
        changes.extend(more);
    }
    occurrences::insert(&txn, scope, job.id, new).await?;
    db::jobs::set_next(&txn, job.id, later.map(next)).await?;
    txn.commit().await?;
    app.tell_all(changes);
    app.tell(job.tenant_id, What::Job { uuid: job.uuid });
    if let Some(agent) = rung {
        app.wake.ring(agent);
    }
    Ok(())
}

fn entry(
    timetable: &Timetable,
    settled: Settled,
    state: &'static str,
    reason: Option<&'static str>,
) -> NewOccurrence {
    let Settled { occurrence, .. } = settled;
    NewOccurrence {
        due_at: occurrence.due.as_millisecond(),
        start_at: occurrence.start.as_millisecond(),
        deadline_at: timetable.deadline(occurrence).as_millisecond(),
        state,
        reason,
        run_id: None,
    }
}

/// Starts a job for an occurrence: the run that waits already is joined, one that is at work lets it pass.
pub(super) async fn start(
    app: &App,
    txn: &Txn,
    job: &JobRow,
    timetable: &Timetable,
    occurrence: Occurrence,
    now: i64,
) -> ApiResult<(NewOccurrence, Vec<Change>)> {
    let scope = Scope::tenant(job.tenant_id);
    let settled = Settled {
        occurrence,
        fate: Fate::Start,
    };
    let skipped = |reason| entry(timetable, settled, occurrences::SKIPPED, Some(reason));
    let agents = db::agents::by_ids(txn, scope, [job.agent_id]).await?;
    let agent = agents.first().ok_or(ErrorCode::NotFound)?;
    if agent.disabled {
        return Ok((skipped(reasons::AGENT_DISABLED), Vec::new()));
    }
    if let Some(run) = db::runs::at_work_of_job(txn, scope, job.id).await? {
        let changes = note_skipped(app, txn, run, timetable, occurrence).await?;
        return Ok((skipped(reasons::STILL_RUNNING), changes));
    }
    let vault = db::vaults::by_id(txn, scope, job.vault_id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let stop_at = timetable.stop(occurrence).map(|stop| stop.as_millisecond());
    let (started, changes) = start_job(app, txn, job, agent, &vault, "schedule").await?;
    let mut run = match started {
        Started::New(run) | Started::Joined(run) => run,
    };
    if run.trigger_kind == "schedule" && run.stop_at != stop_at {
        run.stop_at = stop_at;
        run = db::runs::save(txn, run).await?;
    }
    // Whatever kept the server from starting it in time, the machine has the whole grace to take it.
    let mut new = entry(timetable, settled, occurrences::DUE, None);
    new.deadline_at = new.deadline_at.max(now + grace());
    new.run_id = Some(run.id);
    Ok((new, changes))
}

/// Tells in the events of a run at work that an occurrence passed because of it.
async fn note_skipped(
    app: &App,
    txn: &Txn,
    mut run: RunRow,
    timetable: &Timetable,
    occurrence: Occurrence,
) -> ApiResult<Vec<Change>> {
    let now = crate::app::now();
    let due = occurrence.due.to_zoned(timetable.zone.clone());
    let mut params = Map::new();
    let due = due.strftime("%Y-%m-%d %H:%M").to_string();
    params.insert("due".to_owned(), due.into());
    let event = events::Incoming::of_server(message_ids::SCHEDULE_SKIPPED, params, now);
    let attempt = run.attempt;
    let changes = events::append(txn, app, &mut run, attempt, vec![event]).await?;
    db::runs::save(txn, run).await?;
    Ok(changes)
}

/// Marks an occurrence whose run nobody took in time. The run is withdrawn when its job makes up for nothing. One whose
/// machine is there and has other work waits for its turn instead.
async fn miss(app: &App, seen: &OccurrenceRow, now: i64) -> ApiResult<()> {
    let scope = Scope::tenant(seen.tenant_id);
    let txn = app.db.begin().await?;
    let Some(job) = db::jobs::by_id(&txn, scope, seen.job_id).await? else {
        return Ok(());
    };
    let run = match seen.run_id {
        Some(run) => db::runs::lock(&txn, scope, run).await?,
        None => None,
    };
    if let Some(run) = &run
        && has_its_turn_to_come(app, &txn, run, &job).await?
    {
        occurrences::put_off(&txn, seen.id, now + grace()).await?;
        return Ok(txn.commit().await?);
    }
    if !occurrences::miss(&txn, seen.id).await? {
        return Ok(());
    }
    let mut changes = Vec::new();
    let tenant = db::tenants::get(&txn, scope).await?;
    let catches_up = timetable_of(&job, &tenant)?.is_none_or(|timetable| timetable.catch_up);
    if let Some(run) = run.filter(|_| !catches_up)
        && run.trigger_kind == "schedule"
        && !occurrences::is_awaited(&txn, run.id).await?
    {
        changes = end_early(app, &txn, scope, run.id, failures::SCHEDULE_MISSED).await?;
    }
    txn.commit().await?;
    tracing::warn!(job = %job.uuid, due = %instant(seen.due_at), "a run was due and its machine did not take it");
    app.tell_all(changes);
    app.tell(job.tenant_id, What::Job { uuid: job.uuid });
    Ok(())
}

/// Whether a queued run waits for something else than its machine: that is there and works on another run, or the run is
/// held back by a window, or by a vault that is not ready.
async fn has_its_turn_to_come(
    app: &App,
    conn: &Txn,
    run: &RunRow,
    job: &JobRow,
) -> ApiResult<bool> {
    let scope = Scope::tenant(job.tenant_id);
    let agents = db::agents::by_ids(conn, scope, [job.agent_id]).await?;
    if !agents
        .first()
        .is_some_and(|agent| is_online(agent, crate::app::now()))
    {
        return Ok(false);
    }
    if db::runs::is_at_work(conn, job.agent_id).await? {
        return Ok(true);
    }
    let tenant = db::tenants::get(conn, scope).await?;
    if held_until(app, run, job, &tenant)?.is_some() {
        return Ok(true);
    }
    let vault = db::vaults::by_id(conn, scope, run.vault_id).await?;
    Ok(vault.is_some_and(|vault| vault.state != "ready"))
}

/// How long a machine may take, in milliseconds.
fn grace() -> i64 {
    i64::try_from(START_GRACE.as_millis()).unwrap_or(i64::MAX)
}

/// Ends a run whose window is over.
async fn stop(app: &App, seen: &RunRow) -> ApiResult<()> {
    let scope = Scope::tenant(seen.tenant_id);
    let txn = app.db.begin().await?;
    let changes = end_early(app, &txn, scope, seen.id, failures::WINDOW_ENDED).await?;
    occurrences::leave_queue(&txn, seen.id, occurrences::MISSED, None).await?;
    txn.commit().await?;
    app.tell_all(changes);
    if let Some(agent) = seen.agent_id {
        app.wake.ring(agent);
    }
    Ok(())
}
