//! Commands to agents, and answers that wait for them.

use std::time::Duration;

use axum::{extract::State, http::StatusCode};
use holdfast_protocol::{agent::CommandType, api::commands::Command, errors::ErrorCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::change::finish;
use crate::{
    app::{App, now},
    auth::Caller,
    commands::{queue, state},
    db::{self, CommandRow, audit::Object},
    extract::{Id, Json},
    problem::ApiResult,
    runs::start,
    view,
};

/// Waits for a command and answers with it: 200 when it is over, 202 when it is still under way.
pub(crate) async fn answer<T: DeserializeOwned>(
    app: &App,
    caller: &Caller,
    command: CommandRow,
    wait: Duration,
) -> ApiResult<(StatusCode, Json<Command<T>>)> {
    let command = queue::wait(app, caller.scope, command.uuid, wait).await?;
    let over = state::parse(&command.status).is_terminal();
    let shown = view::commands::command(app, caller, command).await?;
    Ok((
        if over {
            StatusCode::OK
        } else {
            StatusCode::ACCEPTED
        },
        Json(shown),
    ))
}

/// One command.
#[utoipa::path(get, path = "/commands/{id}", tag = "commands", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Command<Value>)))]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<Command<Value>>> {
    let command = db::commands::find(app.db.reader(), caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    Ok(Json(view::commands::command(&app, &caller, command).await?))
}

/// Withdraws a command that is not over; one that is stays as it is.
#[utoipa::path(post, path = "/commands/{id}/cancel", tag = "commands", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Command<Value>)))]
pub(crate) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<Command<Value>>> {
    let found = db::commands::find(app.db.reader(), caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let txn = app.db.begin().await?;
    let is_restore = found.kind == CommandType::Restore.as_str();
    let changes = match found.run_id.filter(|_| is_restore) {
        // A restore is cancelled by its run, which knows how to clean up.
        Some(run) => start::cancel(&app, &txn, caller.scope, run).await?.1,
        None => {
            let command = db::commands::lock(&txn, caller.scope, found.id)
                .await?
                .ok_or(ErrorCode::NotFound)?;
            let why = ErrorCode::CommandWithdrawn.failure(None);
            queue::withdraw(&app, &txn, command, why, now()).await?
        }
    };
    let object = Object::of("commands", found.uuid, &found.kind);
    finish(&app, txn, &caller, "commands.cancel", object, changes).await?;
    app.wake.ring(found.agent_id);
    let command = db::commands::find(app.db.reader(), caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    Ok(Json(view::commands::command(&app, &caller, command).await?))
}
