//! The first call of each agent process.

use axum::{extract::State, http::HeaderMap};
use holdfast_protocol::{
    agent::{
        HelloAnswer, HelloRequest, PROTOCOL_VERSION,
        hello::{CLOCK_WARNING_SECONDS, OLDEST_PROTOCOL_VERSION},
    },
    errors::ErrorCode,
};

use super::{authenticate::Agent, instance};
use crate::{
    app::{App, PRODUCT, now},
    db::{self, agents::Introduction},
    extract::{AgentBody, Json},
    live::What,
    problem::{ApiError, ApiResult},
    routes::enrolment_tokens::server_url,
};

/// Takes what an agent says about itself.
pub(super) async fn hello(
    State(app): State<App>,
    Agent(agent): Agent,
    headers: HeaderMap,
    AgentBody(request): AgentBody<HelloRequest>,
) -> ApiResult<Json<HelloAnswer>> {
    if !(OLDEST_PROTOCOL_VERSION..=PROTOCOL_VERSION).contains(&request.protocol) {
        let command = format!(
            "Install holdfast-agent {} from {}",
            env!("CARGO_PKG_VERSION"),
            server_url(&app, &headers)
        );
        return Err(ApiError::from(ErrorCode::UpgradeRequired)
            .detail(format!(
                "The agent speaks version {}; this server serves {OLDEST_PROTOCOL_VERSION} to {PROTOCOL_VERSION}.",
                request.protocol
            ))
            .update_command(command));
    }
    instance::admit(&app, &agent, request.instance).await?;
    let now = now();
    let offset = request.clock.as_millisecond() - now;
    let what = Introduction {
        host: request.host_name,
        os: request.capabilities.os.clone(),
        architecture: request.capabilities.arch.clone(),
        agent_version: request.version,
        capabilities: serde_json::to_string(&request.capabilities)?,
        volumes: serde_json::to_string(&request.volumes)?,
        clock_offset_ms: offset,
    };
    db::agents::introduce(app.db.writer(), agent.id, what).await?;
    app.tell(agent.tenant_id, What::Agent { uuid: agent.uuid });
    let mut warnings = Vec::new();
    if offset.abs() > CLOCK_WARNING_SECONDS * 1000 {
        warnings.push(format!(
            "The clock of this machine differs from the server's by {} seconds.",
            offset / 1000
        ));
    }
    Ok(Json(HelloAnswer {
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL_VERSION,
        server_time: jiff::Timestamp::now(),
        product_name: PRODUCT.to_owned(),
        warnings,
    }))
}
