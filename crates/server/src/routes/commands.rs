//! Commands to agents, and answers that wait for them.

use std::time::Duration;

use axum::{extract::State, http::StatusCode};
use holdfast_protocol::{api::commands::Command, errors::ErrorCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    app::{App, now},
    auth::Caller,
    commands::{queue, state},
    db::{self, CommandRow},
    extract::{Id, Json},
    problem::ApiResult,
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
    // A restore is cancelled by its run, which knows how to clean up.
    if let Some(run) = found.run_id {
        crate::runs::start::cancel(&app, caller.scope, run).await?;
        let command = db::commands::find(app.db.reader(), caller.scope, id)
            .await?
            .ok_or(ErrorCode::NotFound)?;
        return Ok(Json(view::commands::command(&app, &caller, command).await?));
    }
    let txn = app.db.begin().await?;
    let command = db::commands::lock(&txn, caller.scope, found.id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let changes = queue::cancel(&app, &txn, command, now()).await?;
    txn.commit().await?;
    app.tell_all(changes);
    let command = db::commands::find(app.db.reader(), caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    Ok(Json(view::commands::command(&app, &caller, command).await?))
}
