//! Runs that an agent started by itself.

use axum::extract::State;
use holdfast_protocol::agent::{OfflineRun, OfflineRunTaken};

use super::{authenticate::Agent, instance};
use crate::{
    app::App,
    extract::{AgentBody, Json},
    problem::ApiResult,
    runs::offline,
};

/// Takes one.
pub(super) async fn take(
    State(app): State<App>,
    Agent(agent): Agent,
    AgentBody(body): AgentBody<OfflineRun>,
) -> ApiResult<Json<OfflineRunTaken>> {
    instance::admit(&app, &agent, body.instance).await?;
    Ok(Json(offline::take(&app, &agent, body).await?))
}
