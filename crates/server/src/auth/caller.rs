//! The authenticated caller of a request.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use holdfast_protocol::{
    api::{common::Action, session::Role},
    errors::ErrorCode,
};
use tower_sessions::Session;

use super::{
    access::{self, Access, parse_role},
    origin,
    session_store::{SESSION_SECONDS, USER_KEY, hash_id},
};
use crate::{
    app::{App, now},
    db::{self, Scope, UserRow, audit::Actor},
    problem::{ApiError, ApiResult},
};

/// A session is written again when a day of it is used up, not with each request.
const RENEW_AFTER_SECONDS: i64 = 24 * 3600;

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user: UserRow,
    pub(crate) role: Role,
    pub(crate) scope: Scope,
    pub(crate) address: Option<String>,
    /// What is stored of the session's id.
    pub(crate) session_hash: Option<String>,
}

impl Caller {
    /// The caller in the audit log.
    pub(crate) fn actor(&self) -> Actor {
        Actor {
            name: self.user.email.clone(),
            address: self.address.clone(),
        }
    }

    /// An action that needs a role and for which nothing else stands in the way.
    pub(crate) fn action(&self, name: &str, needs: Role) -> Action {
        self.action_unless(name, needs, None)
    }

    /// An action that needs a role and may be barred by the object's state.
    pub(crate) fn action_unless(&self, name: &str, needs: Role, barred: Option<&str>) -> Action {
        let reason = if self.role < needs {
            Some(format!("Needs the role {}.", access::role_word(needs)))
        } else {
            barred.map(str::to_owned)
        };
        Action {
            name: name.to_owned(),
            allowed: reason.is_none(),
            reason,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| ErrorCode::NotSignedIn.into())
    }
}

/// Checks origin, session and role of every client route before its handler runs.
pub(crate) async fn authorize(
    State(app): State<App>,
    path: MatchedPath,
    mut request: Request,
    next: Next,
) -> Response {
    match check(&app, &path, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

async fn check(app: &App, path: &MatchedPath, request: &mut Request) -> ApiResult<()> {
    let Some(access) = access::access(request.method(), path.as_str()) else {
        let known = access::TABLE
            .iter()
            .any(|(_, route, _)| *route == path.as_str());
        return Err(if known {
            ErrorCode::MethodNotAllowed
        } else {
            ErrorCode::Forbidden
        }
        .into());
    };
    origin::check(request.method(), request.headers())?;
    let Access::SignedIn(needs) = access else {
        return Ok(());
    };
    let session = request
        .extensions()
        .get::<Session>()
        .cloned()
        .ok_or(ErrorCode::NotSignedIn)?;
    let address = client_address(request);
    let caller = by_session(app, &session)
        .await?
        .ok_or(ErrorCode::NotSignedIn)?;
    let caller = Caller { address, ..caller };
    if caller.role < needs {
        let detail = format!(
            "It needs the role {}; yours is {}.",
            access::role_word(needs),
            access::role_word(caller.role)
        );
        return Err(ApiError::from(ErrorCode::Forbidden).detail(detail));
    }
    request.extensions_mut().insert(caller);
    Ok(())
}

/// The caller of a session, when it is signed in and its account is enabled.
pub(crate) async fn by_session(app: &App, session: &Session) -> ApiResult<Option<Caller>> {
    let user: Option<i64> = session.get(USER_KEY).await.map_err(ApiError::internal)?;
    let Some(user) = user else { return Ok(None) };
    let Some(user) = db::users::by_session(app.db.reader(), user)
        .await?
        .filter(|user| !user.disabled)
    else {
        return Ok(None);
    };
    let left = session.expiry_date().unix_timestamp() - now() / 1000;
    if left < SESSION_SECONDS - RENEW_AFTER_SECONDS {
        session
            .insert("renewed_at", now())
            .await
            .map_err(ApiError::internal)?;
    }
    Ok(Some(Caller {
        role: parse_role(&user.role),
        scope: Scope::tenant(user.tenant_id),
        address: None,
        session_hash: session.id().map(|id| hash_id(&id)),
        user,
    }))
}

/// Address the request came from: of the connection, or what the proxy on this host says.
pub(crate) fn client_address(request: &Request) -> Option<String> {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip())?;
    if peer.is_loopback()
        && let Some(first) = forwarded_for(request.headers())
    {
        return Some(first);
    }
    Some(peer.to_string())
}

/// The address that the nearest proxy saw: the last of the list, since the ones before it may be invented.
fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let list = headers.get("x-forwarded-for")?.to_str().ok()?;
    let last = list.rsplit(',').next()?.trim();
    last.parse::<std::net::IpAddr>()
        .ok()
        .map(|address| address.to_string())
}
