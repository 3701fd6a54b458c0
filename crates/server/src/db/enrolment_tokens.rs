//! Tokens with which machines enrol; stored as SHA-256 only.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait,
    QueryFilter, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    EnrolmentTokenRow, Order, PageRequest, Scope, Slice,
    entity::enrolment_token::{ActiveModel, Column, Entity},
    of, page_by_id,
};

/// What a new token is made of.
pub(crate) struct NewToken<'a> {
    pub(crate) name: &'a str,
    pub(crate) token_hash: &'a str,
    pub(crate) expires_at: i64,
    pub(crate) max_uses: Option<i64>,
}

/// Makes a token.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    scope: Scope,
    new: NewToken<'_>,
    now: i64,
) -> Result<EnrolmentTokenRow, DbErr> {
    let row = ActiveModel {
        uuid: Set(Uuid::now_v7()),
        tenant_id: Set(scope.tenant_id()),
        name: Set(new.name.to_owned()),
        token_hash: Set(new.token_hash.to_owned()),
        expires_at: Set(new.expires_at),
        max_uses: Set(new.max_uses),
        uses: Set(0),
        created_at: Set(now),
        ..Default::default()
    };
    Entity::insert(row).exec_with_returning(conn).await
}

/// A page of a tenant's tokens, newest first.
pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    scope: Scope,
    page: PageRequest,
) -> Result<Slice<EnrolmentTokenRow>, DbErr> {
    page_by_id(conn, of::<Entity>(scope), Order::NewestFirst, page).await
}

/// One token of a tenant.
pub(crate) async fn find(
    conn: &impl ConnectionTrait,
    scope: Scope,
    uuid: Uuid,
) -> Result<Option<EnrolmentTokenRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Uuid.eq(uuid))
        .one(conn)
        .await
}

/// Deletes a token; false when the tenant has no such one.
pub(crate) async fn delete(
    conn: &impl ConnectionTrait,
    scope: Scope,
    uuid: Uuid,
) -> Result<bool, DbErr> {
    let done = Entity::delete_many()
        .filter(Column::TenantId.eq(scope.tenant_id()))
        .filter(Column::Uuid.eq(uuid))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Uses a token once; `None` when it is unknown, expired or used up.
pub(crate) async fn redeem(
    conn: &impl ConnectionTrait,
    token_hash: &str,
    now: i64,
) -> Result<Option<EnrolmentTokenRow>, DbErr> {
    let open = Condition::any()
        .add(Column::MaxUses.is_null())
        .add(Expr::col(Column::Uses).lt(Expr::col(Column::MaxUses)));
    let done = Entity::update_many()
        .col_expr(Column::Uses, Expr::col(Column::Uses).add(1))
        .filter(Column::TokenHash.eq(token_hash))
        .filter(Column::ExpiresAt.gt(now))
        .filter(open)
        .exec(conn)
        .await?;
    if done.rows_affected == 0 {
        return Ok(None);
    }
    Entity::find()
        .filter(Column::TokenHash.eq(token_hash))
        .one(conn)
        .await
}

/// A token by its hash, whosever it is.
pub(crate) async fn by_hash(
    conn: &impl ConnectionTrait,
    token_hash: &str,
) -> Result<Option<EnrolmentTokenRow>, DbErr> {
    Entity::find()
        .filter(Column::TokenHash.eq(token_hash))
        .one(conn)
        .await
}
