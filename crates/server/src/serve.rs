//! Everything that answers HTTP, in one service.

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use holdfast_protocol::errors::ErrorCode;
use tower_http::catch_panic::CatchPanicLayer;
use tower_sessions::{
    Expiry, SessionManagerLayer,
    cookie::{SameSite, time::Duration},
};
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    agent_api,
    app::App,
    auth::{
        caller::authorize,
        idempotency::idempotent,
        session_store::{COOKIE, DatabaseSessions, SESSION_SECONDS},
    },
    extract::{BODY_LIMIT, discard},
    openapi,
    problem::{ApiError, REQUEST_ID},
    web,
};

/// The whole server.
pub(crate) fn service(app: App) -> Router {
    let secure = app.settings().public_url().starts_with("https://");
    let sessions = SessionManagerLayer::new(DatabaseSessions::new(app.db.clone()))
        .with_name(COOKIE)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(secure)
        .with_expiry(Expiry::OnInactivity(Duration::seconds(SESSION_SECONDS)));
    let (client, _description) = openapi::router().split_for_parts();
    let client = client
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(from_fn_with_state(app.clone(), idempotent))
        .route_layer(from_fn_with_state(app.clone(), authorize))
        .route_layer(from_fn(small_body))
        .layer(sessions);
    let agents = agent_api::router().method_not_allowed_fallback(method_not_allowed);
    Router::new()
        .merge(client)
        .merge(agents)
        .fallback(web::serve)
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .layer(from_fn(named))
        .layer(from_fn_with_state(app.clone(), while_running))
        .with_state(app)
}

fn panicked() -> Response {
    ApiError::from(ErrorCode::Internal)
        .because(anyhow::anyhow!("a handler panicked"))
        .into_response()
}

async fn method_not_allowed() -> ApiError {
    ErrorCode::MethodNotAllowed.into()
}

/// Refuses a body that says itself that it is too large; others are counted while they are read.
async fn small_body(request: Request, next: Next) -> Response {
    let length = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    if length
        .and_then(|text| text.parse::<u64>().ok())
        .is_some_and(|length| length > BODY_LIMIT as u64)
    {
        discard(request.into_body()).await;
        return ApiError::from(ErrorCode::BodyTooLarge).into_response();
    }
    next.run(request).await
}

/// Names the request, in its answer and in the log.
async fn named(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let span = tracing::info_span!("request", request_id = id, method = %request.method(), path = request.uri().path());
    let mut response = REQUEST_ID
        .scope(id.clone(), next.run(request))
        .instrument(span)
        .await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    if !response.headers().contains_key(header::CACHE_CONTROL) {
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Answers nothing new once the server stops.
async fn while_running(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.stopping.is_cancelled() {
        return ApiError::from(ErrorCode::Unavailable)
            .retry_after(1)
            .into_response();
    }
    next.run(request).await
}
