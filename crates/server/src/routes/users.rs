//! People who may sign in.

use axum::{extract::State, http::StatusCode};
use holdfast_protocol::{
    api::{
        common::Page,
        session::Role,
        users::{User, UserCreate, UserPatch},
    },
    errors::ErrorCode,
};

use super::{
    ListParams,
    change::{finish, free, version_changed},
    input,
};
use crate::{
    app::{App, now},
    auth::{Caller, access::role_word, password},
    db::{
        self, UserRow,
        audit::Object,
        users::{NewUser, UserChange},
    },
    extract::{Body, Id, IfMatch, Json, Params, page_request, to_page},
    problem::{ApiError, ApiResult},
    view::users::user,
};

async fn find(app: &App, caller: &Caller, id: uuid::Uuid) -> ApiResult<UserRow> {
    Ok(db::users::find(app.db.reader(), caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?)
}

/// The tenant's accounts.
#[utoipa::path(get, path = "/users", tag = "users",
    params(("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<User>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> ApiResult<Json<Page<User>>> {
    let page = page_request(params.limit, params.cursor.as_deref())?;
    let slice = db::users::list(app.db.reader(), caller.scope, page).await?;
    Ok(Json(to_page(slice, |row| user(&caller, row))))
}

/// One account.
#[utoipa::path(get, path = "/users/{id}", tag = "users", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = User)))]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<User>> {
    Ok(Json(user(&caller, find(&app, &caller, id).await?)))
}

/// Makes an account.
#[utoipa::path(post, path = "/users", tag = "users", request_body = UserCreate,
    responses((status = 201, body = User)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<UserCreate>,
) -> ApiResult<(StatusCode, Json<User>)> {
    let email = input::email(&request.email, "/email")?;
    password::check(&request.password, "/password")?;
    let name = match request.name.as_deref() {
        Some(name) => input::name(name, "/name")?,
        None => email.split('@').next().unwrap_or_default().to_owned(),
    };
    let hash = password::hash(&request.password).await?;
    let txn = app.db.begin().await?;
    let other = db::users::by_email(&txn, &email).await?;
    free(
        other,
        |_| false,
        "/email",
        "The e-mail address has an account already.",
    )?;
    let new = NewUser {
        email: &email,
        name: &name,
        role: role_word(request.role),
        password_hash: &hash,
    };
    let row = db::users::insert(&txn, caller.scope, new, now()).await?;
    let object = Object::of("users", row.uuid, &row.email);
    finish(&app, txn, &caller, "users.create", object, []).await?;
    Ok((StatusCode::CREATED, Json(user(&caller, row))))
}

/// Changes an account.
#[utoipa::path(patch, path = "/users/{id}", tag = "users", params(("id" = uuid::Uuid, Path)),
    request_body = UserPatch, responses((status = 200, body = User)))]
pub(crate) async fn update(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    IfMatch(version): IfMatch,
    Body(patch): Body<UserPatch>,
) -> ApiResult<Json<User>> {
    let row = find(&app, &caller, id).await?;
    let mut change = UserChange {
        disabled: patch.disabled,
        ..UserChange::default()
    };
    if let Some(name) = &patch.name {
        change.name = Some(input::name(name, "/name")?);
    }
    if let Some(new) = &patch.password {
        password::check(new, "/password")?;
        change.password_hash = Some(password::hash(new).await?);
    }
    change.role = patch.role.map(|role| role_word(role).to_owned());
    let loses_admin =
        patch.role.is_some_and(|role| role != Role::Admin) || patch.disabled == Some(true);
    let ends_sessions = patch.disabled == Some(true) || change.password_hash.is_some();
    let txn = app.db.begin().await?;
    if loses_admin
        && row.role == "admin"
        && db::users::other_admins(&txn, caller.scope, row.id).await? == 0
    {
        return Err(ErrorCode::LastAdministrator.into());
    }
    if !db::users::update(&txn, caller.scope, row.id, version, change).await? {
        return Err(version_changed(&user(&caller, row)));
    }
    if ends_sessions {
        let own = (row.id == caller.user.id)
            .then_some(caller.session_hash.as_deref())
            .flatten();
        db::sessions::delete_of_user(&txn, row.id, own).await?;
    }
    let object = Object::of("users", row.uuid, &row.email);
    finish(&app, txn, &caller, "users.update", object, []).await?;
    Ok(Json(user(&caller, find(&app, &caller, id).await?)))
}

/// Deletes an account and ends its sessions.
#[utoipa::path(delete, path = "/users/{id}", tag = "users", params(("id" = uuid::Uuid, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    IfMatch(version): IfMatch,
) -> ApiResult<StatusCode> {
    let row = find(&app, &caller, id).await?;
    if row.id == caller.user.id {
        return Err(
            ApiError::from(ErrorCode::Conflict).detail("One cannot delete one's own account.")
        );
    }
    let txn = app.db.begin().await?;
    if row.role == "admin" && db::users::other_admins(&txn, caller.scope, row.id).await? == 0 {
        return Err(ErrorCode::LastAdministrator.into());
    }
    if !db::users::delete(&txn, caller.scope, row.id, version).await? {
        return Err(version_changed(&user(&caller, row)));
    }
    let object = Object::of("users", row.uuid, &row.email);
    finish(&app, txn, &caller, "users.delete", object, []).await?;
    Ok(StatusCode::NO_CONTENT)
}
