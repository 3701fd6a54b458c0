//! What every table of a tenant's objects has in common: whose a row is, and changes that are based on a version.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Select,
};

use super::{
    Scope,
    entity::{
        agent, alert, audit_entry, command, enrolment_token, job, notification_channel, occurrence,
        point, run, user, vault,
    },
};

/// An entity whose rows belong to a tenant.
pub(super) trait OfTenant: EntityTrait {
    /// The row's number.
    const ID: Self::Column;
    /// Whose it is.
    const TENANT: Self::Column;

    /// The number of a row.
    fn id(row: &Self::Model) -> i64;
}

/// An entity whose changes are based on a version.
pub(super) trait Versioned: OfTenant {
    /// Rises with each change.
    const VERSION: Self::Column;
}

macro_rules! of_tenant {
    ($($module:ident),+) => {
        $(impl OfTenant for $module::Entity {
            const ID: Self::Column = $module::Column::Id;
            const TENANT: Self::Column = $module::Column::TenantId;

            fn id(row: &Self::Model) -> i64 {
                row.id
            }
        })+
    };
}

of_tenant!(
    agent,
    alert,
    audit_entry,
    command,
    enrolment_token,
    job,
    notification_channel,
    occurrence,
    point,
    run,
    user,
    vault
);

macro_rules! versioned {
    ($($module:ident),+) => {
        $(impl Versioned for $module::Entity {
            const VERSION: Self::Column = $module::Column::Version;
        })+
    };
}

versioned!(agent, job, notification_channel, user, vault);

/// The rows of a tenant.
pub(super) fn of<E: OfTenant>(scope: Scope) -> Select<E> {
    E::find().filter(E::TENANT.eq(scope.tenant_id()))
}

/// Changes a row if it still has `version`; false when it has not. The change sets the next version itself.
pub(super) async fn change_version<E: Versioned>(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    version: i64,
    change: impl ActiveModelTrait<Entity = E>,
) -> Result<bool, DbErr> {
    let done = E::update_many()
        .set(change)
        .filter(E::TENANT.eq(scope.tenant_id()))
        .filter(E::ID.eq(id))
        .filter(E::VERSION.eq(version))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Deletes a row if it still has `version`; false when it has not.
pub(super) async fn delete_version<E: Versioned>(
    conn: &impl ConnectionTrait,
    scope: Scope,
    id: i64,
    version: i64,
) -> Result<bool, DbErr> {
    let done = E::delete_many()
        .filter(E::TENANT.eq(scope.tenant_id()))
        .filter(E::ID.eq(id))
        .filter(E::VERSION.eq(version))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// The reseller above a tenant, which new rows carry beside it.
pub(super) async fn reseller(
    conn: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Option<i64>, DbErr> {
    Ok(super::tenants::get(conn, scope).await?.parent_id)
}
