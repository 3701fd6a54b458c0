//! Reports of agents about their runs.

use holdfast_protocol::{
    agent::{PushEvents, RunStatus, RunUpdate, UpdateAnswer, events as message_ids, failures},
    errors::ErrorCode,
};
use sea_orm::ConnectionTrait;
use serde_json::{Map, json};

use super::{
    changed, error_place, events, item_place, over, points,
    state::{RunInput, RunOutcome, apply},
    state_of, write_failure, write_state,
};
use crate::{
    app::{App, now},
    db::{self, AgentRow, RunRow, problems::NewProblem},
    live::{Change, What},
    problem::{ApiError, ApiResult},
    retention,
    sealing::Place,
};

/// Most problems that are stored of one run; the rest is counted.
const MOST_PROBLEMS: usize = 10_000;

/// Takes an update of a run.
pub(crate) async fn update(
    app: &App,
    agent: &AgentRow,
    run_id: i64,
    update: RunUpdate,
) -> ApiResult<UpdateAnswer> {
    let now = now();
    let input = RunInput::Report {
        attempt: i64::from(update.attempt.0),
        seq: i64::try_from(update.seq).unwrap_or(i64::MAX),
        status: update.status,
    };
    if is_progress(&update)
        && let Some(answer) = keep_progress(app, agent, run_id, &update, input, now).await?
    {
        return Ok(answer);
    }
    let txn = app.db.begin().await?;
    let run = db::runs::lock_of_agent(&txn, agent.id, run_id).await?;
    let mut run = run.ok_or(ErrorCode::NotFound)?;
    app.progress.settle(&mut run);
    let outcome = apply(state_of(&run), input);
    let (state, late) = match outcome {
        RunOutcome::Changed(state) => (state, false),
        RunOutcome::Late(state) => (state, true),
        RunOutcome::ForeignAttempt | RunOutcome::Ignored | RunOutcome::Refused => {
            // What was stored is there, whatever becomes of the run.
            if was_given_out(&run, &update) {
                let changes = enter_points(&txn, &run, &update, now).await?;
                if !changes.is_empty() {
                    txn.commit().await?;
                    app.tell_all(changes);
                }
            }
            if outcome == RunOutcome::ForeignAttempt {
                return Err(stale_attempt(&run));
            }
            return Ok(UpdateAnswer {
                cancel_requested: run.cancel_requested,
            });
        }
    };
    let mut changes = Vec::new();
    if late {
        run.error_code = None;
        run.sealed_error = None;
        let event = events::Incoming::of_server(message_ids::RUN_REPORTED_LATE, Map::new(), now);
        let attempt = run.attempt;
        changes.extend(events::append(&txn, app, &mut run, attempt, vec![event]).await?);
    }
    write_figures(app, &mut run, &update, now);
    write_state(&mut run, state, now);
    if state.status.is_terminal() {
        changes.extend(write_end(&txn, app, &mut run, &update, now).await?);
    }
    let cancel_requested = run.cancel_requested;
    let run = db::runs::save(&txn, run).await?;
    if state.status.is_terminal() {
        over(app, &txn, &run).await?;
    }
    txn.commit().await?;
    app.tell_all(changes);
    app.tell_all([changed(&run)]);
    if state.status.is_terminal() {
        retention::after_run(app, &run).await;
    }
    Ok(UpdateAnswer { cancel_requested })
}

/// Whether an update says nothing but how far a run is.
fn is_progress(update: &RunUpdate) -> bool {
    matches!(update.status, None | Some(RunStatus::Running))
        && update.points.is_empty()
        && update.problems.is_empty()
        && update.stats_json.is_none()
}

/// Takes an update that changes nothing but figures; `None` when it changes more.
async fn keep_progress(
    app: &App,
    agent: &AgentRow,
    run_id: i64,
    update: &RunUpdate,
    input: RunInput,
    now: i64,
) -> ApiResult<Option<UpdateAnswer>> {
    let stored = db::runs::of_agent_by_ids(app.db.reader(), agent.id, [run_id]).await?;
    let stored = stored.into_iter().next().ok_or(ErrorCode::NotFound)?;
    let mut run = app.progress.shown(&stored).into_owned();
    let before = state_of(&run);
    let (RunStatus::Running, RunOutcome::Changed(state)) = (before.status, apply(before, input))
    else {
        return Ok(None);
    };
    if state.status != before.status {
        return Ok(None);
    }
    write_figures(app, &mut run, update, now);
    run.update_seq = state.update_seq;
    let answer = UpdateAnswer {
        cancel_requested: run.cancel_requested,
    };
    let change = changed(&run);
    app.progress.keep(run);
    app.tell_all([change]);
    Ok(Some(answer))
}

/// Takes events of a run.
pub(crate) async fn push_events(
    app: &App,
    agent: &AgentRow,
    run_id: i64,
    pushed: PushEvents,
) -> ApiResult<()> {
    let now = now();
    let txn = app.db.begin().await?;
    let run = db::runs::lock_of_agent(&txn, agent.id, run_id).await?;
    let mut run = run.ok_or(ErrorCode::NotFound)?;
    let attempt = i64::from(pushed.attempt.0);
    // Events of an older attempt may arrive late; they happened and are kept. A newer one was never given out.
    if attempt > run.attempt {
        return Err(stale_attempt(&run));
    }
    let incoming = pushed
        .events
        .into_iter()
        .map(events::Incoming::from)
        .collect();
    let changes = events::append(&txn, app, &mut run, attempt, incoming).await?;
    // Only the present attempt shows that somebody works on the run.
    if attempt == run.attempt {
        run.heartbeat_at = Some(now);
    }
    db::runs::save(&txn, run).await?;
    txn.commit().await?;
    app.tell_all(changes);
    Ok(())
}

pub(super) fn stale_attempt(run: &RunRow) -> ApiError {
    ApiError::from(ErrorCode::StaleAttempt)
        .detail(format!("run {} is at attempt {}", run.id, run.attempt))
}

/// What an update says about the run's progress. Figures that people watch never fall, whatever a new attempt
/// counts anew; the total follows the agent.
fn write_figures(app: &App, run: &mut RunRow, update: &RunUpdate, now: i64) {
    run.heartbeat_at = Some(now);
    run.reported_at = Some(now);
    let rise = |old: Option<i64>, new: Option<u64>| match new {
        Some(new) => Some(i64::try_from(new).unwrap_or(i64::MAX).max(old.unwrap_or(0))),
        None => old,
    };
    run.bytes_processed = rise(run.bytes_processed, update.bytes_processed);
    run.bytes_transferred = rise(run.bytes_transferred, update.bytes_transferred);
    run.objects_transferred = rise(run.objects_transferred, update.objects_transferred);
    let follow = |old: Option<i64>, new: Option<u64>| {
        new.map(|new| i64::try_from(new).unwrap_or(i64::MAX))
            .or(old)
    };
    run.bytes_total = follow(run.bytes_total, update.bytes_total);
    run.objects_total = follow(run.objects_total, update.objects_total);
    // On this wire 0 means "unknown" for these two.
    if let Some(speed) = update.speed_bytes_per_sec {
        run.speed = follow(None, Some(speed)).filter(|speed| *speed > 0);
    }
    if update.eta_seconds.is_some() || update.bytes_processed.is_some() {
        run.eta_seconds = follow(None, update.eta_seconds).filter(|eta| *eta > 0);
    }
    if let Some(percent) = update.progress_pct.filter(|percent| percent.is_finite()) {
        run.progress_pct = Some(
            percent
                .clamp(0.0, 100.0)
                .max(run.progress_pct.unwrap_or(0.0)),
        );
    }
    if let Some(item) = &update.current_item {
        let sealed = app.sealer.seal(item_place(run), item.as_bytes());
        run.sealed_current_item = (!item.is_empty()).then_some(sealed);
    }
    if !update.stages.is_empty()
        && let Ok(text) = serde_json::to_string(&update.stages)
    {
        run.stages = text;
    }
    if let Some(count) = update.problem_count {
        run.problem_count = i64::try_from(count).unwrap_or(i64::MAX);
    }
}

/// What the last report of a run brings: result, problems, points, and why it failed.
async fn write_end(
    conn: &impl ConnectionTrait,
    app: &App,
    run: &mut RunRow,
    update: &RunUpdate,
    now: i64,
) -> ApiResult<Vec<Change>> {
    let mut changes = Vec::new();
    if let Some(statistics) = &update.stats_json {
        run.statistics = serde_json::to_string(statistics)?;
    }
    if matches!(
        update.status,
        Some(RunStatus::Success | RunStatus::PartialSuccess)
    ) {
        run.progress_pct = Some(100.0);
    }
    // Why it was asked to stop counts only for one that did.
    if update.status != Some(RunStatus::Cancelled) {
        run.error_code = None;
        run.sealed_error = None;
    }
    if update.status == Some(RunStatus::Cancelled)
        && update.error_code.as_deref() == Some(failures::WINDOW_ENDED)
    {
        write_failure(app, run, failures::WINDOW_ENDED, None);
    }
    if update.status == Some(RunStatus::Failed) {
        let code = update.error_code.as_deref().unwrap_or(failures::INTERNAL);
        write_failure(app, run, code, update.error_summary.as_deref());
    }
    if update.problem_count.is_none() && !update.problems.is_empty() {
        run.problem_count = update.problems.len() as i64;
    }
    let mut problems = Vec::with_capacity(update.problems.len().min(MOST_PROBLEMS));
    for (index, problem) in update.problems.iter().take(MOST_PROBLEMS).enumerate() {
        let seq = index as i64 + 1;
        let item =
            serde_json::to_vec(&json!({ "path": problem.path, "message": problem.message }))?;
        problems.push(NewProblem {
            seq,
            code: problem.code.clone(),
            size: problem
                .size
                .map(|size| i64::try_from(size).unwrap_or(i64::MAX)),
            sealed_item: app.sealer.seal(problem_place(run, seq), &item),
        });
    }
    db::problems::replace(conn, run.id, problems).await?;
    changes.extend(enter_points(conn, run, update, now).await?);
    Ok(changes)
}

/// Whether an update belongs to an attempt that was given out: its points exist. Of another one nothing is believed.
fn was_given_out(run: &RunRow, update: &RunUpdate) -> bool {
    i64::from(update.attempt.0) <= run.attempt
}

/// Enters the points of a report into the catalogue.
async fn enter_points(
    conn: &impl ConnectionTrait,
    run: &RunRow,
    update: &RunUpdate,
    now: i64,
) -> ApiResult<Vec<Change>> {
    if !points::enter_report(conn, run, &update.points, now).await? {
        return Ok(Vec::new());
    }
    let scope = db::Scope::tenant(run.tenant_id);
    let vault = db::vaults::by_id(conn, scope, run.vault_id).await?;
    Ok(vault
        .map(|vault| Change {
            tenant_id: run.tenant_id,
            what: What::Points { vault: vault.uuid },
        })
        .into_iter()
        .collect())
}

/// Where a run's problem lies.
pub(crate) fn problem_place(run: &RunRow, seq: i64) -> Place<'static> {
    Place::new("run_problems", "sealed_item", run.uuid).part(seq)
}

/// What a failed run says about its failure.
pub(crate) fn error_text(app: &App, run: &RunRow) -> ApiResult<Option<String>> {
    run.sealed_error
        .as_ref()
        .map(|sealed| app.sealer.open_text(error_place(run), sealed))
        .transpose()
        .map_err(Into::into)
}
