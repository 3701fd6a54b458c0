//! Runs.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr,
    EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::Expr,
};
use uuid::Uuid;

use super::{
    PageRequest, RunRow, Scope, Slice,
    entity::{
        run::{ActiveModel, Column, Entity},
        vault,
    },
    of,
    page::page_by_time,
    reseller,
};

/// Statuses in which nothing will change any more.
const TERMINAL: [&str; 4] = ["success", "partial_success", "failed", "cancelled"];

/// Statuses in which the agent works.
const AT_WORK: [&str; 2] = ["starting", "running"];

/// What a new run is made of.
pub(crate) struct NewRun {
    pub(crate) job_id: Option<i64>,
    pub(crate) job_name: String,
    pub(crate) agent_id: i64,
    pub(crate) vault_id: i64,
    pub(crate) run_type: String,
    pub(crate) trigger_kind: String,
    pub(crate) attempt: i64,
    pub(crate) paths: String,
    pub(crate) policy: String,
    pub(crate) source_point_id: Option<i64>,
    pub(crate) target_path: Option<String>,
    pub(crate) stop_at: Option<i64>,
}

/// Which runs are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunFilter {
    pub(crate) job_id: Option<i64>,
    pub(crate) agent_id: Option<i64>,
    pub(crate) vault_id: Option<i64>,
    pub(crate) statuses: Vec<String>,
    pub(crate) types: Vec<String>,
    /// Asked for at this time or later, in milliseconds since 1970.
    pub(crate) from: Option<i64>,
    /// Asked for before this time.
    pub(crate) before: Option<i64>,
}

/// What the strips of a job are made of.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct RunMark {
    pub(crate) uuid: Uuid,
    pub(crate) job_id: Option<i64>,
    pub(crate) status: String,
    pub(crate) created_at: i64,
}

/// One run of a tenant.
pub(crate) async fn find(
    conn: &impl ConnectionTrait,
    scope: Scope,
    uuid: Uuid,
) -> Result<Option<RunRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Uuid.eq(uuid))
        .one(conn)
        .await
}

/// One run of a tenant by its number, to be changed in the present transaction.
pub(crate) async fn lock(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
) -> Result<Option<RunRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Id.eq(id))
        .lock_exclusive()
        .one(conn)
        .await
}

/// A page of a tenant's runs, in the order in which they were asked for, newest first. Runs that agents have started by
/// themselves are told of later, and stand where they belong.
pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    scope: Scope,
    filter: &RunFilter,
    page: PageRequest,
) -> Result<Slice<RunRow>, DbErr> {
    let mut query = of::<Entity>(scope);
    if let Some(id) = filter.job_id {
        query = query.filter(Column::JobId.eq(id));
    }
    if let Some(id) = filter.agent_id {
        query = query.filter(Column::AgentId.eq(id));
    }
    if let Some(id) = filter.vault_id {
        query = query.filter(Column::VaultId.eq(id));
    }
    if !filter.statuses.is_empty() {
        query = query.filter(Column::Status.is_in(&filter.statuses));
    }
    if !filter.types.is_empty() {
        query = query.filter(Column::RunType.is_in(&filter.types));
    }
    if let Some(from) = filter.from {
        query = query.filter(Column::CreatedAt.gte(from));
    }
    if let Some(before) = filter.before {
        query = query.filter(Column::CreatedAt.lt(before));
    }
    page_by_time(conn, query, Column::CreatedAt, page, |row| row.created_at).await
}

/// Makes a queued run.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    scope: Scope,
    new: NewRun,
    now: i64,
) -> Result<RunRow, DbErr> {
    let row = ActiveModel {
        uuid: Set(Uuid::now_v7()),
        tenant_id: Set(scope.tenant_id()),
        reseller_id: Set(reseller(conn, scope).await?),
        job_id: Set(new.job_id),
        job_name: Set(new.job_name),
        agent_id: Set(Some(new.agent_id)),
        vault_id: Set(new.vault_id),
        run_type: Set(new.run_type),
        status: Set("queued".to_owned()),
        trigger_kind: Set(new.trigger_kind),
        attempt: Set(new.attempt),
        update_seq: Set(0),
        event_seq: Set(0),
        cancel_requested: Set(false),
        reported_late: Set(false),
        stages: Set("[]".to_owned()),
        statistics: Set("{}".to_owned()),
        problem_count: Set(0),
        paths: Set(new.paths),
        policy: Set(new.policy),
        source_point_id: Set(new.source_point_id),
        target_path: Set(new.target_path),
        stop_at: Set(new.stop_at),
        created_at: Set(now),
        version: Set(1),
        ..Default::default()
    };
    Entity::insert(row).exec_with_returning(conn).await
}

/// Stores a run that was loaded by [`lock`] in the same transaction; its version rises.
pub(crate) async fn save(conn: &impl ConnectionTrait, mut row: RunRow) -> Result<RunRow, DbErr> {
    row.version += 1;
    row.into_active_model().reset_all().update(conn).await
}

/// The backup of a job that waits, when there is one.
pub(crate) async fn queued_of_job(
    conn: &impl ConnectionTrait,
    scope: Scope,
    job_id: i64,
) -> Result<Option<RunRow>, DbErr> {
    backup_of_job(conn, scope, job_id, &["queued"]).await
}

/// The backup of a job that is in one of these states, when there is one.
async fn backup_of_job(
    conn: &impl ConnectionTrait,
    scope: Scope,
    job_id: i64,
    statuses: &[&str],
) -> Result<Option<RunRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::JobId.eq(job_id))
        .filter(Column::RunType.eq("backup"))
        .filter(Column::Status.is_in(statuses.iter().copied()))
        .one(conn)
        .await
}

/// Runs of a tenant that are not over, newest first.
pub(crate) async fn active(
    conn: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Vec<RunRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Status.is_not_in(TERMINAL))
        .order_by_desc(Column::Id)
        .all(conn)
        .await
}

/// Runs that an agent is to execute and that are not over, oldest first.
pub(crate) async fn active_of_agent(
    conn: &impl ConnectionTrait,
    agent_id: i64,
) -> Result<Vec<RunRow>, DbErr> {
    Entity::find()
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::Status.is_not_in(TERMINAL))
        .order_by_asc(Column::Id)
        .all(conn)
        .await
}

/// Runs of one agent by their numbers on its wire; those of others are left out.
pub(crate) async fn of_agent_by_ids(
    conn: &impl ConnectionTrait,
    agent_id: i64,
    ids: impl IntoIterator<Item = i64>,
) -> Result<Vec<RunRow>, DbErr> {
    Entity::find()
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::Id.is_in(ids))
        .all(conn)
        .await
}

/// One run of one agent, to be changed in the present transaction.
pub(crate) async fn lock_of_agent(
    conn: &impl ConnectionTrait,
    agent_id: i64,
    id: i64,
) -> Result<Option<RunRow>, DbErr> {
    Entity::find()
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::Id.eq(id))
        .lock_exclusive()
        .one(conn)
        .await
}

/// Queued backups of an agent whose vaults are ready, oldest first, to be changed in the present transaction.
pub(crate) async fn ready_queued(
    conn: &impl ConnectionTrait,
    agent_id: i64,
) -> Result<Vec<RunRow>, DbErr> {
    let ready = sea_orm::sea_query::Query::select()
        .column(vault::Column::Id)
        .from(vault::Entity)
        .and_where(vault::Column::State.eq("ready"))
        .to_owned();
    Entity::find()
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::Status.eq("queued"))
        .filter(Column::RunType.eq("backup"))
        .filter(Column::VaultId.in_subquery(ready))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(conn)
        .await
}

/// The run of a job that is at work, when there is one.
pub(crate) async fn at_work_of_job(
    conn: &impl ConnectionTrait,
    scope: Scope,
    job_id: i64,
) -> Result<Option<RunRow>, DbErr> {
    backup_of_job(conn, scope, job_id, &AT_WORK).await
}

/// Runs of the whole server that are not over although they had to end, and that nobody asked to stop yet.
pub(crate) async fn past_stop(conn: &impl ConnectionTrait, now: i64) -> Result<Vec<RunRow>, DbErr> {
    past_stop_query(now).all(conn).await
}

/// A run that is over has no time left at which it must end, so few are met.
pub(super) fn past_stop_query(now: i64) -> Select<Entity> {
    Entity::find()
        .filter(Column::StopAt.lte(now))
        .filter(Column::CancelRequested.eq(false))
        .filter(Column::Status.is_not_in(TERMINAL))
}

/// Whether an agent works on a backup.
pub(crate) async fn is_at_work(conn: &impl ConnectionTrait, agent_id: i64) -> Result<bool, DbErr> {
    let found = Entity::find()
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::Status.is_in(AT_WORK))
        .filter(Column::RunType.eq("backup"))
        .one(conn)
        .await?;
    Ok(found.is_some())
}

/// Runs at work on the whole server: the watchdog looks at their heartbeat.
pub(crate) async fn at_work(conn: &impl ConnectionTrait) -> Result<Vec<RunRow>, DbErr> {
    Entity::find()
        .filter(Column::Status.is_in(AT_WORK))
        .all(conn)
        .await
}

/// Queued backups that wait for a vault.
pub(crate) async fn queued_for_vault(
    conn: &impl ConnectionTrait,
    vault_id: i64,
) -> Result<Vec<RunRow>, DbErr> {
    Entity::find()
        .filter(Column::VaultId.eq(vault_id))
        .filter(Column::Status.eq("queued"))
        .filter(Column::RunType.eq("backup"))
        .all(conn)
        .await
}

/// Refreshes the heartbeat of runs that an agent lists as being at work.
pub(crate) async fn heartbeat(
    conn: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = i64>,
    now: i64,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::HeartbeatAt, Expr::value(now))
        .filter(Column::Id.is_in(ids))
        .exec(conn)
        .await?;
    Ok(())
}

/// The newest run of each given job; of several of one moment the last one comes last.
pub(crate) async fn last_of_jobs(
    conn: &impl ConnectionTrait,
    scope: Scope,
    jobs: impl IntoIterator<Item = i64>,
) -> Result<Vec<RunRow>, DbErr> {
    let newest: Vec<(i64, i64)> = of::<Entity>(scope)
        .filter(Column::JobId.is_in(jobs))
        .filter(Column::RunType.eq("backup"))
        .select_only()
        .column(Column::JobId)
        .column_as(Column::CreatedAt.max(), "newest")
        .group_by(Column::JobId)
        .into_tuple()
        .all(conn)
        .await?;
    let newest: HashMap<i64, i64> = newest.into_iter().collect();
    let mut runs = of::<Entity>(scope)
        .filter(Column::JobId.is_in(newest.keys().copied()))
        .filter(Column::RunType.eq("backup"))
        .filter(Column::CreatedAt.is_in(newest.values().copied()))
        .order_by_asc(Column::Id)
        .all(conn)
        .await?;
    runs.retain(|run| {
        let newest = run.job_id.and_then(|job| newest.get(&job));
        newest == Some(&run.created_at)
    });
    Ok(runs)
}

/// The finished backup of a job before another run of it.
pub(crate) async fn previous(
    conn: &impl ConnectionTrait,
    scope: Scope,
    job_id: i64,
    run: &RunRow,
) -> Result<Option<RunRow>, DbErr> {
    let earlier = Condition::any()
        .add(Column::CreatedAt.lt(run.created_at))
        .add(Column::Id.lt(run.id));
    of::<Entity>(scope)
        .filter(Column::JobId.eq(job_id))
        .filter(Column::RunType.eq("backup"))
        .filter(Column::CreatedAt.lte(run.created_at))
        .filter(earlier)
        .filter(Column::Status.is_in(["success", "partial_success"]))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .one(conn)
        .await
}

/// Which runs tell how their job fares; the words of the index `runs_job_ended`, which serves no other ones.
pub(super) const ENDED_BACKUP: &str =
    "run_type = 'backup' AND status IN ('success', 'partial_success', 'failed')";

/// How and when the backup of a job ended that ended last, besides one.
pub(crate) async fn last_ended_but(
    conn: &impl ConnectionTrait,
    job_id: i64,
    id: i64,
) -> Result<Option<(String, Option<i64>)>, DbErr> {
    last_ended_but_query(job_id, id)
        .into_tuple()
        .one(conn)
        .await
}

pub(super) fn last_ended_but_query(job_id: i64, id: i64) -> Select<Entity> {
    Entity::find()
        .filter(Column::JobId.eq(job_id))
        .filter(Expr::cust(ENDED_BACKUP))
        .filter(Column::Id.ne(id))
        .order_by_desc(Column::FinishedAt)
        .order_by_desc(Column::Id)
        .select_only()
        .column(Column::Status)
        .column(Column::FinishedAt)
}

/// Backups since a time, for the strips of days.
pub(crate) async fn marks_since(
    conn: &impl ConnectionTrait,
    scope: Scope,
    jobs: Option<Vec<i64>>,
    since: i64,
) -> Result<Vec<RunMark>, DbErr> {
    let mut query = of::<Entity>(scope)
        .filter(Column::RunType.eq("backup"))
        .filter(Column::CreatedAt.gte(since));
    if let Some(jobs) = jobs {
        query = query.filter(Column::JobId.is_in(jobs));
    }
    query
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .select_only()
        .columns([
            Column::Uuid,
            Column::JobId,
            Column::Status,
            Column::CreatedAt,
        ])
        .into_model()
        .all(conn)
        .await
}

/// The newest finished runs.
pub(crate) async fn recent(
    conn: &impl ConnectionTrait,
    scope: Scope,
    limit: u64,
) -> Result<Vec<RunRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Status.is_in(TERMINAL))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(conn)
        .await
}

/// The newest restore that ended well.
pub(crate) async fn last_good_restore(
    conn: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Option<RunRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::RunType.eq("restore"))
        .filter(Column::Status.eq("success"))
        .order_by_desc(Column::Id)
        .one(conn)
        .await
}

/// Bytes that backups have sent, by vault.
pub(crate) async fn sent_bytes_by_vault(
    conn: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Vec<(i64, i64)>, DbErr> {
    let rows: Vec<(i64, i64)> = of::<Entity>(scope)
        .filter(Column::RunType.eq("backup"))
        .filter(Column::BytesTransferred.is_not_null())
        .select_only()
        .column(Column::VaultId)
        .column(Column::BytesTransferred)
        .into_tuple()
        .all(conn)
        .await?;
    let mut sums = std::collections::BTreeMap::new();
    for (vault, bytes) in rows {
        *sums.entry(vault).or_insert(0i64) += bytes;
    }
    Ok(sums.into_iter().collect())
}

/// Bytes that backups have sent to some vaults.
pub(crate) async fn sent_bytes(
    conn: &impl ConnectionTrait,
    scope: Scope,
    vaults: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, i64>, DbErr> {
    let rows: Vec<(i64, i64)> = sent_query(scope, vaults).into_tuple().all(conn).await?;
    let mut sums = HashMap::new();
    for (vault, bytes) in rows {
        *sums.entry(vault).or_insert(0) += bytes;
    }
    Ok(sums)
}

/// The sum is made here: SQLite and PostgreSQL do not agree on its type.
pub(super) fn sent_query(scope: Scope, vaults: impl IntoIterator<Item = i64>) -> Select<Entity> {
    of::<Entity>(scope)
        .filter(Column::VaultId.is_in(vaults))
        .filter(Column::RunType.eq("backup"))
        .filter(Column::BytesTransferred.is_not_null())
        .select_only()
        .column(Column::VaultId)
        .column(Column::BytesTransferred)
}

/// Whether any run of a job, agent or vault is not over.
pub(crate) async fn any_active(
    conn: &impl ConnectionTrait,
    scope: Scope,
    filter: &RunFilter,
) -> Result<bool, DbErr> {
    let mut any = Condition::all().add(Column::Status.is_not_in(TERMINAL));
    if let Some(id) = filter.job_id {
        any = any.add(Column::JobId.eq(id));
    }
    if let Some(id) = filter.agent_id {
        any = any.add(Column::AgentId.eq(id));
    }
    if let Some(id) = filter.vault_id {
        any = any.add(Column::VaultId.eq(id));
    }
    Ok(of::<Entity>(scope).filter(any).one(conn).await?.is_some())
}

/// UUIDs of runs by their numbers.
pub(crate) async fn uuids(
    conn: &impl ConnectionTrait,
    scope: Scope,
    ids: impl IntoIterator<Item = i64>,
) -> Result<Vec<(i64, Uuid)>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Id.is_in(ids))
        .select_only()
        .columns([Column::Id, Column::Uuid])
        .into_tuple()
        .all(conn)
        .await
}

/// How runs ended, or where they are, by their numbers.
pub(crate) async fn endings(
    conn: &impl ConnectionTrait,
    scope: Scope,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, String>, DbErr> {
    /// SQLite takes some 30,000 values in one statement.
    const AT_ONCE: usize = 10_000;
    let ids: Vec<i64> = ids.into_iter().collect();
    let mut endings = HashMap::new();
    for some in ids.chunks(AT_ONCE) {
        let found: Vec<(i64, String)> = of::<Entity>(scope)
            .filter(Column::Id.is_in(some.iter().copied()))
            .select_only()
            .columns([Column::Id, Column::Status])
            .into_tuple()
            .all(conn)
            .await?;
        endings.extend(found);
    }
    Ok(endings)
}
