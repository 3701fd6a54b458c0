//! Machines with an agent.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait,
    QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    AgentRow, Order, PageRequest, Scope, Slice, change_version, delete_version,
    entity::agent::{ActiveModel, Column, Entity},
    of, page_by_id, reseller,
};

/// What an enrolled machine is made of.
#[derive(Clone, Debug)]
pub(crate) struct NewAgent {
    pub(crate) host: String,
    pub(crate) device_id: Uuid,
    pub(crate) token_hash: String,
    pub(crate) source_user: String,
    pub(crate) source_host: String,
    pub(crate) os: String,
    pub(crate) architecture: String,
    pub(crate) agent_version: String,
    pub(crate) on_server_host: bool,
}

/// What an agent reports at its start.
#[derive(Clone, Debug)]
pub(crate) struct Introduction {
    pub(crate) host: String,
    pub(crate) os: String,
    pub(crate) architecture: String,
    pub(crate) agent_version: String,
    pub(crate) capabilities: String,
    pub(crate) volumes: String,
    pub(crate) clock_offset_ms: i64,
}

/// How machines are filtered by state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateFilter {
    /// Heard from after the given time.
    Online(i64),
    /// Not heard from since the given time.
    Unreachable(i64),
    /// Disabled.
    Disabled,
}

/// The agent of an id on the agent's wire; whose it is comes with it.
pub(crate) async fn by_wire_id(
    conn: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<AgentRow>, DbErr> {
    Entity::find_by_id(id).one(conn).await
}

/// One machine of a tenant.
pub(crate) async fn find(
    conn: &impl ConnectionTrait,
    scope: Scope,
    uuid: Uuid,
) -> Result<Option<AgentRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Uuid.eq(uuid))
        .one(conn)
        .await
}

/// Several machines of a tenant by their numbers.
pub(crate) async fn by_ids(
    conn: &impl ConnectionTrait,
    scope: Scope,
    ids: impl IntoIterator<Item = i64>,
) -> Result<Vec<AgentRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Id.is_in(ids))
        .all(conn)
        .await
}

/// All machines of a tenant, oldest first.
pub(crate) async fn all(conn: &impl ConnectionTrait, scope: Scope) -> Result<Vec<AgentRow>, DbErr> {
    of::<Entity>(scope).order_by_asc(Column::Id).all(conn).await
}

/// A page of a tenant's machines, oldest first.
pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    scope: Scope,
    states: &[StateFilter],
    page: PageRequest,
) -> Result<Slice<AgentRow>, DbErr> {
    let mut query = of::<Entity>(scope);
    if !states.is_empty() {
        let mut any = Condition::any();
        for state in states {
            any = any.add(match *state {
                StateFilter::Disabled => Condition::all().add(Column::Disabled.eq(true)),
                StateFilter::Online(after) => Condition::all()
                    .add(Column::Disabled.eq(false))
                    .add(Column::LastSeenAt.gt(after)),
                StateFilter::Unreachable(after) => {
                    Condition::all().add(Column::Disabled.eq(false)).add(
                        Condition::any()
                            .add(Column::LastSeenAt.is_null())
                            .add(Column::LastSeenAt.lte(after)),
                    )
                }
            });
        }
        query = query.filter(any);
    }
    page_by_id(conn, query, Order::OldestFirst, page).await
}

/// Enrols a machine: the one with the same device id gets a new token and keeps its name and source, another is new.
pub(crate) async fn enrol(
    conn: &impl ConnectionTrait,
    scope: Scope,
    new: NewAgent,
    now: i64,
) -> Result<AgentRow, DbErr> {
    let known = of::<Entity>(scope)
        .filter(Column::DeviceId.eq(new.device_id))
        .one(conn)
        .await?;
    if let Some(known) = known {
        let row = ActiveModel {
            host: Set(new.host),
            token_hash: Set(new.token_hash),
            disabled: Set(false),
            os: Set(new.os),
            architecture: Set(new.architecture),
            agent_version: Set(new.agent_version),
            instance: Set(None),
            previous_instance: Set(None),
            cloned_at: Set(None),
            on_server_host: Set(new.on_server_host),
            version: Set(known.version + 1),
            ..Default::default()
        };
        Entity::update_many()
            .set(row)
            .filter(Column::Id.eq(known.id))
            .exec(conn)
            .await?;
        let row = Entity::find_by_id(known.id).one(conn).await?;
        return row.ok_or_else(|| DbErr::RecordNotFound("agent".to_owned()));
    }
    let taken: Vec<String> = of::<Entity>(scope)
        .select_only()
        .column(Column::SourceHost)
        .into_tuple()
        .all(conn)
        .await?;
    let source_host = free_host(&new.source_host, &taken);
    let row = ActiveModel {
        uuid: Set(Uuid::now_v7()),
        tenant_id: Set(scope.tenant_id()),
        reseller_id: Set(reseller(conn, scope).await?),
        name: Set(source_host.clone()),
        host: Set(new.host),
        device_id: Set(new.device_id),
        token_hash: Set(new.token_hash),
        disabled: Set(false),
        source_user: Set(new.source_user),
        source_host: Set(source_host),
        os: Set(new.os),
        architecture: Set(new.architecture),
        agent_version: Set(new.agent_version),
        capabilities: Set("{}".to_owned()),
        volumes: Set("[]".to_owned()),
        on_server_host: Set(new.on_server_host),
        created_at: Set(now),
        version: Set(1),
        ..Default::default()
    };
    Entity::insert(row).exec_with_returning(conn).await
}

/// `wanted`, or `wanted-2`, `wanted-3` … when that is taken.
fn free_host(wanted: &str, taken: &[String]) -> String {
    if !taken.iter().any(|host| host == wanted) {
        return wanted.to_owned();
    }
    let mut number = 2;
    loop {
        let host = format!("{wanted}-{number}");
        if !taken.contains(&host) {
            return host;
        }
        number += 1;
    }
}

/// Stores what an agent reported at its start.
pub(crate) async fn introduce(
    conn: &impl ConnectionTrait,
    id: i64,
    what: Introduction,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        host: Set(what.host),
        os: Set(what.os),
        architecture: Set(what.architecture),
        agent_version: Set(what.agent_version),
        capabilities: Set(what.capabilities),
        volumes: Set(what.volumes),
        clock_offset_ms: Set(Some(what.clock_offset_ms)),
        ..Default::default()
    };
    Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Stores by how much an agent's clock differs, in milliseconds.
pub(crate) async fn set_clock_offset(
    conn: &impl ConnectionTrait,
    id: i64,
    offset_ms: i64,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::ClockOffsetMs, Expr::value(offset_ms))
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Makes `instance` the living one; the one before is remembered, so that it can be refused.
pub(crate) async fn take_over(
    conn: &impl ConnectionTrait,
    id: i64,
    instance: Uuid,
    previous: Option<Uuid>,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        instance: Set(Some(instance)),
        previous_instance: Set(previous),
        ..Default::default()
    };
    Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Remembers that two living instances use one identity.
pub(crate) async fn mark_cloned(
    conn: &impl ConnectionTrait,
    id: i64,
    now: i64,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::ClonedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Remembers when agents were heard from.
pub(crate) async fn seen(
    conn: &impl ConnectionTrait,
    contacts: impl IntoIterator<Item = (i64, i64)>,
) -> Result<(), DbErr> {
    for (id, at) in contacts {
        Entity::update_many()
            .col_expr(Column::LastSeenAt, Expr::value(at))
            .filter(Column::Id.eq(id))
            .exec(conn)
            .await?;
    }
    Ok(())
}

/// Renames a machine if it still has `version`; false when it has not.
pub(crate) async fn rename(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    version: i64,
    name: &str,
) -> Result<bool, DbErr> {
    let row = ActiveModel {
        name: Set(name.to_owned()),
        version: Set(version + 1),
        ..Default::default()
    };
    change_version::<Entity>(conn, scope, id, version, row).await
}

/// Disables a machine and withdraws its token, or enables it.
pub(crate) async fn set_disabled(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    new_token_hash: Option<String>,
) -> Result<(), DbErr> {
    let mut query =
        Entity::update_many().col_expr(Column::Disabled, Expr::value(new_token_hash.is_some()));
    if let Some(hash) = new_token_hash {
        query = query.col_expr(Column::TokenHash, Expr::value(hash));
    }
    query
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::TenantId.eq(scope.tenant_id()))
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Deletes a machine if it still has `version`; false when it has not.
pub(crate) async fn delete(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    version: i64,
) -> Result<bool, DbErr> {
    delete_version::<Entity>(conn, scope, id, version).await
}

#[cfg(test)]
mod tests {
    use super::free_host;

    #[test]
    fn a_taken_host_gets_a_number() {
        let taken: Vec<String> = ["web", "web-2"].map(str::to_owned).to_vec();
        assert_eq!(free_host("db", &taken), "db");
        assert_eq!(free_host("web", &taken), "web-3");
    }
}
