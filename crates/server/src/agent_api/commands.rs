//! Results of commands.

use std::sync::Arc;

use axum::extract::State;
use holdfast_protocol::{
    agent::{CommandOutcome, CommandPartial},
    errors::ErrorCode,
};
use serde_json::{Value, json};

use super::authenticate::Agent;
use crate::{
    app::App,
    commands::{queue, search, state},
    db,
    extract::{AgentBody, Json, RESULT_LIMIT, WireId},
    live::What,
    problem::ApiResult,
};

/// Passes a part of an answer to the page that waits; it is not stored. Of a command that is over, as when it was withdrawn,
/// nobody wants more: the refusal lets its agent stop.
pub(super) async fn partial(
    State(app): State<App>,
    Agent(agent): Agent,
    WireId(id): WireId,
    AgentBody(mut body): AgentBody<CommandPartial>,
) -> ApiResult<Json<Value>> {
    let command = db::commands::of_agent(app.db.reader(), agent.id, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    if state::parse(&command.status).is_terminal() {
        return Err(ErrorCode::Conflict.into());
    }
    body.result = search::with_points(&app, &command, body.result).await?;
    let part = serde_json::to_value(&body)?;
    app.tell(
        command.tenant_id,
        What::CommandPartial {
            uuid: command.uuid,
            part: Arc::new(part),
        },
    );
    Ok(Json(json!({})))
}

/// Takes how a command ended.
pub(super) async fn complete(
    State(app): State<App>,
    Agent(agent): Agent,
    WireId(id): WireId,
    AgentBody(body): AgentBody<CommandOutcome, RESULT_LIMIT>,
) -> ApiResult<Json<Value>> {
    queue::complete(&app, &agent, id, body).await?;
    Ok(Json(json!({})))
}
