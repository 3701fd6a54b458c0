//! Where accounts have signed in before.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait,
    QueryFilter, sea_query::OnConflict,
};

use super::entity::sign_in_place::{ActiveModel, Column, Entity};

/// A place that was not used for so long is forgotten, in milliseconds.
const KEPT_MS: i64 = 90 * 24 * 3600 * 1000;

/// Whether an account signed in from a place lately.
pub(crate) async fn is_known(
    conn: &impl ConnectionTrait,
    user_id: i64,
    place: &str,
    now: i64,
) -> Result<bool, DbErr> {
    let count = Entity::find()
        .filter(Column::UserId.eq(user_id))
        .filter(Column::Place.eq(place))
        .filter(Column::UsedAt.gt(now - KEPT_MS))
        .count(conn)
        .await?;
    Ok(count > 0)
}

/// Remembers that an account signed in from a place.
pub(crate) async fn remember(
    conn: &impl ConnectionTrait,
    user_id: i64,
    place: &str,
    now: i64,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        user_id: Set(user_id),
        place: Set(place.to_owned()),
        used_at: Set(now),
    };
    let again = OnConflict::columns([Column::UserId, Column::Place])
        .update_column(Column::UsedAt)
        .to_owned();
    Entity::insert(row)
        .on_conflict(again)
        .exec_without_returning(conn)
        .await?;
    Ok(())
}

/// Forgets places that were not used for long.
pub(crate) async fn sweep(conn: &impl ConnectionTrait, now: i64) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::UsedAt.lte(now - KEPT_MS))
        .exec(conn)
        .await?;
    Ok(())
}
