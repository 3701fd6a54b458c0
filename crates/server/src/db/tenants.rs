//! Tenants.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
};
use uuid::Uuid;

use super::{Scope, TenantRow, entity::tenant};

/// The tenant of a scope.
pub(crate) async fn get(conn: &impl ConnectionTrait, scope: Scope) -> Result<TenantRow, DbErr> {
    let row = tenant::Entity::find_by_id(scope.tenant_id())
        .one(conn)
        .await?;
    row.ok_or_else(|| DbErr::RecordNotFound(format!("tenant {}", scope.tenant_id())))
}

/// Every tenant, for the server's own tasks.
pub(crate) async fn all(conn: &impl ConnectionTrait) -> Result<Vec<TenantRow>, DbErr> {
    tenant::Entity::find()
        .order_by_asc(tenant::Column::Id)
        .all(conn)
        .await
}

/// Whether it is the first tenant: the one that runs the server.
pub(crate) async fn is_first(conn: &impl ConnectionTrait, scope: Scope) -> Result<bool, DbErr> {
    let first = tenant::Entity::find()
        .order_by_asc(tenant::Column::Id)
        .one(conn)
        .await?;
    Ok(first.is_some_and(|first| first.id == scope.tenant_id()))
}

/// Makes a tenant.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    name: &str,
    zone: &str,
    now: i64,
) -> Result<TenantRow, DbErr> {
    let row = tenant::ActiveModel {
        uuid: Set(Uuid::now_v7()),
        parent_id: Set(None),
        name: Set(name.to_owned()),
        zone: Set(zone.to_owned()),
        created_at: Set(now),
        version: Set(1),
        ..Default::default()
    };
    tenant::Entity::insert(row).exec_with_returning(conn).await
}

/// Gives a tenant its name and time zone.
pub(crate) async fn rename(
    conn: &impl ConnectionTrait,
    scope: Scope,
    name: Option<&str>,
    zone: Option<&str>,
) -> Result<(), DbErr> {
    let mut row = get(conn, scope).await?;
    let version = row.version;
    if let Some(name) = name {
        row.name = name.to_owned();
    }
    if let Some(zone) = zone {
        row.zone = zone.to_owned();
    }
    let change = tenant::ActiveModel {
        name: Set(row.name),
        zone: Set(row.zone),
        version: Set(version + 1),
        ..Default::default()
    };
    tenant::Entity::update_many()
        .set(change)
        .filter(tenant::Column::Id.eq(row.id))
        .exec(conn)
        .await?;
    Ok(())
}
