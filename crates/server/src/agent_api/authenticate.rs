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
    app::{App, now},
    auth::tokens,
    db::{self, AgentRow},
    live::What,
    problem::{ApiError, ApiResult},
};

/// The last contact is written down no more often than this, in milliseconds.
const SEEN_PAUSE_MS: i64 = 15_000;

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
        seen(&app, &agent).await?;
        Ok(Self(agent))
    }
}

/// The agent of an id, when the token is its own and it is enabled.
pub(super) async fn by_token(app: &App, id: i64, token: &str) -> ApiResult<Option<AgentRow>> {
    let agent = db::agents::by_wire_id(app.db.reader(), id).await?;
    Ok(agent
        .filter(|agent| tokens::same(&agent.token_hash, &tokens::hash(token)) && !agent.disabled))
}

/// Remembers the contact; pages learn at once when an agent is back.
async fn seen(app: &App, agent: &AgentRow) -> ApiResult<()> {
    let now = now();
    let due = {
        let mut seen = app.seen.lock();
        let due = seen
            .get(&agent.id)
            .is_none_or(|last| now - last >= SEEN_PAUSE_MS);
        if due {
            seen.insert(agent.id, now);
        }
        due
    };
    if due {
        let was_online = crate::commands::executor::is_online(agent, now);
        db::agents::seen(app.db.writer(), agent.id, now).await?;
        if !was_online {
            app.tell(agent.tenant_id, What::Agent { uuid: agent.uuid });
        }
    }
    Ok(())
}
