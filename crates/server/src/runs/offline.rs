//! Runs that agents started by themselves while this server was away, or out of their reach.

use holdfast_planning::occurrences::Timetable;
use holdfast_protocol::{
    agent::{
        Attempt, OfflineRun, OfflineRunTaken, RunId, RunSettings, events as message_ids,
        offline::LONGEST_SILENCE_SECONDS,
    },
    api::{jobs::JobPolicy, schedules::Schedule},
    errors::ErrorCode,
};
use jiff::Timestamp;
use serde_json::Map;

use super::{
    changed, events,
    start::{policy_snapshot, queued_backup},
    state::{RunInput, RunOutcome, apply},
    state_of, write_state,
};
use crate::{
    app::{App, now},
    db::{
        self, AgentRow, JobRow, RunRow, Scope, Txn,
        occurrences::{self, NewOccurrence},
        runs::NewRun,
    },
    live::{Change, What},
    problem::ApiResult,
    schedules,
};

/// Trigger of such runs in the database.
pub(crate) const OFFLINE: &str = "offline";

/// Runs that began longer ago than this, in milliseconds, began with nothing to go by: a day more than a plan is good for.
const LONGEST_AGO_MS: i64 = (LONGEST_SILENCE_SECONDS + 24 * 3600) * 1000;

/// Longest name and longest list of paths of a run, as generous as what jobs may have.
const LONGEST_NAME: usize = 1000;
const MOST_PATHS: usize = 1000;

/// Takes a run that an agent started by itself as the run of its occurrence. Where the server has queued a run for that, it
/// becomes that run; where it has started one, the agent's is a further run. One whose occurrence cannot be is taken without
/// it: its snapshots are there.
pub(crate) async fn take(
    app: &App,
    agent: &AgentRow,
    told: OfflineRun,
) -> ApiResult<OfflineRunTaken> {
    let now = now();
    let scope = Scope::tenant(agent.tenant_id);
    let txn = app.db.begin().await?;
    if let Some(known) = db::runs::find(&txn, scope, told.run_uuid).await? {
        if known.agent_id != Some(agent.id) {
            return Err(ErrorCode::NotFound.into());
        }
        return again(app, txn, known, &told, now).await;
    }
    let job = db::jobs::find(&txn, scope, told.job_uuid).await?;
    let job = job
        .filter(|job| job.agent_id == agent.id)
        .ok_or(ErrorCode::NotFound)?;
    let tenant = db::tenants::get(&txn, scope).await?;
    // Its schedule may have been taken away meanwhile.
    let timetable = schedules::timetable_of(&job, &tenant)?;
    let due = plausible_due(&job, told.due_at, now);
    let occurrence = match due {
        Some(due) => occurrences::find(&txn, job.id, due).await?,
        None => None,
    };
    let other = match occurrence.as_ref().and_then(|occurrence| occurrence.run_id) {
        Some(run) => db::runs::lock(&txn, scope, run).await?,
        None => None,
    };
    let is_extra = occurrence.is_some_and(|occurrence| occurrence.state == occurrences::STARTED);
    let queued = other.filter(|run| run.status == "queued" && run.trigger_kind == "schedule");
    let mut changes = vec![Change::of(job.tenant_id, What::Job { uuid: job.uuid })];
    let mut run = match (queued, due) {
        (Some(run), Some(due)) => {
            changes.extend(divide(&txn, &job, &run, due, now).await?);
            run
        }
        _ => new_run(&txn, &job, now).await?,
    };
    match &told.settings {
        Some(settings) if is_ours(settings) => write_settings(&mut run, settings)?,
        Some(_) => {
            tracing::warn!(job = %job.uuid, "an agent tells of a run with settings that this server does not give; it is shown with those of its job");
        }
        None => {}
    }
    let stops = timetable.as_ref().filter(|_| due.is_some());
    write_start(&mut run, &told, stops, earliest_start(&job, now), now);
    changes.extend(announce(app, &txn, &mut run, timetable.as_ref(), &told, is_extra).await?);
    let run = db::runs::save(&txn, run).await?;
    if let Some(due) = due.filter(|_| !is_extra) {
        let started = NewOccurrence {
            due_at: due,
            start_at: run.created_at,
            deadline_at: run.created_at,
            state: occurrences::STARTED,
            reason: None,
            run_id: Some(run.id),
        };
        occurrences::adopt(&txn, scope, job.id, started).await?;
    }
    txn.commit().await?;
    tracing::info!(run = %run.uuid, job = %job.uuid, due = %told.due_at, extra = is_extra, "an agent started a run by itself");
    changes.push(changed(&run));
    app.tell_all(changes);
    Ok(identity(&run))
}

fn identity(run: &RunRow) -> OfflineRunTaken {
    OfflineRunTaken {
        run_id: RunId(run.id),
        attempt: Attempt(u32::try_from(run.attempt).unwrap_or(u32::MAX)),
    }
}

/// A run that is known already is told again, because the answer was lost, or by the next process of its agent. One at work
/// gets a new claim: that process numbers what it says from the beginning.
async fn again(
    app: &App,
    txn: Txn,
    mut run: RunRow,
    told: &OfflineRun,
    now: i64,
) -> ApiResult<OfflineRunTaken> {
    app.progress.settle(&mut run);
    if let RunOutcome::Changed(state) = apply(state_of(&run), RunInput::HandBack) {
        write_state(&mut run, state, now);
        run.instance = Some(told.instance);
        run.heartbeat_at = Some(now);
        run = db::runs::save(&txn, run).await?;
        txn.commit().await?;
        app.tell_all([changed(&run)]);
    }
    Ok(identity(&run))
}

async fn new_run(txn: &Txn, job: &JobRow, now: i64) -> ApiResult<RunRow> {
    let scope = Scope::tenant(job.tenant_id);
    let new = queued_backup(job, OFFLINE, policy_snapshot(job)?);
    Ok(db::runs::insert(txn, scope, new, now).await?)
}

/// Divides what has joined a queued run that becomes the run of what was due at `due`: what was due before it is made up for,
/// what was due after it waits for a new run.
async fn divide(
    txn: &Txn,
    job: &JobRow,
    run: &RunRow,
    due: i64,
    now: i64,
) -> ApiResult<Option<Change>> {
    occurrences::supersede(txn, run.id, due).await?;
    if !occurrences::any_later(txn, run.id, due).await? {
        return Ok(None);
    }
    let rest = NewRun {
        stop_at: run.stop_at,
        ..queued_backup(job, &run.trigger_kind, policy_snapshot(job)?)
    };
    let rest = db::runs::insert(txn, Scope::tenant(job.tenant_id), rest, now).await?;
    occurrences::pass_on(txn, run.id, due, rest.id).await?;
    Ok(Some(changed(&rest)))
}

/// Whether settings can be those that this server gave. Agents are not trusted.
fn is_ours(settings: &RunSettings) -> bool {
    let is_bounded = settings.job_name.len() <= LONGEST_NAME && settings.paths.len() <= MOST_PATHS;
    let policy = settings.policy.get("policy").cloned().unwrap_or_default();
    let schedule = settings.policy.get("schedule").cloned().unwrap_or_default();
    is_bounded
        && serde_json::from_value::<JobPolicy>(policy).is_ok()
        && serde_json::from_value::<Schedule>(schedule).is_ok()
}

/// The run with what it was started with, which may have been changed since.
fn write_settings(run: &mut RunRow, settings: &RunSettings) -> ApiResult<()> {
    run.job_name.clone_from(&settings.job_name);
    run.paths = serde_json::to_string(&settings.paths)?;
    run.policy = settings.policy.to_string();
    Ok(())
}

/// When an occurrence was due, in milliseconds since 1970; `None` when there cannot be one: the job was not made yet, or it
/// is not due for long. Clocks of agents may be wrong, and agents are not trusted.
fn plausible_due(job: &JobRow, due: Timestamp, now: i64) -> Option<i64> {
    let latest = now.saturating_add(schedules::HORIZON_MS);
    let millis = due.as_millisecond();
    let is_plausible = (job.created_at..=latest).contains(&millis);
    if !is_plausible {
        tracing::warn!(job = %job.uuid, %due, "an agent tells of a run for a time at which its job cannot have been due; it is taken without an occurrence");
    }
    is_plausible.then_some(millis)
}

/// No run of a job began before this, in milliseconds since 1970; not after `now`.
fn earliest_start(job: &JobRow, now: i64) -> i64 {
    job.created_at
        .max(now.saturating_sub(LONGEST_AGO_MS))
        .min(now)
}

/// The run as its agent has begun it, not before `earliest`.
fn write_start(
    run: &mut RunRow,
    told: &OfflineRun,
    timetable: Option<&Timetable>,
    earliest: i64,
    now: i64,
) {
    // The clock of a machine may be wrong; how long ago something was is told right.
    let ago = |at: Timestamp| {
        let ago = told
            .clock
            .as_millisecond()
            .saturating_sub(at.as_millisecond());
        now.saturating_sub(ago.max(0)).max(earliest)
    };
    let began = ago(told.started_at);
    run.uuid = told.run_uuid;
    run.trigger_kind = OFFLINE.to_owned();
    run.status = "running".to_owned();
    run.attempt += 1;
    run.update_seq = 0;
    run.instance = Some(told.instance);
    run.heartbeat_at = Some(now);
    run.created_at = began;
    run.started_at = Some(began);
    run.finished_at = told.finished_at.map(|ended| ago(ended).max(began));
    run.stop_at = timetable
        .filter(|_| told.finished_at.is_none())
        .and_then(|timetable| timetable.stop(timetable.at(told.due_at)))
        .map(|stop| stop.as_millisecond());
}

/// Tells in the events of the run who started it, and why.
async fn announce(
    app: &App,
    txn: &Txn,
    run: &mut RunRow,
    timetable: Option<&Timetable>,
    told: &OfflineRun,
    is_extra: bool,
) -> ApiResult<Vec<Change>> {
    let zone = timetable.map_or(jiff::tz::TimeZone::UTC, |timetable| timetable.zone.clone());
    let due = told.due_at.to_zoned(zone).strftime("%Y-%m-%d %H:%M");
    let mut params = Map::new();
    params.insert("due".to_owned(), due.to_string().into());
    let began = run.created_at;
    let mut incoming = vec![events::Incoming::of_server(
        message_ids::STARTED_OFFLINE,
        params.clone(),
        began,
    )];
    if is_extra {
        let extra = message_ids::STARTED_TWICE;
        incoming.push(events::Incoming::of_server(extra, params, began));
    }
    let attempt = run.attempt;
    events::append(txn, app, run, attempt, incoming).await
}
