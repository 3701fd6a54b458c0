//! Reports about runs.

use axum::extract::State;
use holdfast_protocol::agent::{PushEvents, PushLog, RunUpdate, UpdateAnswer};
use serde_json::{Value, json};

use super::authenticate::Agent;
use crate::{
    app::App,
    extract::{AgentBody, Json, RESULT_LIMIT, WireId},
    problem::ApiResult,
    runs::{log, report},
};

/// Takes an update.
pub(super) async fn update(
    State(app): State<App>,
    Agent(agent): Agent,
    WireId(run): WireId,
    AgentBody(body): AgentBody<RunUpdate, RESULT_LIMIT>,
) -> ApiResult<Json<UpdateAnswer>> {
    Ok(Json(report::update(&app, &agent, run, body).await?))
}

/// Takes events.
pub(super) async fn events(
    State(app): State<App>,
    Agent(agent): Agent,
    WireId(run): WireId,
    AgentBody(body): AgentBody<PushEvents, RESULT_LIMIT>,
) -> ApiResult<Json<Value>> {
    report::push_events(&app, &agent, run, body).await?;
    Ok(Json(json!({})))
}

/// Takes lines of the full log.
pub(super) async fn push_log(
    State(app): State<App>,
    Agent(agent): Agent,
    WireId(run): WireId,
    AgentBody(body): AgentBody<PushLog, RESULT_LIMIT>,
) -> ApiResult<Json<Value>> {
    log::push(&app, &agent, run, body).await?;
    Ok(Json(json!({})))
}
