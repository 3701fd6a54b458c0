//! Tokens with which machines enrol themselves.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use holdfast_protocol::{
    Time,
    api::{
        agents::{EnrolmentToken, EnrolmentTokenCreate, EnrolmentTokenCreated},
        common::Page,
        session::Role,
    },
    errors::ErrorCode,
    ids::EnrolmentTokenId,
};

use super::{ListParams, change::finish, input};
use crate::{
    app::{App, now},
    auth::{Caller, tokens},
    db::{self, EnrolmentTokenRow, audit::Object, enrolment_tokens::NewToken},
    extract::{Body, Id, Json, Params, page_request, to_page},
    problem::{ApiError, ApiResult},
};

const SHORTEST_LIFE_SECONDS: i64 = 60;
const LONGEST_LIFE_SECONDS: i64 = 90 * 24 * 3600;
const DEFAULT_LIFE_SECONDS: i64 = 24 * 3600;

fn view(caller: &Caller, row: EnrolmentTokenRow) -> EnrolmentToken {
    EnrolmentToken {
        id: EnrolmentTokenId(row.uuid),
        usable: row.expires_at > now() && row.max_uses.is_none_or(|most| row.uses < most),
        name: row.name,
        expires_at: Time::from_millis(row.expires_at),
        max_uses: row.max_uses,
        uses: row.uses,
        created_at: Time::from_millis(row.created_at),
        actions: vec![caller.action("delete", Role::Admin)],
    }
}

/// The tenant's enrolment tokens, newest first; their secret text is shown once, when they are made.
#[utoipa::path(get, path = "/enrolment-tokens", tag = "agents",
    params(("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<EnrolmentToken>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> ApiResult<Json<Page<EnrolmentToken>>> {
    let page = page_request(params.limit, params.cursor.as_deref())?;
    let slice = db::enrolment_tokens::list(app.db.reader(), caller.scope, page).await?;
    Ok(Json(to_page(slice, |row| view(&caller, row))))
}

/// Makes an enrolment token and the commands that use it.
#[utoipa::path(post, path = "/enrolment-tokens", tag = "agents", request_body = EnrolmentTokenCreate,
    responses((status = 201, body = EnrolmentTokenCreated)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Body(request): Body<EnrolmentTokenCreate>,
) -> ApiResult<(StatusCode, Json<EnrolmentTokenCreated>)> {
    let name = match request.name.as_deref() {
        Some(name) => input::name(name, "/name")?,
        None => "Add machine".to_owned(),
    };
    let life = request.expires_in_seconds.unwrap_or(DEFAULT_LIFE_SECONDS);
    if !(SHORTEST_LIFE_SECONDS..=LONGEST_LIFE_SECONDS).contains(&life) {
        let detail = format!("must be {SHORTEST_LIFE_SECONDS} to {LONGEST_LIFE_SECONDS}");
        return Err(ApiError::field(
            "/expires_in_seconds",
            "out_of_range",
            detail,
        ));
    }
    if request.max_uses.is_some_and(|most| most < 1) {
        return Err(ApiError::field(
            "/max_uses",
            "out_of_range",
            "must be at least 1",
        ));
    }
    let token = tokens::new_token("hfe_");
    let hash = tokens::hash(token.expose());
    let now = now();
    let new = NewToken {
        name: &name,
        token_hash: &hash,
        expires_at: now + life * 1000,
        max_uses: request.max_uses,
    };
    let txn = app.db.begin().await?;
    let row = db::enrolment_tokens::insert(&txn, caller.scope, new, now).await?;
    let object = Object::of("enrolment_tokens", row.uuid, &name);
    finish(&app, txn, &caller, "enrolment_tokens.create", object, []).await?;
    let server_url = server_url(&app, &headers);
    let created = EnrolmentTokenCreated {
        linux_command: format!(
            "sudo holdfast-agent enroll --server {server_url} --token {} && sudo systemctl enable --now holdfast-agent",
            token.expose()
        ),
        windows_command: format!(
            "holdfast-agent.exe enroll --server {server_url} --token {}",
            token.expose()
        ),
        enrolment_token: view(&caller, row),
        token,
        server_url,
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Address of the server: as the settings say, else as the browser reached it.
pub(crate) fn server_url(app: &App, headers: &HeaderMap) -> String {
    let fixed = app.settings().public_url();
    if !fixed.is_empty() {
        return fixed;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST.as_str()).unwrap_or("127.0.0.1:8440");
    let scheme = match text("x-forwarded-proto") {
        Some("https") => "https",
        _ => "http",
    };
    format!("{scheme}://{host}")
}

/// Deletes an enrolment token; machines that used it stay.
#[utoipa::path(delete, path = "/enrolment-tokens/{id}", tag = "agents", params(("id" = uuid::Uuid, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<StatusCode> {
    let row = db::enrolment_tokens::find(app.db.reader(), caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let txn = app.db.begin().await?;
    db::enrolment_tokens::delete(&txn, caller.scope, id).await?;
    let object = Object::of("enrolment_tokens", row.uuid, &row.name);
    finish(&app, txn, &caller, "enrolment_tokens.delete", object, []).await?;
    Ok(StatusCode::NO_CONTENT)
}
