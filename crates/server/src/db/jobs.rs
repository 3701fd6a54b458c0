//! Jobs.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, UpdateMany,
};
use uuid::Uuid;

use super::{
    JobRow, Order, PageRequest, Scope, Slice, change_version, delete_version,
    entity::job::{ActiveModel, Column, Entity},
    of, page_by_id, reseller,
};

/// What a new job is made of; JSON fields as text.
pub(crate) struct NewJob {
    pub(crate) uuid: Uuid,
    pub(crate) agent_id: i64,
    pub(crate) vault_id: i64,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) enabled: bool,
    pub(crate) paths: String,
    pub(crate) policy: String,
    pub(crate) schedule: String,
    pub(crate) upload_limit: Option<i64>,
    pub(crate) max_age_seconds: Option<i64>,
    pub(crate) offline_start: bool,
    pub(crate) retention: String,
    pub(crate) next: Option<Next>,
}

/// The next occurrence of a job, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Next {
    /// When it is due.
    pub(crate) due_at: i64,
    /// When it starts.
    pub(crate) start_at: i64,
}

/// What may change in a job; `Some(None)` lifts a limit.
#[derive(Default)]
pub(crate) struct JobChange {
    pub(crate) name: Option<String>,
    pub(crate) enabled: Option<bool>,
    pub(crate) paths: Option<String>,
    pub(crate) policy: Option<String>,
    pub(crate) schedule: Option<String>,
    pub(crate) upload_limit: Option<Option<i64>>,
    pub(crate) max_age_seconds: Option<Option<i64>>,
    pub(crate) offline_start: Option<bool>,
    pub(crate) retention: Option<String>,
    pub(crate) next: Option<Option<Next>>,
}

/// Which jobs are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct JobFilter {
    pub(crate) agent_id: Option<i64>,
    pub(crate) vault_id: Option<i64>,
    pub(crate) enabled: Option<bool>,
}

/// One job of a tenant.
pub(crate) async fn find(
    conn: &impl ConnectionTrait,
    scope: Scope,
    uuid: Uuid,
) -> Result<Option<JobRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Uuid.eq(uuid))
        .one(conn)
        .await
}

/// One job of a tenant by its number.
pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
) -> Result<Option<JobRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Id.eq(id))
        .one(conn)
        .await
}

/// The job of a tenant that has this name.
pub(crate) async fn by_name(
    conn: &impl ConnectionTrait,
    scope: Scope,
    name: &str,
) -> Result<Option<JobRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Name.eq(name))
        .one(conn)
        .await
}

/// All jobs of a tenant, oldest first.
pub(crate) async fn all(conn: &impl ConnectionTrait, scope: Scope) -> Result<Vec<JobRow>, DbErr> {
    of::<Entity>(scope).order_by_asc(Column::Id).all(conn).await
}

/// A page of a tenant's jobs, oldest first.
pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    scope: Scope,
    filter: JobFilter,
    page: PageRequest,
) -> Result<Slice<JobRow>, DbErr> {
    let mut query = of::<Entity>(scope);
    if let Some(agent_id) = filter.agent_id {
        query = query.filter(Column::AgentId.eq(agent_id));
    }
    if let Some(vault_id) = filter.vault_id {
        query = query.filter(Column::VaultId.eq(vault_id));
    }
    if let Some(enabled) = filter.enabled {
        query = query.filter(Column::Enabled.eq(enabled));
    }
    page_by_id(conn, query, Order::OldestFirst, page).await
}

/// The first few enabled jobs of a machine, oldest first.
pub(crate) async fn enabled_of_agent(
    conn: &impl ConnectionTrait,
    scope: Scope,
    agent_id: i64,
    limit: u64,
) -> Result<Vec<JobRow>, DbErr> {
    enabled_query(scope, agent_id, limit).all(conn).await
}

/// Those of them that the machine may start without the server.
pub(crate) async fn offline_of_agent(
    conn: &impl ConnectionTrait,
    scope: Scope,
    agent_id: i64,
    limit: u64,
) -> Result<Vec<JobRow>, DbErr> {
    enabled_query(scope, agent_id, limit)
        .filter(Column::OfflineStart.eq(true))
        .all(conn)
        .await
}

fn enabled_query(scope: Scope, agent_id: i64, limit: u64) -> Select<Entity> {
    of::<Entity>(scope)
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::Enabled.eq(true))
        .order_by_asc(Column::Id)
        .limit(limit)
}

/// Enabled jobs of the whole server whose schedule asks for something until `until`.
pub(crate) async fn scheduled(
    conn: &impl ConnectionTrait,
    until: i64,
) -> Result<Vec<JobRow>, DbErr> {
    scheduled_query(until).all(conn).await
}

pub(super) fn scheduled_query(until: i64) -> Select<Entity> {
    Entity::find()
        .filter(Column::NextStartAt.lte(until))
        .filter(Column::Enabled.eq(true))
        .order_by_asc(Column::NextStartAt)
}

/// Writes down when a job is due next; its version stays.
pub(crate) async fn set_next(
    conn: &impl ConnectionTrait,
    id: i64,
    next: Option<Next>,
) -> Result<(), DbErr> {
    set_next_query(next)
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

fn set_next_query(next: Option<Next>) -> UpdateMany<Entity> {
    Entity::update_many().set(ActiveModel {
        next_due_at: Set(next.map(|next| next.due_at)),
        next_start_at: Set(next.map(|next| next.start_at)),
        ..Default::default()
    })
}

/// The same for a job that is still as it was seen.
pub(crate) async fn set_next_of(
    conn: &impl ConnectionTrait,
    seen: &JobRow,
    next: Option<Next>,
) -> Result<(), DbErr> {
    set_next_query(next)
        .filter(Column::Id.eq(seen.id))
        .filter(Column::Version.eq(seen.version))
        .filter(Column::NextDueAt.eq(seen.next_due_at))
        .exec(conn)
        .await?;
    Ok(())
}

/// Jobs of the whole server whose retention was looked at before `before`, the longest ago first.
pub(crate) async fn retention_due(
    conn: &impl ConnectionTrait,
    before: i64,
    limit: u64,
) -> Result<Vec<JobRow>, DbErr> {
    retention_due_query(before).limit(limit).all(conn).await
}

pub(super) fn retention_due_query(before: i64) -> Select<Entity> {
    Entity::find()
        .filter(Column::RetentionAt.lt(before))
        .order_by_asc(Column::RetentionAt)
}

/// Writes down when a job's retention was looked at, and since when points wait that no rule keeps; its version stays.
pub(crate) async fn retention_seen(
    conn: &impl ConnectionTrait,
    id: i64,
    at: i64,
    waits_since: Option<i64>,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        retention_at: Set(at),
        retention_waits_since: Set(waits_since),
        ..Default::default()
    };
    Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Writes down what the last application of a job's retention did, whether it left nothing of what it was to delete, and when
/// it is looked at anew; its version stays.
pub(crate) async fn retention_applied(
    conn: &impl ConnectionTrait,
    id: i64,
    applied: String,
    is_whole: bool,
    at: Option<i64>,
) -> Result<(), DbErr> {
    let mut row = ActiveModel {
        retention_applied: Set(Some(applied)),
        ..Default::default()
    };
    if is_whole {
        row.retention_waits_since = Set(None);
    }
    if let Some(at) = at {
        row.retention_at = Set(at);
    }
    Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Names of the jobs that match, the first few of them.
pub(crate) async fn some_names(
    conn: &impl ConnectionTrait,
    scope: Scope,
    filter: JobFilter,
) -> Result<Vec<String>, DbErr> {
    let page = PageRequest {
        limit: 10,
        after: None,
    };
    let some = list(conn, scope, filter, page).await?;
    Ok(some.rows.into_iter().map(|job| job.name).collect())
}

/// Makes a job.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    scope: Scope,
    new: NewJob,
    now: i64,
) -> Result<JobRow, DbErr> {
    let row = ActiveModel {
        uuid: Set(new.uuid),
        tenant_id: Set(scope.tenant_id()),
        reseller_id: Set(reseller(conn, scope).await?),
        agent_id: Set(new.agent_id),
        vault_id: Set(new.vault_id),
        name: Set(new.name),
        kind: Set(new.kind),
        enabled: Set(new.enabled),
        paths: Set(new.paths),
        policy: Set(new.policy),
        schedule: Set(new.schedule),
        upload_limit: Set(new.upload_limit),
        max_age_seconds: Set(new.max_age_seconds),
        next_due_at: Set(new.next.map(|next| next.due_at)),
        next_start_at: Set(new.next.map(|next| next.start_at)),
        offline_start: Set(new.offline_start),
        retention: Set(new.retention),
        retention_at: Set(now),
        created_at: Set(now),
        version: Set(1),
        ..Default::default()
    };
    Entity::insert(row).exec_with_returning(conn).await
}

/// Changes a job if it still has `version`; false when it has not.
pub(crate) async fn update(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    version: i64,
    change: JobChange,
) -> Result<bool, DbErr> {
    let mut row = ActiveModel {
        version: Set(version + 1),
        ..Default::default()
    };
    if let Some(value) = change.name {
        row.name = Set(value);
    }
    if let Some(value) = change.enabled {
        row.enabled = Set(value);
    }
    if let Some(value) = change.paths {
        row.paths = Set(value);
    }
    if let Some(value) = change.policy {
        row.policy = Set(value);
    }
    if let Some(value) = change.schedule {
        row.schedule = Set(value);
    }
    if let Some(value) = change.upload_limit {
        row.upload_limit = Set(value);
    }
    if let Some(value) = change.max_age_seconds {
        row.max_age_seconds = Set(value);
    }
    if let Some(value) = change.offline_start {
        row.offline_start = Set(value);
    }
    if let Some(value) = change.retention {
        row.retention = Set(value);
    }
    if let Some(next) = change.next {
        row.next_due_at = Set(next.map(|next| next.due_at));
        row.next_start_at = Set(next.map(|next| next.start_at));
    }
    change_version::<Entity>(conn, scope, id, version, row).await
}

/// Deletes a job if it still has `version`; false when it has not. Its runs and points stay.
pub(crate) async fn delete(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    version: i64,
) -> Result<bool, DbErr> {
    delete_version::<Entity>(conn, scope, id, version).await
}
