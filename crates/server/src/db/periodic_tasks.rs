//! The server's own tasks, and who does each of them: of several servers on one database one at a time.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};
use uuid::Uuid;

use super::entity::periodic_task::{ActiveModel, Column, Entity};

/// Takes or renews the lease of a task; false when another holder has it.
pub(crate) async fn take(
    conn: &impl ConnectionTrait,
    name: &str,
    holder: Uuid,
    now: i64,
    lease_until: i64,
) -> Result<bool, DbErr> {
    let row = ActiveModel {
        name: Set(name.to_owned()),
        holder: Set(holder),
        lease_until: Set(lease_until),
        last_run_at: Set(now),
    };
    let first = OnConflict::column(Column::Name).do_nothing().to_owned();
    let done = Entity::insert(row.clone())
        .on_conflict(first)
        .exec_without_returning(conn)
        .await?;
    if done == 1 {
        return Ok(true);
    }
    let free = Condition::any()
        .add(Column::Holder.eq(holder))
        .add(Column::LeaseUntil.lte(now));
    let done = Entity::update_many()
        .set(row)
        .filter(Column::Name.eq(name))
        .filter(free)
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Ends the leases of a holder, or of everybody.
pub(crate) async fn give_back(
    conn: &impl ConnectionTrait,
    holder: Option<Uuid>,
) -> Result<(), DbErr> {
    let mut query = Entity::update_many().set(ActiveModel {
        lease_until: Set(0),
        ..Default::default()
    });
    if let Some(holder) = holder {
        query = query.filter(Column::Holder.eq(holder));
    }
    query.exec(conn).await?;
    Ok(())
}
