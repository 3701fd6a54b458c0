//! Sign-in, sign-out, and the caller's own account.

use axum::{
    extract::{FromRequest, Request, State},
    http::StatusCode,
};
use holdfast_protocol::{
    Time,
    api::{
        common::Reference,
        session::{Me, MePatch, ServerStatus, SignInRequest, TenantSummary},
    },
    errors::ErrorCode,
    ids::{TenantId, UserId},
};
use tower_sessions::Session;

use super::{
    change::{finish, version_changed},
    input,
};
use crate::{
    app::{App, PRODUCT, now},
    auth::{
        Caller,
        access::{GENERAL_ACTIONS, parse_role},
        caller::{by_session, client_address},
        password,
        rate_limit::place,
        session_store::{USER_KEY, hash_id},
    },
    db::{
        self, Scope, UserRow,
        audit::{Actor, Object},
        users::UserChange,
    },
    extract::{Body, IfMatch, Json},
    problem::{ApiError, ApiResult},
};

/// What anybody may know about the server.
#[utoipa::path(get, path = "/status", tag = "session", responses((status = 200, body = ServerStatus)))]
pub(crate) async fn status(
    State(app): State<App>,
    session: Session,
) -> ApiResult<Json<ServerStatus>> {
    Ok(Json(ServerStatus {
        product: PRODUCT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        set_up: db::users::any(app.db.reader()).await?,
        signed_in: by_session(&app, &session).await?.is_some(),
        time: Time::from_millis(now()),
    }))
}

/// Signs in.
#[utoipa::path(post, path = "/session", tag = "session", request_body = SignInRequest,
    responses((status = 200, body = Me)))]
pub(crate) async fn sign_in(
    State(app): State<App>,
    session: Session,
    request: Request,
) -> ApiResult<Json<Me>> {
    let address = client_address(&request);
    let Body(credentials) = Body::<SignInRequest>::from_request(request, &()).await?;
    let user = check_credentials(&app, &credentials, address.as_deref()).await?;
    let actor = Actor {
        name: user.email.clone(),
        address,
    };
    let object = Object::of("users", user.uuid, &user.email);
    let scope = Scope::tenant(user.tenant_id);
    db::audit::write(
        app.db.writer(),
        scope,
        &actor,
        "session.create",
        object,
        now(),
    )
    .await?;
    Ok(Json(sign_in_as(&app, &session, user).await?))
}

/// The account that these credentials belong to. Guessing is slowed by account and by address, but nobody elsewhere can
/// keep somebody from signing in where they have done so before: such a place has a count of its own.
pub(crate) async fn check_credentials(
    app: &App,
    credentials: &SignInRequest,
    address: Option<&str>,
) -> ApiResult<UserRow> {
    let email = credentials.email.trim().to_lowercase();
    let user = db::users::by_email(app.db.reader(), &email).await?;
    let place = address.map(place);
    let is_known = match (&user, &place) {
        (Some(user), Some(place)) => {
            db::sign_in_places::is_known(app.db.reader(), user.id, place, now()).await?
        }
        _ => false,
    };
    let attempt = match &place {
        Some(place) if is_known => app
            .sign_ins
            .attempt(&[format!("account {email} at {place}")])?,
        place => {
            let mut keys = vec![format!("account {email}")];
            keys.extend(place.iter().map(|place| format!("address {place}")));
            app.sign_ins.attempt(&keys)?
        }
    };
    let stored = user.as_ref().map(|user| user.password_hash.as_str());
    let right = password::verify(&credentials.password, stored).await?;
    let user = user
        .filter(|user| right && !user.disabled)
        .ok_or(ErrorCode::SignInFailed)?;
    if is_known {
        attempt.forgives();
    } else {
        attempt.succeeded();
    }
    if let Some(place) = &place {
        db::sign_in_places::remember(app.db.writer(), user.id, place, now()).await?;
    }
    Ok(user)
}

/// Gives the browser a fresh session for an account.
pub(crate) async fn sign_in_as(app: &App, session: &Session, user: UserRow) -> ApiResult<Me> {
    session.cycle_id().await.map_err(ApiError::internal)?;
    session
        .insert(USER_KEY, user.id)
        .await
        .map_err(ApiError::internal)?;
    session.save().await.map_err(ApiError::internal)?;
    db::users::signed_in(app.db.writer(), user.id, now()).await?;
    let caller = Caller {
        role: parse_role(&user.role),
        scope: Scope::tenant(user.tenant_id),
        address: None,
        session_hash: session.id().map(|id| hash_id(&id)),
        user,
    };
    view(app, session, &caller).await
}

/// Signs out.
#[utoipa::path(delete, path = "/session", tag = "session", responses((status = 204)))]
pub(crate) async fn sign_out(session: Session, _caller: Caller) -> ApiResult<StatusCode> {
    session.flush().await.map_err(ApiError::internal)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller.
#[utoipa::path(get, path = "/me", tag = "session", responses((status = 200, body = Me)))]
pub(crate) async fn me(
    State(app): State<App>,
    session: Session,
    caller: Caller,
) -> ApiResult<Json<Me>> {
    Ok(Json(view(&app, &session, &caller).await?))
}

/// Changes the caller's own name or password.
#[utoipa::path(patch, path = "/me", tag = "session", request_body = MePatch, responses((status = 200, body = Me)))]
pub(crate) async fn update_me(
    State(app): State<App>,
    session: Session,
    mut caller: Caller,
    IfMatch(version): IfMatch,
    Body(patch): Body<MePatch>,
) -> ApiResult<Json<Me>> {
    let mut change = UserChange::default();
    if let Some(name) = &patch.name {
        change.name = Some(input::name(name, "/name")?);
    }
    if let Some(new) = &patch.new_password {
        confirm_password(
            &app,
            &caller,
            patch.current_password.as_ref(),
            "/current_password",
        )
        .await?;
        password::check(new, "/new_password")?;
        change.password_hash = Some(password::hash(new).await?);
    }
    let new_password = change.password_hash.is_some();
    let txn = app.db.begin().await?;
    let done = db::users::update(&txn, caller.scope, caller.user.id, version, change).await?;
    if !done {
        return Err(version_changed(&view(&app, &session, &caller).await?));
    }
    if new_password {
        db::sessions::delete_of_user(&txn, caller.user.id, caller.session_hash.as_deref()).await?;
        let object = Object::of("users", caller.user.uuid, &caller.user.email);
        finish(&app, txn, &caller, "me.new_password", object, []).await?;
    } else {
        txn.commit().await?;
    }
    caller.user = db::users::by_session(app.db.reader(), caller.user.id)
        .await?
        .ok_or(ErrorCode::NotSignedIn)?;
    Ok(Json(view(&app, &session, &caller).await?))
}

/// Asks for the caller's own password again.
pub(crate) async fn confirm_password(
    app: &App,
    caller: &Caller,
    given: Option<&holdfast_protocol::Secret>,
    pointer: &str,
) -> ApiResult<()> {
    let Some(given) = given else {
        return Err(ApiError::field(pointer, "missing", "must be given"));
    };
    let keys = [format!("confirm {}", caller.user.email)];
    let attempt = app.sign_ins.attempt(&keys)?;
    if !password::verify(given, Some(&caller.user.password_hash)).await? {
        return Err(ApiError::field(pointer, "wrong", "is not your password"));
    }
    attempt.forgives();
    Ok(())
}

async fn view(app: &App, session: &Session, caller: &Caller) -> ApiResult<Me> {
    let tenant = db::tenants::get(app.db.reader(), caller.scope).await?;
    let local = db::agents::all(app.db.reader(), caller.scope)
        .await?
        .into_iter()
        .find(|agent| agent.on_server_host);
    Ok(Me {
        id: UserId(caller.user.uuid),
        email: caller.user.email.clone(),
        name: caller.user.name.clone(),
        role: caller.role,
        tenant: TenantSummary {
            id: TenantId(tenant.uuid),
            name: tenant.name,
            zone: tenant.zone,
        },
        actions: GENERAL_ACTIONS
            .iter()
            .map(|(name, needs)| caller.action(name, *needs))
            .collect(),
        session_expires_at: Time::from_millis(session.expiry_date().unix_timestamp() * 1000),
        local_agent: local.map(|agent| Reference {
            id: agent.uuid,
            name: agent.name,
        }),
        version: caller.user.version,
    })
}
