//! Vaults.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    QueryOrder,
};
use uuid::Uuid;

use super::{
    Order, PageRequest, Scope, Slice, VaultRow, change_version, delete_version,
    entity::vault::{ActiveModel, Column, Entity},
    of, page_by_id,
};

/// What a new vault is made of; its UUID is chosen before, because the secrets are sealed for it.
pub(crate) struct NewVault {
    pub(crate) uuid: Uuid,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) access_key_id: String,
    pub(crate) sealed_secret_key: Option<Vec<u8>>,
    pub(crate) agent_id: Option<i64>,
    pub(crate) path: String,
    pub(crate) sealed_repository_password: Vec<u8>,
}

/// What may change in a vault.
#[derive(Default)]
pub(crate) struct VaultChange {
    pub(crate) name: Option<String>,
    pub(crate) access_key_id: Option<String>,
    pub(crate) sealed_secret_key: Option<Vec<u8>>,
    /// The most that it may hold; `Some(None)`: no limit.
    pub(crate) quota_bytes: Option<Option<i64>>,
}

/// One vault of a tenant.
pub(crate) async fn find(
    conn: &impl ConnectionTrait,
    scope: Scope,
    uuid: Uuid,
) -> Result<Option<VaultRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Uuid.eq(uuid))
        .one(conn)
        .await
}

/// One vault of a tenant by its number.
pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
) -> Result<Option<VaultRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Id.eq(id))
        .one(conn)
        .await
}

/// The vault of a tenant that has this name.
pub(crate) async fn by_name(
    conn: &impl ConnectionTrait,
    scope: Scope,
    name: &str,
) -> Result<Option<VaultRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::Name.eq(name))
        .one(conn)
        .await
}

/// A vault of a tenant that lies on an agent's host.
pub(crate) async fn on_agent(
    conn: &impl ConnectionTrait,
    scope: Scope,
    agent_id: i64,
) -> Result<Option<VaultRow>, DbErr> {
    of::<Entity>(scope)
        .filter(Column::AgentId.eq(agent_id))
        .one(conn)
        .await
}

/// All vaults of a tenant, oldest first.
pub(crate) async fn all(conn: &impl ConnectionTrait, scope: Scope) -> Result<Vec<VaultRow>, DbErr> {
    of::<Entity>(scope).order_by_asc(Column::Id).all(conn).await
}

/// A page of a tenant's vaults, oldest first.
pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    scope: Scope,
    page: PageRequest,
) -> Result<Slice<VaultRow>, DbErr> {
    page_by_id(conn, of::<Entity>(scope), Order::OldestFirst, page).await
}

/// Makes a vault in state `new`.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    scope: Scope,
    new: NewVault,
    now: i64,
) -> Result<VaultRow, DbErr> {
    let row = ActiveModel {
        uuid: Set(new.uuid),
        tenant_id: Set(scope.tenant_id()),
        name: Set(new.name),
        state: Set("new".to_owned()),
        kind: Set(new.kind),
        endpoint: Set(new.endpoint),
        region: Set(new.region),
        bucket: Set(new.bucket),
        prefix: Set(new.prefix),
        access_key_id: Set(new.access_key_id),
        sealed_secret_key: Set(new.sealed_secret_key),
        agent_id: Set(new.agent_id),
        path: Set(new.path),
        sealed_repository_password: Set(new.sealed_repository_password),
        created_at: Set(now),
        version: Set(1),
        ..Default::default()
    };
    Entity::insert(row).exec_with_returning(conn).await
}

/// Changes a vault if it still has `version`; false when it has not.
pub(crate) async fn update(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    version: i64,
    change: VaultChange,
) -> Result<bool, DbErr> {
    let mut row = ActiveModel {
        version: Set(version + 1),
        ..Default::default()
    };
    if let Some(name) = change.name {
        row.name = Set(name);
    }
    if let Some(access_key_id) = change.access_key_id {
        row.access_key_id = Set(access_key_id);
    }
    if let Some(sealed) = change.sealed_secret_key {
        row.sealed_secret_key = Set(Some(sealed));
    }
    if let Some(quota) = change.quota_bytes {
        row.quota_bytes = Set(quota);
    }
    change_version::<Entity>(conn, scope, id, version, row).await
}

/// Moves a vault to another state, remembers why it failed, and who makes it.
pub(crate) async fn set_state(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    state: &str,
    failure: Option<String>,
    creator: Option<i64>,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        state: Set(state.to_owned()),
        failure: Set(failure),
        creator_agent_id: Set(creator),
        ..Default::default()
    };
    set(conn, scope, id, row).await
}

/// Sets columns of a vault that no `version` guards.
async fn set(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    row: ActiveModel,
) -> Result<(), DbErr> {
    Entity::update_many()
        .set(row)
        .filter(Column::TenantId.eq(scope.tenant_id()))
        .filter(Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Remembers the result of a connection test.
pub(crate) async fn tested(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    ok: bool,
    now: i64,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        last_test_ok: Set(Some(ok)),
        last_test_at: Set(Some(now)),
        ..Default::default()
    };
    set(conn, scope, id, row).await
}

/// Remembers that the list of a vault's points was compared with the vault.
pub(crate) async fn listed(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    now: i64,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        listed_at: Set(Some(now)),
        ..Default::default()
    };
    set(conn, scope, id, row).await
}

/// Remembers which machine maintains a vault.
pub(crate) async fn set_maintenance_agent(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    agent: Option<i64>,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        maintenance_agent_id: Set(agent),
        ..Default::default()
    };
    set(conn, scope, id, row).await
}

/// Ready vaults of the whole server whose list of points was not compared since a time, nor made.
pub(crate) async fn unlisted_since(
    conn: &impl ConnectionTrait,
    since: i64,
) -> Result<Vec<VaultRow>, DbErr> {
    let unlisted = Condition::any().add(Column::ListedAt.lt(since)).add(
        Condition::all()
            .add(Column::ListedAt.is_null())
            .add(Column::CreatedAt.lt(since)),
    );
    Entity::find()
        .filter(Column::State.eq("ready"))
        .filter(unlisted)
        .order_by_asc(Column::Id)
        .all(conn)
        .await
}

/// Remembers what is known of a vault's maintenance.
pub(crate) async fn set_maintenance(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    state: String,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        maintenance: Set(Some(state)),
        ..Default::default()
    };
    set(conn, scope, id, row).await
}

/// Remembers that the recovery kit was shown.
pub(crate) async fn kit_shown(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    now: i64,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        kit_shown_at: Set(Some(now)),
        ..Default::default()
    };
    set(conn, scope, id, row).await
}

/// Deletes a vault if it still has `version`; false when it has not.
pub(crate) async fn delete(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    version: i64,
) -> Result<bool, DbErr> {
    delete_version::<Entity>(conn, scope, id, version).await
}
