//! Alerts, open and over.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
};
use uuid::Uuid;

use super::{
    AlertRow, Order, PageRequest, Scope, Slice,
    entity::alert::{ActiveModel, Column, Entity},
    of, page_by_id, reseller,
};

/// What an alert says; it may change while the alert is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AlertContent {
    pub(crate) object_name: String,
    pub(crate) severity: &'static str,
    pub(crate) action: &'static str,
    pub(crate) target_type: &'static str,
    pub(crate) target_uuid: Uuid,
    /// JSON.
    pub(crate) params: String,
    pub(crate) since_at: i64,
}

/// What a new alert is made of.
#[derive(Clone, Debug)]
pub(crate) struct NewAlert {
    pub(crate) kind: &'static str,
    pub(crate) object_type: &'static str,
    pub(crate) object_uuid: Uuid,
    pub(crate) content: AlertContent,
}

/// Which alerts are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct AlertFilter {
    pub(crate) open: Option<bool>,
    pub(crate) severities: Vec<String>,
    pub(crate) kinds: Vec<String>,
}

/// One alert of a tenant.
pub(crate) async fn find(
    conn: &impl ConnectionTrait,
    scope: Scope,
    uuid: Uuid,
) -> Result<Option<AlertRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Uuid.eq(uuid))
        .one(conn)
        .await
}

/// A page of a tenant's alerts, newest first.
pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    scope: Scope,
    filter: &AlertFilter,
    page: PageRequest,
) -> Result<Slice<AlertRow>, DbErr> {
    let mut query = of::<Entity>(scope);
    if let Some(open) = filter.open {
        query = query.filter(if open {
            Column::ClosedAt.is_null()
        } else {
            Column::ClosedAt.is_not_null()
        });
    }
    if !filter.severities.is_empty() {
        query = query.filter(Column::Severity.is_in(&filter.severities));
    }
    if !filter.kinds.is_empty() {
        query = query.filter(Column::Kind.is_in(&filter.kinds));
    }
    page_by_id(conn, query, Order::NewestFirst, page).await
}

/// A tenant's open alerts, oldest first.
pub(crate) async fn open(
    conn: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Vec<AlertRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::ClosedAt.is_null())
        .order_by_asc(Column::Id)
        .all(conn)
        .await
}

/// Opens an alert.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    scope: Scope,
    new: NewAlert,
    now: i64,
) -> Result<AlertRow, DbErr> {
    let row = ActiveModel {
        uuid: Set(Uuid::now_v7()),
        tenant_id: Set(scope.tenant_id()),
        reseller_id: Set(reseller(conn, scope).await?),
        kind: Set(new.kind.to_owned()),
        object_type: Set(new.object_type.to_owned()),
        object_uuid: Set(new.object_uuid),
        opened_at: Set(now),
        ..said(new.content, now)
    };
    Entity::insert(row).exec_with_returning(conn).await
}

/// An open alert says something else from now on.
pub(crate) async fn restate(
    conn: &impl ConnectionTrait,
    id: i64,
    content: AlertContent,
    now: i64,
) -> Result<(), DbErr> {
    Entity::update_many()
        .set(said(content, now))
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

fn said(content: AlertContent, now: i64) -> ActiveModel {
    ActiveModel {
        object_name: Set(content.object_name),
        severity: Set(content.severity.to_owned()),
        action: Set(content.action.to_owned()),
        target_type: Set(content.target_type.to_owned()),
        target_uuid: Set(content.target_uuid),
        params: Set(content.params),
        since_at: Set(content.since_at),
        last_seen_at: Set(now),
        ..Default::default()
    }
}

/// Alerts that were seen to be open still.
pub(crate) async fn touch(
    conn: &impl ConnectionTrait,
    ids: Vec<i64>,
    now: i64,
) -> Result<(), DbErr> {
    set(conn, ids, |row| row.last_seen_at = Set(now)).await
}

/// Alerts that are over.
pub(crate) async fn close(
    conn: &impl ConnectionTrait,
    ids: Vec<i64>,
    now: i64,
) -> Result<(), DbErr> {
    set(conn, ids, |row| row.closed_at = Set(Some(now))).await
}

/// Ids of one statement: SQLite binds 32,766 values at most.
const IDS_OF_A_STATEMENT: usize = 10_000;

async fn set(
    conn: &impl ConnectionTrait,
    ids: Vec<i64>,
    change: impl Fn(&mut ActiveModel),
) -> Result<(), DbErr> {
    for ids in ids.chunks(IDS_OF_A_STATEMENT) {
        let mut row = ActiveModel::default();
        change(&mut row);
        Entity::update_many()
            .set(row)
            .filter(Column::Id.is_in(ids.iter().copied()))
            .exec(conn)
            .await?;
    }
    Ok(())
}

/// Somebody took note of an open alert; who did first stays.
pub(crate) async fn acknowledge(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    by: &str,
    now: i64,
) -> Result<bool, DbErr> {
    let row = ActiveModel {
        acknowledged_at: Set(Some(now)),
        acknowledged_by: Set(Some(by.to_owned())),
        ..Default::default()
    };
    let done = Entity::update_many()
        .set(row)
        .filter(Column::TenantId.eq(scope.tenant_id()))
        .filter(Column::Id.eq(id))
        .filter(Column::ClosedAt.is_null())
        .filter(Column::AcknowledgedAt.is_null())
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Remembers which channels were told of an alert, as JSON.
pub(crate) async fn set_notified(
    conn: &impl ConnectionTrait,
    id: i64,
    notified: String,
) -> Result<(), DbErr> {
    set(conn, vec![id], |row| {
        row.notified = Set(Some(notified.clone()));
    })
    .await
}

/// Drops those that were over before a time.
pub(crate) async fn sweep(conn: &impl ConnectionTrait, closed_before: i64) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::ClosedAt.lt(closed_before))
        .exec(conn)
        .await?;
    Ok(())
}
