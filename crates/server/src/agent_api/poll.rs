//! The long poll: hands out runs, commands and cancel orders as soon as there are any.

use std::time::Duration;

use axum::{extract::State, http::HeaderMap};
use holdfast_protocol::{
    agent::{
        AGENT_TOKEN_HEADER, Attempt, CancelOrder, CommandDelivery, PollAnswer, PollRequest, RunId,
        RunStatus, RunWork, RunningRun, failures, poll::LONGEST_WAIT_SECONDS,
    },
    errors::ErrorCode,
};
use jiff::Timestamp;
use sea_orm::ConnectionTrait;
use tokio::time::{Instant, sleep_until};

use super::{
    authenticate::{Agent, by_token},
    instance,
    work::{WorkOrder, work},
};
use crate::{
    app::{App, now},
    commands::{queue, state::lease_ms},
    db::{self, AgentRow, RunRow, Scope, occurrences},
    extract::{AgentBody, Json},
    live::What,
    problem::{ApiError, ApiResult},
    runs::{
        changed, parse_status, start,
        state::{RunInput, RunOutcome, apply},
        state_of, watchdog, write_state,
    },
    schedules,
};

/// A lost wake-up, and work that falls due by time, are found by looking again.
const SWEEP: Duration = Duration::from_secs(5);

/// Most commands of one answer.
const MOST_COMMANDS: u64 = 20;

/// A heartbeat is written down no more often than this, in milliseconds.
const HEARTBEAT_PAUSE_MS: i64 = 5_000;

/// Delays of the way make a clock seem to differ by so much, in milliseconds.
const CLOCK_VARIES_MS: i64 = 10_000;

/// Waits for work and hands it out.
pub(super) async fn poll(
    State(app): State<App>,
    Agent(mut agent): Agent,
    headers: HeaderMap,
    AgentBody(request): AgentBody<PollRequest>,
) -> ApiResult<Json<PollAnswer>> {
    instance::admit(&app, &agent, request.instance).await?;
    note_clock(&app, &agent, request.clock).await?;
    let token = headers
        .get(AGENT_TOKEN_HEADER)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
        .to_owned();
    app.unplanned.tell(agent.id, &request.offline_unplanned);
    let held: Vec<i64> = request.commands.iter().map(|id| id.0).collect();
    if !held.is_empty() {
        db::commands::renew(app.db.writer(), agent.id, &held, now() + lease_ms()).await?;
    }
    let deadline =
        Instant::now() + Duration::from_secs(u64::from(request.wait.min(LONGEST_WAIT_SECONDS)));
    let bell = app.wake.bell(agent.id);
    loop {
        // Listen before looking, so that what comes in between is not missed.
        let rung = bell.notified();
        tokio::pin!(rung);
        rung.as_mut().enable();
        let answer = look(&app, &agent, &request, &held).await?;
        if !is_empty(&answer) || Instant::now() >= deadline {
            return Ok(Json(answer));
        }
        tokio::select! {
            () = &mut rung => {}
            () = sleep_until(deadline.min(Instant::now() + SWEEP)) => {}
            () = app.stopping.cancelled() => return Err(ApiError::from(ErrorCode::Unavailable).retry_after(1)),
        }
        // It may have been disabled, or taken over from, meanwhile.
        agent = by_token(&app, agent.id, &token)
            .await?
            .ok_or(ErrorCode::AgentUnauthorized)?;
        if agent.instance != Some(request.instance) {
            return Err(ErrorCode::AgentCloned.into());
        }
    }
}

/// Remembers by how much the agent's clock differs, when that changed by more than it varies by itself.
async fn note_clock(app: &App, agent: &AgentRow, clock: Option<Timestamp>) -> ApiResult<()> {
    let Some(clock) = clock else { return Ok(()) };
    let offset = clock.as_millisecond().saturating_sub(now());
    let has_changed = agent
        .clock_offset_ms
        .is_none_or(|known| (offset - known).abs() > CLOCK_VARIES_MS);
    if has_changed {
        db::agents::set_clock_offset(app.db.writer(), agent.id, offset).await?;
        app.tell(agent.tenant_id, What::Agent { uuid: agent.uuid });
    }
    Ok(())
}

fn is_empty(answer: &PollAnswer) -> bool {
    answer.run.is_none()
        && answer.commands.is_empty()
        && answer.cancel.is_empty()
        && answer.forget.is_empty()
        && answer.offline.is_none()
}

/// What there is for an agent now.
async fn look(
    app: &App,
    agent: &AgentRow,
    request: &PollRequest,
    held: &[i64],
) -> ApiResult<PollAnswer> {
    let (cancel, forget) = orders(app, agent, request).await?;
    let commands = commands(app, agent, held).await?;
    let run = match run(app, agent, request).await {
        Ok(run) => run,
        // What was handed out already must reach the agent.
        Err(error) if !commands.is_empty() || !cancel.is_empty() => {
            tracing::error!(agent = %agent.uuid, code = error.code().code(), "no run could be handed out: {}", error.cause());
            None
        }
        Err(error) => return Err(error),
    };
    let offline = match &request.offline_digest {
        Some(has) => match schedules::new_plan(app, app.db.reader(), agent, has).await {
            Ok(plan) => plan,
            // What was handed out already must reach the agent; it keeps the plan that it has and asks again.
            Err(error) => {
                tracing::error!(agent = %agent.uuid, code = error.code().code(), "what an agent may start by itself could not be told: {}", error.cause());
                None
            }
        },
        None => None,
    };
    Ok(PollAnswer {
        offline,
        run,
        commands,
        cancel,
        forget,
        server_time: Timestamp::now(),
    })
}

/// Standing orders about the runs in hand, and their heartbeat.
async fn orders(
    app: &App,
    agent: &AgentRow,
    request: &PollRequest,
) -> ApiResult<(Vec<CancelOrder>, Vec<RunningRun>)> {
    if request.running.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let now = now();
    let ids = request.running.iter().map(|running| running.run_id.0);
    let rows = db::runs::of_agent_by_ids(app.db.reader(), agent.id, ids).await?;
    let mut cancel = Vec::new();
    let mut forget = Vec::new();
    let mut alive = Vec::new();
    for running in &request.running {
        let row = rows.iter().find(|row| row.id == running.run_id.0);
        let mine = row.filter(|row| row.attempt == i64::from(running.attempt.0));
        match mine {
            Some(row) if !parse_status(&row.status).is_terminal() => {
                if row
                    .heartbeat_at
                    .is_none_or(|at| now - at >= HEARTBEAT_PAUSE_MS)
                {
                    alive.push(row.id);
                }
                if row.cancel_requested && app.wake.may_repeat(request.instance, row.id) {
                    cancel.push(CancelOrder::new(RunId(row.id)));
                }
            }
            // A run that was closed as silent may still report how it ended.
            Some(row) if state_of(row).agent_offline && !row.reported_late => {}
            _ => {
                if app.wake.may_repeat(request.instance, running.run_id.0) {
                    forget.push(*running);
                }
            }
        }
    }
    if !alive.is_empty() {
        db::runs::heartbeat(app.db.writer(), alive, now).await?;
    }
    Ok((cancel, forget))
}

/// Commands that wait, or whose lease ran out.
async fn commands(app: &App, agent: &AgentRow, held: &[i64]) -> ApiResult<Vec<CommandDelivery>> {
    let now = now();
    if db::commands::deliverable(app.db.reader(), agent.id, held, now, 1)
        .await?
        .is_empty()
    {
        return Ok(Vec::new());
    }
    let txn = app.db.begin().await?;
    let mut deliveries = Vec::new();
    let mut changes = Vec::new();
    for command in db::commands::deliverable(&txn, agent.id, held, now, MOST_COMMANDS).await? {
        // One that cannot be handed out must not keep the agent from everything else.
        match queue::deliver(app, &txn, command.clone(), now).await {
            Ok(delivery) => deliveries.extend(delivery),
            Err(error) => {
                tracing::error!(command = %command.uuid, kind = command.kind, code = error.code().code(), "a command cannot be handed out and ends");
                changes.extend(queue::undeliverable(app, &txn, command, now).await?);
            }
        }
    }
    txn.commit().await?;
    app.tell_all(changes);
    Ok(deliveries)
}

/// The agent's own run handed back, else the oldest queued one.
async fn run(app: &App, agent: &AgentRow, request: &PollRequest) -> ApiResult<Option<RunWork>> {
    if request.slots == 0 {
        return Ok(None);
    }
    let active = db::runs::active_of_agent(app.db.reader(), agent.id).await?;
    if active.iter().all(|run| run.run_type != "backup") {
        return Ok(None);
    }
    let txn = app.db.begin().await?;
    let now = now();
    let lost = active
        .iter()
        .find(|run| is_lost(app, run, request, now))
        .map(|run| run.id);
    let (found, input) = match lost {
        Some(id) => (
            db::runs::lock_of_agent(&txn, agent.id, id).await?,
            RunInput::HandBack,
        ),
        None => (next_queued(app, &txn, agent.id).await?, RunInput::Claim),
    };
    let Some(mut run) = found else {
        return Ok(None);
    };
    // Another poll of the same process may have been handed it since it was looked at.
    if lost.is_some() && !is_lost(app, &run, request, now) {
        return Ok(None);
    }
    let RunOutcome::Changed(state) = apply(state_of(&run), input) else {
        return Ok(None);
    };
    write_state(&mut run, state, now);
    run.instance = Some(request.instance);
    run.heartbeat_at = Some(now);
    let run = db::runs::save(&txn, run).await?;
    if input == RunInput::Claim {
        occurrences::leave_queue(&txn, run.id, occurrences::STARTED, None).await?;
    }
    match work_of(app, &txn, agent, &run).await {
        Ok(work) => {
            txn.commit().await?;
            // What was missed may be made up for.
            app.alerts.mark(run.tenant_id);
            app.tell_all([changed(&run)]);
            Ok(Some(work))
        }
        // One that cannot be handed out must not keep the agent from everything else.
        Err(error) => {
            tracing::error!(run = %run.uuid, code = error.code().code(), "a run cannot be handed out and ends: {}", error.cause());
            let detail = "the run could not be handed out; the server's log says why";
            let changes = start::fail(app, &txn, run, failures::INTERNAL, Some(detail)).await?;
            txn.commit().await?;
            app.tell_all(changes);
            Ok(None)
        }
    }
}

/// The oldest queued backup of an agent that may begin now.
async fn next_queued(
    app: &App,
    conn: &impl ConnectionTrait,
    agent_id: i64,
) -> ApiResult<Option<RunRow>> {
    for run in db::runs::ready_queued(conn, agent_id).await? {
        match schedules::may_begin(app, conn, &run).await {
            Ok(true) => return Ok(Some(run)),
            Ok(false) => {}
            // One whose schedule cannot be read must not keep the agent from everything else.
            Err(error) => {
                tracing::error!(run = %run.uuid, code = error.code().code(), "whether a run may begin cannot be told; it waits: {}", error.cause());
            }
        }
    }
    Ok(None)
}

/// Whether a run at work is in nobody's hands: its process is another than the caller, or the answer that brought it
/// never arrived.
fn is_lost(app: &App, run: &RunRow, request: &PollRequest, now: i64) -> bool {
    let at_work = matches!(
        parse_status(&run.status),
        RunStatus::Starting | RunStatus::Running
    );
    let in_hand = request
        .running
        .iter()
        .any(|running| running.run_id.0 == run.id && i64::from(running.attempt.0) == run.attempt);
    if run.run_type != "backup" || !at_work || in_hand {
        return false;
    }
    if run.instance != Some(request.instance) {
        return true;
    }
    let grace = app.settings().reclaim_grace_seconds() as i64 * 1000;
    now - watchdog::last_sign(app, run) >= grace
}

/// A run with everything that its agent needs.
async fn work_of(
    app: &App,
    conn: &impl ConnectionTrait,
    agent: &AgentRow,
    run: &RunRow,
) -> ApiResult<RunWork> {
    let scope = Scope::tenant(run.tenant_id);
    let vault = db::vaults::by_id(conn, scope, run.vault_id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let job = match run.job_id {
        Some(id) => db::jobs::by_id(conn, scope, id).await?,
        None => None,
    };
    let order = WorkOrder {
        run_id: RunId(run.id),
        run_uuid: run.uuid,
        attempt: Attempt(u32::try_from(run.attempt).unwrap_or(u32::MAX)),
        job_id: run.job_id,
        job_uuid: job.map(|job| job.uuid).unwrap_or_default(),
        job_name: &run.job_name,
        paths: &run.paths,
        policy: &run.policy,
        cancel_requested: run.cancel_requested,
        started_at: run
            .started_at
            .and_then(|at| Timestamp::from_millisecond(at).ok()),
        due_at: occurrences::newest_of(conn, run.id)
            .await?
            .and_then(|at| Timestamp::from_millisecond(at).ok()),
    };
    work(app, agent, &vault, order)
}
