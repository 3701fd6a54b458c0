//! Which agent calls: `X-Agent-ID` and `X-Agent-Token`.

use axum::{
    extract::{FromRef, FromRequestParts},
    http::request::Parts,
};
use holdfast_protocol::{
    agent::{AGENT_ID_HEADER, AGENT_TOKEN_HEADER},
    errors::ErrorCode,
};

use crate::{
    app::App,
    auth::tokens,
    db::{self, AgentRow},
    presence,
    problem::{ApiError, ApiResult},
};

/// The authenticated agent of a request.
pub(super) struct Agent(pub(super) AgentRow);

impl<S> FromRequestParts<S> for Agent
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let app = App::from_ref(state);
        let header = |name: &str| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let id = header(AGENT_ID_HEADER).and_then(|text| text.parse::<i64>().ok());
        let token = header(AGENT_TOKEN_HEADER);
        let (Some(id), Some(token)) = (id, token) else {
            return Err(ErrorCode::AgentUnauthorized.into());
        };
        let agent = by_token(&app, id, token)
            .await?
            .ok_or(ErrorCode::AgentUnauthorized)?;
        presence::seen(&app, &agent).await?;
        Ok(Self(agent))
    }
}

/// The agent of an id, when the token is its own and it is enabled.
pub(super) async fn by_token(app: &App, id: i64, token: &str) -> ApiResult<Option<AgentRow>> {
    let agent = db::agents::by_wire_id(app.db.reader(), id).await?;
    Ok(agent
        .filter(|agent| tokens::same(&agent.token_hash, &tokens::hash(token)) && !agent.disabled))
}
