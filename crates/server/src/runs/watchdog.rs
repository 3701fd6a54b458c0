//! Fails runs whose agent is silent, ends commands that nobody took, erases results that name files.

use holdfast_protocol::{
    agent::{CommandType, RunStatus, failures},
    errors::ErrorCode,
};

use super::{
    changed, events, over, parse_status,
    state::{RunInput, RunOutcome, apply},
    state_of, write_failure, write_state,
};
use crate::{
    app::{App, now},
    commands::{
        queue,
        state::{CommandInput, apply as apply_command},
    },
    db::{self, RunRow, Scope},
    problem::ApiResult,
};

/// Results that name files are erased so long after the command's end, in milliseconds.
const RESULTS_KEPT_MS: i64 = 10 * 60 * 1000;

/// Fails the runs whose agent is silent.
pub(crate) async fn silent_runs(app: &App) -> ApiResult<()> {
    let now = now();
    let timeout = app.settings().watchdog_timeout_seconds() as i64 * 1000;
    for run in db::runs::at_work(app.db.reader()).await? {
        if now - last_sign(app, &run) > timeout
            && let Err(error) = give_up(app, &run, timeout).await
        {
            tracing::error!(run = %run.uuid, code = error.code().code(), "a run of a silent agent could not be closed; it is tried again: {}", error.cause());
        }
    }
    Ok(())
}

/// Ends the commands that nobody took, and erases results that are old enough.
pub(crate) async fn overdue_commands(app: &App) -> ApiResult<()> {
    let now = now();
    for command in db::commands::overdue(app.db.reader(), now).await? {
        if let Err(error) = expire(app, command.tenant_id, command.id, now).await {
            tracing::error!(command = %command.uuid, code = error.code().code(), "an overdue command could not be ended; it is tried again: {}", error.cause());
        }
    }
    let kinds: Vec<&str> = CommandType::ALL
        .into_iter()
        .filter(|kind| kind.result_names_files())
        .map(CommandType::as_str)
        .collect();
    db::commands::erase_results(app.db.writer(), &kinds, now - RESULTS_KEPT_MS).await?;
    Ok(())
}

/// When a run's agent was last heard from about it. While the server was away nobody could be heard.
pub(crate) fn last_sign(app: &App, run: &RunRow) -> i64 {
    let sign = run
        .heartbeat_at
        .or(run.started_at)
        .unwrap_or(run.created_at);
    sign.max(app.started_at)
}

async fn give_up(app: &App, seen: &RunRow, timeout: i64) -> ApiResult<()> {
    let now = now();
    let txn = app.db.begin().await?;
    let Some(mut run) = db::runs::lock(&txn, Scope::tenant(seen.tenant_id), seen.id).await? else {
        return Ok(());
    };
    // It may have been heard from since it was looked at.
    if now - last_sign(app, &run) <= timeout {
        return Ok(());
    }
    let RunOutcome::Changed(state) = apply(state_of(&run), RunInput::Silence) else {
        return Ok(());
    };
    write_failure(app, &mut run, failures::AGENT_OFFLINE, None);
    write_state(&mut run, state, now);
    let mut params = serde_json::Map::new();
    let sentence = failures::sentence(
        failures::AGENT_OFFLINE,
        holdfast_protocol::agent::text::Language::English,
    );
    params.insert("message".to_owned(), sentence.unwrap_or_default().into());
    let event =
        events::Incoming::of_server(holdfast_protocol::agent::events::RUN_FAILED, params, now);
    let attempt = run.attempt;
    let changes = events::append(&txn, app, &mut run, attempt, vec![event]).await?;
    let run = db::runs::save(&txn, run).await?;
    over(app, &txn, &run).await?;
    txn.commit().await?;
    tracing::warn!(run = %run.uuid, "run closed as failed: its agent was silent for more than {} s", timeout / 1000);
    app.tell_all(changes);
    app.tell_all([changed(&run)]);
    Ok(())
}

async fn expire(app: &App, tenant_id: i64, id: i64, now: i64) -> ApiResult<()> {
    let txn = app.db.begin().await?;
    let Some(command) = db::commands::lock(&txn, Scope::tenant(tenant_id), id).await? else {
        return Ok(());
    };
    let Some(state) = apply_command(queue::state_of(&command), CommandInput::Expire { now }) else {
        return Ok(());
    };
    // A restore at work is given up by its run's heartbeat, not because its command is a day old.
    if command.kind == CommandType::Restore.as_str()
        && let Some(run) = command.run_id
        && let Some(run) = db::runs::lock(&txn, Scope::tenant(tenant_id), run).await?
        && matches!(
            parse_status(&run.status),
            RunStatus::Starting | RunStatus::Running
        )
    {
        return Ok(());
    }
    let failure = ErrorCode::AgentTimeout.failure(None);
    let changes = queue::end(app, &txn, command, state, None, Some(failure), now).await?;
    txn.commit().await?;
    app.tell_all(changes);
    Ok(())
}
