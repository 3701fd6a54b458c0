//! The start page.

use axum::extract::State;
use holdfast_protocol::api::overview::Overview;

use crate::{app::App, auth::Caller, extract::Json, problem::ApiResult, view};

/// Is everything protected, and what must be done?
#[utoipa::path(get, path = "/overview", tag = "overview", responses((status = 200, body = Overview)))]
pub(crate) async fn get(State(app): State<App>, caller: Caller) -> ApiResult<Json<Overview>> {
    Ok(Json(
        view::overview::overview(&app, app.db.reader(), &caller).await?,
    ))
}
