//! The first account.

use axum::{extract::State, http::StatusCode};
use holdfast_protocol::{
    api::session::{Me, Role, SetUpRequest},
    errors::ErrorCode,
};
use tower_sessions::Session;

use super::{input, session::sign_in_as};
use crate::{
    app::{App, now},
    auth::{access::role_word, password, tokens},
    db::{
        self, Scope, UserRow,
        audit::{Actor, Object},
        users::NewUser,
    },
    extract::{Body, Json},
    problem::{ApiError, ApiResult},
};

/// Makes the first account with the one-time token that the server printed.
#[utoipa::path(post, path = "/set-up", tag = "session", request_body = SetUpRequest,
    responses((status = 201, description = "The account exists and is signed in.", body = Me)))]
pub(crate) async fn set_up(
    State(app): State<App>,
    session: Session,
    Body(request): Body<SetUpRequest>,
) -> ApiResult<(StatusCode, Json<Me>)> {
    if db::users::any(app.db.reader()).await? {
        return Err(ErrorCode::AlreadySetUp.into());
    }
    // Nobody guesses 256 random bits, so there is nothing to slow down, and nothing with which to keep the owner out.
    let expected = app.set_up_token.lock().clone();
    if !expected.is_some_and(|expected| tokens::same(expected.expose(), request.token.expose())) {
        return Err(ApiError::from(ErrorCode::SetUpTokenRefused).at("/token"));
    }
    let user = create_first(&app, &request).await?;
    let me = sign_in_as(&app, &session, user).await?;
    Ok((StatusCode::CREATED, Json(me)))
}

/// Makes the first administrator, and names the tenant that waits for one.
pub(crate) async fn create_first(app: &App, request: &SetUpRequest) -> ApiResult<UserRow> {
    let email = input::email(&request.email, "/email")?;
    password::check(&request.password, "/password")?;
    let name = match &request.name {
        Some(name) => input::name(name, "/name")?,
        None => email.split('@').next().unwrap_or_default().to_owned(),
    };
    let tenant_name = request
        .tenant_name
        .as_deref()
        .map(|name| input::name(name, "/tenant_name"))
        .transpose()?;
    let zone = request
        .zone
        .as_deref()
        .map(|zone| input::zone(zone, "/zone"))
        .transpose()?;
    let hash = password::hash(&request.password).await?;
    let now = now();
    let txn = app.db.begin().await?;
    if db::users::any(&txn).await? {
        return Err(ErrorCode::AlreadySetUp.into());
    }
    let tenant = db::tenants::all(&txn)
        .await?
        .into_iter()
        .next()
        .ok_or(ErrorCode::Internal)?;
    let scope = Scope::tenant(tenant.id);
    db::tenants::rename(&txn, scope, tenant_name.as_deref(), zone.as_deref()).await?;
    let new = NewUser {
        email: &email,
        name: &name,
        role: role_word(Role::Admin),
        password_hash: &hash,
    };
    let user = db::users::insert(&txn, scope, new, now).await?;
    let actor = Actor {
        name: "server".to_owned(),
        address: None,
    };
    let object = Object::of("users", user.uuid, &user.email);
    db::audit::write(&txn, scope, &actor, "users.set_up", object, now).await?;
    txn.commit().await?;
    *app.set_up_token.lock() = None;
    Ok(user)
}
