//! What somebody downloads.

use axum::{body::Body, extract::State, http::HeaderMap};
use holdfast_protocol::agent::TRANSFER_SIZE_HEADER;
use serde_json::{Value, json};

use super::authenticate::Agent;
use crate::{
    app::App,
    extract::{Id, Json},
    problem::ApiResult,
    transfers::{asked_of, take_in},
};

/// Takes it and hands it to the browser that waits.
pub(super) async fn take(
    State(app): State<App>,
    Agent(agent): Agent,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Json<Value>> {
    let transfer = asked_of(&app, &agent, id)?;
    let size = headers
        .get(TRANSFER_SIZE_HEADER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    take_in(&app, &transfer, size, body).await?;
    Ok(Json(json!({})))
}
