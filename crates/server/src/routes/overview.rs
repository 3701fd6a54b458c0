//! The start page.

use axum::extract::State;
use holdfast_protocol::{api::overview::Overview, errors::ErrorCode};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    app::App,
    auth::Caller,
    db,
    extract::{Json, Params},
    problem::ApiResult,
    view,
};

/// Parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OverviewParams {
    agent_id: Option<Uuid>,
}

/// Is everything protected, and what must be done?
#[utoipa::path(get, path = "/overview", tag = "overview",
    params(("agent_id" = Option<Uuid>, Query, description = "Only jobs of this machine are listed; what is counted stays the whole.")),
    responses((status = 200, body = Overview)))]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<OverviewParams>,
) -> ApiResult<Json<Overview>> {
    let conn = app.db.reader();
    let agent = match params.agent_id {
        Some(id) => Some(
            db::agents::find(conn, caller.scope, id)
                .await?
                .ok_or(ErrorCode::NotFound)?
                .id,
        ),
        None => None,
    };
    Ok(Json(
        view::overview::overview(&app, conn, &caller, agent).await?,
    ))
}
