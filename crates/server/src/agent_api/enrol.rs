//! How a host becomes an agent.

use axum::extract::{FromRequest, Request, State};
use holdfast_protocol::{
    agent::{AgentId, EnrolRequest, Enrolled, HostIdentity, LoginRequest},
    api::session::{Role, SignInRequest},
    errors::ErrorCode,
};

use crate::{
    app::{App, now},
    auth::{access::parse_role, caller::client_address, rate_limit::place, tokens},
    db::{
        self, Scope, Txn,
        agents::NewAgent,
        audit::{Actor, Object},
    },
    extract::{AgentBody, Json},
    live::What,
    problem::{ApiError, ApiResult},
    routes::session::check_credentials,
};

/// Exchanges an enrolment token for an identity.
pub(super) async fn enrol(State(app): State<App>, request: Request) -> ApiResult<Json<Enrolled>> {
    let address = client_address(&request);
    let AgentBody(body) = AgentBody::<EnrolRequest>::from_request(request, &()).await?;
    let hash = tokens::hash(body.enrollment_token.expose());
    // Only tokens that nobody made are slowed down: whoever has a right one is never kept out by others.
    if db::enrolment_tokens::by_hash(app.db.reader(), &hash)
        .await?
        .is_none()
    {
        let place = address.as_deref().map(place).unwrap_or_default();
        let _counted = app.sign_ins.attempt(&[format!("enrol {place}")])?;
        return Err(ErrorCode::EnrolmentTokenRefused.into());
    }
    let txn = app.db.begin().await?;
    let token = db::enrolment_tokens::redeem(&txn, &hash, now())
        .await?
        .ok_or(ErrorCode::EnrolmentTokenRefused)?;
    let by = format!("enrolment token {}", token.name);
    let scope = Scope::tenant(token.tenant_id);
    admit(&app, txn, scope, body.host, by, address).await
}

/// Enrols with an account.
pub(super) async fn login(State(app): State<App>, request: Request) -> ApiResult<Json<Enrolled>> {
    let address = client_address(&request);
    let AgentBody(body) = AgentBody::<LoginRequest>::from_request(request, &()).await?;
    let credentials = SignInRequest {
        email: body.email,
        password: body.password,
    };
    let user = check_credentials(&app, &credentials, address.as_deref()).await?;
    if parse_role(&user.role) < Role::Admin {
        return Err(ApiError::from(ErrorCode::Forbidden)
            .detail("Enrolling a machine needs the role admin."));
    }
    let txn = app.db.begin().await?;
    let scope = Scope::tenant(user.tenant_id);
    admit(&app, txn, scope, body.host, user.email, address).await
}

async fn admit(
    app: &App,
    txn: Txn,
    scope: Scope,
    host: HostIdentity,
    by: String,
    address: Option<String>,
) -> ApiResult<Json<Enrolled>> {
    let token = tokens::new_token("hfa_");
    let new = NewAgent {
        source_user: source_user(&host),
        source_host: source_host(&host.host_name),
        device_id: host.device_id,
        token_hash: tokens::hash(token.expose()),
        on_server_host: host
            .host_name
            .eq_ignore_ascii_case(&holdfast_host::host_name()),
        os: host.os,
        architecture: host.arch,
        agent_version: host.agent_version,
        host: host.host_name,
    };
    let agent = db::agents::enrol(&txn, scope, new, now()).await?;
    let actor = Actor { name: by, address };
    let object = Object::of("agents", agent.uuid, &agent.name);
    db::audit::write(&txn, scope, &actor, "agents.enrol", object, now()).await?;
    txn.commit().await?;
    app.presence.forget(agent.id);
    app.tell(agent.tenant_id, What::Agent { uuid: agent.uuid });
    Ok(Json(Enrolled {
        agent_id: AgentId(agent.id),
        agent_token: token,
    }))
}

/// User half of the source of this machine's snapshots; fixed from now on.
fn source_user(host: &HostIdentity) -> String {
    if !host.user_name.is_empty() {
        return host.user_name.clone();
    }
    if host.os == "windows" {
        "system".to_owned()
    } else {
        "root".to_owned()
    }
}

/// Host half: the first label of the host name in lower case; fixed from now on.
fn source_host(host_name: &str) -> String {
    let label = host_name
        .split('.')
        .next()
        .unwrap_or_default()
        .to_lowercase();
    if label.is_empty() {
        "host".to_owned()
    } else {
        label
    }
}

#[cfg(test)]
mod tests {
    use super::source_host;

    #[test]
    fn the_source_host_is_the_first_label_in_lower_case() {
        assert_eq!(source_host("Web-02.example.org"), "web-02");
        assert_eq!(source_host("NAS"), "nas");
        assert_eq!(source_host(""), "host");
    }
}
