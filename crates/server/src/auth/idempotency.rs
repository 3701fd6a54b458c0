//! `Idempotency-Key`: a POST that is sent twice with the same key is done once.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use holdfast_protocol::errors::ErrorCode;
use ring::digest::{Context, SHA256};
use tracing::Instrument;
use uuid::Uuid;

use super::Caller;
use crate::{
    app::{App, now},
    db::{self, Txn, audit::Object, idempotency::Seen},
    extract::{BODY_LIMIT, read_body},
    problem::{ApiError, ApiResult, REQUEST_ID},
    sealing::Place,
};

tokio::task_local! {
    /// The row of the present request's key.
    static IDEMPOTENCY_KEY: i64;
}

/// Remembers in the transaction of a change what it does, when its request came with a key: should the answer be lost,
/// the same request is not carried out twice.
pub(crate) async fn note_effect(txn: &Txn, action: &str, object: &Object<'_>) -> ApiResult<()> {
    let Ok(key) = IDEMPOTENCY_KEY.try_with(|key| *key) else {
        return Ok(());
    };
    let id = object.uuid.map(|uuid| uuid.to_string()).unwrap_or_default();
    db::idempotency::took_effect(txn, key, &format!("{action} {id}")).await?;
    Ok(())
}

/// Longest key.
const LONGEST_KEY: usize = 200;

/// Replays the first answer to a repeated request. Runs behind the check of the caller.
pub(crate) async fn idempotent(State(app): State<App>, request: Request, next: Next) -> Response {
    let key = request
        .headers()
        .get("idempotency-key")
        .map(|key| key.to_str().unwrap_or("").to_owned());
    let caller = request.extensions().get::<Caller>().cloned();
    match (key, caller) {
        (Some(key), Some(caller)) if request.method() == Method::POST => {
            replay(&app, &caller, &key, request, next)
                .await
                .unwrap_or_else(IntoResponse::into_response)
        }
        _ => next.run(request).await,
    }
}

async fn replay(
    app: &App,
    caller: &Caller,
    key: &str,
    request: Request,
    next: Next,
) -> ApiResult<Response> {
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(ApiError::from(ErrorCode::InvalidRequest).detail(format!(
            "Idempotency-Key must have 1 to {LONGEST_KEY} visible characters"
        )));
    }
    let (parts, body) = request.into_parts();
    let bytes = read_body(body, BODY_LIMIT).await?;
    let mut hash = Context::new(&SHA256);
    for part in [parts.uri.path().as_bytes(), b"\n", &bytes] {
        hash.update(part);
    }
    let hash = hex::encode(hash.finish());
    let writer = app.db.writer();
    let alive_since = app.started_at;
    match db::idempotency::take(writer, caller.user.id, key, &hash, now(), alive_since).await? {
        Seen::Done(effect) => Err(ApiError::from(ErrorCode::Conflict).detail(format!(
            "The same request was carried out ({effect}), but its answer was lost. Look at the result."
        ))),
        Seen::Used { request_hash, .. } if request_hash != hash => {
            Err(ErrorCode::IdempotencyMismatch.into())
        }
        Seen::Used {
            id,
            answer: Some((status, sealed)),
            ..
        } => {
            let body = app.sealer.open(place(caller, id), &sealed)?;
            Ok(json_response(status, body.to_vec()))
        }
        Seen::Used { answer: None, .. } => Err(ApiError::from(ErrorCode::Conflict)
            .detail("The same request is under way; wait for its answer.")),
        Seen::Free(id) => {
            let request = Request::from_parts(parts, Body::from(bytes));
            // A client that hangs up must not leave its key without an answer: it will ask again with it.
            let (app, caller) = (app.clone(), caller.clone());
            let writer = app.db.writer().clone();
            let work = async move { record(&app, &caller, id, request, next).await };
            let work = IDEMPOTENCY_KEY.scope(id, work);
            let name = REQUEST_ID.try_with(Clone::clone).unwrap_or_default();
            let work = tokio::spawn(REQUEST_ID.scope(name, work).in_current_span());
            match work.await {
                Ok(answer) => answer,
                Err(error) => {
                    db::idempotency::forget(&writer, id).await?;
                    Err(ApiError::internal(error))
                }
            }
        }
    }
}

/// Carries a request out and keeps its answer under its key.
async fn record(
    app: &App,
    caller: &Caller,
    id: i64,
    request: Request,
    next: Next,
) -> ApiResult<Response> {
    let response = next.run(request).await;
    if !response.status().is_success() {
        db::idempotency::forget(app.db.writer(), id).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = read_body(body, usize::MAX).await?;
    let sealed = app.sealer.seal(place(caller, id), &bytes);
    db::idempotency::answer(app.db.writer(), id, parts.status.as_u16(), sealed).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn place(caller: &Caller, id: i64) -> Place<'static> {
    let user: Uuid = caller.user.uuid;
    Place::new("idempotency_keys", "sealed_response", user).part(id)
}

fn json_response(status: u16, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
