//! The audit log; lines are written in the transaction of what they tell.

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait};
use uuid::Uuid;

use super::{
    AuditRow, Order, PageRequest, Scope, Slice,
    entity::audit_entry::{ActiveModel, Entity},
    of, page_by_id,
};

/// Who did it.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    /// An e-mail address, `agent <name>` or `server`.
    pub(crate) name: String,
    /// Address the request came from.
    pub(crate) address: Option<String>,
}

/// The object of an audited action.
pub(crate) struct Object<'a> {
    pub(crate) kind: &'a str,
    pub(crate) uuid: Option<Uuid>,
    pub(crate) name: &'a str,
}

impl<'a> Object<'a> {
    /// An object with an identity.
    pub(crate) fn of(kind: &'a str, uuid: Uuid, name: &'a str) -> Self {
        Self {
            kind,
            uuid: Some(uuid),
            name,
        }
    }
}

/// Writes a line.
pub(crate) async fn write(
    conn: &impl ConnectionTrait,
    scope: Scope,
    actor: &Actor,
    action: &str,
    object: Object<'_>,
    now: i64,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        uuid: Set(Uuid::now_v7()),
        tenant_id: Set(scope.tenant_id()),
        time: Set(now),
        actor: Set(actor.name.clone()),
        action: Set(action.to_owned()),
        object_type: Set(object.kind.to_owned()),
        object_uuid: Set(object.uuid),
        object_name: Set(object.name.to_owned()),
        address: Set(actor.address.clone()),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(conn).await?;
    Ok(())
}

/// A page of a tenant's log, newest first.
pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    scope: Scope,
    page: PageRequest,
) -> Result<Slice<AuditRow>, DbErr> {
    page_by_id(conn, of::<Entity>(scope), Order::NewestFirst, page).await
}
