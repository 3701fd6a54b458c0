//! People who may sign in.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    Order, PageRequest, Scope, Slice, UserRow, change_version, delete_version,
    entity::user::{ActiveModel, Column, Entity},
    of, page_by_id,
};

/// What a new account is made of.
pub(crate) struct NewUser<'a> {
    pub(crate) email: &'a str,
    pub(crate) name: &'a str,
    pub(crate) role: &'a str,
    pub(crate) password_hash: &'a str,
}

/// What may change in an account.
#[derive(Default)]
pub(crate) struct UserChange {
    pub(crate) name: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) disabled: Option<bool>,
    pub(crate) password_hash: Option<String>,
}

/// Whether the server has any account.
pub(crate) async fn any(conn: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(Entity::find().limit(1).one(conn).await?.is_some())
}

/// The account of an e-mail address, whatever its tenant: addresses are unique on the server.
pub(crate) async fn by_email(
    conn: &impl ConnectionTrait,
    email: &str,
) -> Result<Option<UserRow>, DbErr> {
    Entity::find()
        .filter(Column::Email.eq(email))
        .one(conn)
        .await
}

/// The account of a session.
pub(crate) async fn by_session(
    conn: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<UserRow>, DbErr> {
    Entity::find_by_id(id).one(conn).await
}

/// One account of a tenant.
pub(crate) async fn find(
    conn: &impl ConnectionTrait,
    scope: Scope,
    uuid: Uuid,
) -> Result<Option<UserRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Uuid.eq(uuid))
        .one(conn)
        .await
}

/// A page of a tenant's accounts, oldest first.
pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    scope: Scope,
    page: PageRequest,
) -> Result<Slice<UserRow>, DbErr> {
    page_by_id(conn, of::<Entity>(scope), Order::OldestFirst, page).await
}

/// Makes an account.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    scope: Scope,
    new: NewUser<'_>,
    now: i64,
) -> Result<UserRow, DbErr> {
    let row = ActiveModel {
        uuid: Set(Uuid::now_v7()),
        tenant_id: Set(scope.tenant_id()),
        email: Set(new.email.to_owned()),
        name: Set(new.name.to_owned()),
        role: Set(new.role.to_owned()),
        password_hash: Set(new.password_hash.to_owned()),
        disabled: Set(false),
        created_at: Set(now),
        version: Set(1),
        ..Default::default()
    };
    Entity::insert(row).exec_with_returning(conn).await
}

/// Changes an account if it still has `version`; false when it has not.
pub(crate) async fn update(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    version: i64,
    change: UserChange,
) -> Result<bool, DbErr> {
    let mut row = ActiveModel {
        version: Set(version + 1),
        ..Default::default()
    };
    if let Some(name) = change.name {
        row.name = Set(name);
    }
    if let Some(role) = change.role {
        row.role = Set(role);
    }
    if let Some(disabled) = change.disabled {
        row.disabled = Set(disabled);
    }
    if let Some(hash) = change.password_hash {
        row.password_hash = Set(hash);
    }
    change_version::<Entity>(conn, scope, id, version, row).await
}

/// Remembers a sign-in.
pub(crate) async fn signed_in(conn: &impl ConnectionTrait, id: i64, now: i64) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::LastSignInAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Deletes an account if it still has `version`; false when it has not.
pub(crate) async fn delete(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    version: i64,
) -> Result<bool, DbErr> {
    delete_version::<Entity>(conn, scope, id, version).await
}

/// How many enabled administrators the tenant has beside `id`.
pub(crate) async fn other_admins(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
) -> Result<u64, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Role.eq("admin"))
        .filter(Column::Disabled.eq(false))
        .filter(Column::Id.ne(id))
        .count(conn)
        .await
}
