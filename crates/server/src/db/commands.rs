//! Commands to agents. Payloads and results may hold paths and keys and are sealed.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr,
    EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    CommandRow, Scope,
    entity::command::{ActiveModel, Column, Entity},
    of,
};

/// What a new command is made of; its UUID is chosen before, because the payload is sealed for it.
pub(crate) struct NewCommand {
    pub(crate) uuid: Uuid,
    pub(crate) agent_id: i64,
    pub(crate) run_id: Option<i64>,
    pub(crate) vault_id: Option<i64>,
    pub(crate) kind: String,
    pub(crate) sealed_payload: Vec<u8>,
    pub(crate) expires_at: i64,
}

/// Queues a command.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    scope: Scope,
    new: NewCommand,
    now: i64,
) -> Result<CommandRow, DbErr> {
    let row = ActiveModel {
        uuid: Set(new.uuid),
        tenant_id: Set(scope.tenant_id()),
        agent_id: Set(new.agent_id),
        run_id: Set(new.run_id),
        vault_id: Set(new.vault_id),
        kind: Set(new.kind),
        sealed_payload: Set(new.sealed_payload),
        status: Set("pending".to_owned()),
        deliveries: Set(0),
        expires_at: Set(new.expires_at),
        created_at: Set(now),
        ..Default::default()
    };
    Entity::insert(row).exec_with_returning(conn).await
}

/// One command of a tenant.
pub(crate) async fn find(
    conn: &impl ConnectionTrait,
    scope: Scope,
    uuid: Uuid,
) -> Result<Option<CommandRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Uuid.eq(uuid))
        .one(conn)
        .await
}

/// One command of a tenant by its number, to be changed in the present transaction.
pub(crate) async fn lock(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
) -> Result<Option<CommandRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Id.eq(id))
        .lock_exclusive()
        .one(conn)
        .await
}

/// One command of one agent.
pub(crate) async fn of_agent(
    conn: &impl ConnectionTrait,
    agent_id: i64,
    id: i64,
) -> Result<Option<CommandRow>, DbErr> {
    Entity::find_by_id(id)
        .filter(Column::AgentId.eq(agent_id))
        .one(conn)
        .await
}

/// One command of one agent, to be changed in the present transaction.
pub(crate) async fn lock_of_agent(
    conn: &impl ConnectionTrait,
    agent_id: i64,
    id: i64,
) -> Result<Option<CommandRow>, DbErr> {
    Entity::find()
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::Id.eq(id))
        .lock_exclusive()
        .one(conn)
        .await
}

/// Stores a command that was loaded for change in the same transaction.
pub(crate) async fn save(
    conn: &impl ConnectionTrait,
    row: CommandRow,
) -> Result<CommandRow, DbErr> {
    row.into_active_model().reset_all().update(conn).await
}

/// Commands that an agent should get now: those that wait, and delivered ones whose lease ran out; oldest first.
pub(crate) async fn deliverable(
    conn: &impl ConnectionTrait,
    agent_id: i64,
    held: &[i64],
    now: i64,
    limit: u64,
) -> Result<Vec<CommandRow>, DbErr> {
    let lost = Condition::all()
        .add(Column::Status.eq("delivered"))
        .add(Column::LeaseUntil.lte(now));
    let mut query = Entity::find()
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::ExpiresAt.gt(now))
        .filter(Condition::any().add(Column::Status.eq("pending")).add(lost));
    if !held.is_empty() {
        query = query.filter(Column::Id.is_not_in(held.iter().copied()));
    }
    query.order_by_asc(Column::Id).limit(limit).all(conn).await
}

/// Renews the leases of commands that an agent lists.
pub(crate) async fn renew(
    conn: &impl ConnectionTrait,
    agent_id: i64,
    held: &[i64],
    lease_until: i64,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(lease_until))
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::Id.is_in(held.iter().copied()))
        .filter(Column::Status.eq("delivered"))
        .exec(conn)
        .await?;
    Ok(())
}

/// Commands that nobody took in time: waiting ones past their end, and delivered ones whose lease ran out as well.
pub(crate) async fn overdue(
    conn: &impl ConnectionTrait,
    now: i64,
) -> Result<Vec<CommandRow>, DbErr> {
    let lost = Condition::all()
        .add(Column::Status.eq("delivered"))
        .add(Column::LeaseUntil.lte(now));
    Entity::find()
        .filter(Column::ExpiresAt.lte(now))
        .filter(Condition::any().add(Column::Status.eq("pending")).add(lost))
        .all(conn)
        .await
}

/// Erases results that name files and are older than they may be.
pub(crate) async fn erase_results(
    conn: &impl ConnectionTrait,
    kinds: &[&str],
    finished_before: i64,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        sealed_result: Set(None),
        ..Default::default()
    };
    Entity::update_many()
        .set(row)
        .filter(Column::Kind.is_in(kinds.iter().copied()))
        .filter(Column::FinishedAt.lt(finished_before))
        .filter(Column::SealedResult.is_not_null())
        .exec(conn)
        .await?;
    Ok(())
}

/// Open commands of a run or a vault with the given type.
pub(crate) async fn open_of(
    conn: &impl ConnectionTrait,
    scope: Scope,
    kind: &str,
    run_id: Option<i64>,
    vault_id: Option<i64>,
) -> Result<Vec<CommandRow>, DbErr> {
    let mut query = of::<Entity>(scope)
        .filter(Column::Kind.eq(kind))
        .filter(Column::Status.is_in(["pending", "delivered"]));
    if let Some(id) = run_id {
        query = query.filter(Column::RunId.eq(id));
    }
    if let Some(id) = vault_id {
        query = query.filter(Column::VaultId.eq(id));
    }
    query.all(conn).await
}

/// Open commands of an agent.
pub(crate) async fn open_of_agent(
    conn: &impl ConnectionTrait,
    scope: Scope,
    agent_id: i64,
) -> Result<Vec<CommandRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::Status.is_in(["pending", "delivered"]))
        .all(conn)
        .await
}

/// Deletes commands that ended before a time.
pub(crate) async fn sweep(conn: &impl ConnectionTrait, ended_before: i64) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::FinishedAt.lt(ended_before))
        .exec(conn)
        .await?;
    Ok(())
}

/// Ends the leases of an agent's commands: its new instance gets them again at once.
pub(crate) async fn drop_leases(conn: &impl ConnectionTrait, agent_id: i64) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(0i64))
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::Status.eq("delivered"))
        .exec(conn)
        .await?;
    Ok(())
}
