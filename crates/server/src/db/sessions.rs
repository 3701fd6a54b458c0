//! Signed-in browsers. The cookie's id is stored as its SHA-256 only.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};

use super::entity::session::{ActiveModel, Column, Entity};

/// Stores a session, or replaces what it holds.
pub(crate) async fn save(
    conn: &impl ConnectionTrait,
    id_hash: &str,
    user_id: Option<i64>,
    data: &str,
    expires_at: i64,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        id_hash: Set(id_hash.to_owned()),
        user_id: Set(user_id),
        data: Set(data.to_owned()),
        expires_at: Set(expires_at),
    };
    let replace = OnConflict::column(Column::IdHash)
        .update_columns([Column::UserId, Column::Data, Column::ExpiresAt])
        .to_owned();
    Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(conn)
        .await?;
    Ok(())
}

/// What a living session holds, and when it ends.
pub(crate) async fn load(
    conn: &impl ConnectionTrait,
    id_hash: &str,
    now: i64,
) -> Result<Option<(String, i64)>, DbErr> {
    let row = Entity::find_by_id(id_hash.to_owned())
        .filter(Column::ExpiresAt.gt(now))
        .one(conn)
        .await?;
    Ok(row.map(|row| (row.data, row.expires_at)))
}

/// Ends a session.
pub(crate) async fn delete(conn: &impl ConnectionTrait, id_hash: &str) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::IdHash.eq(id_hash))
        .exec(conn)
        .await?;
    Ok(())
}

/// Ends the sessions of an account, all but the one that is named.
pub(crate) async fn delete_of_user(
    conn: &impl ConnectionTrait,
    user_id: i64,
    but_for: Option<&str>,
) -> Result<(), DbErr> {
    let mut query = Entity::delete_many().filter(Column::UserId.eq(user_id));
    if let Some(id_hash) = but_for {
        query = query.filter(Column::IdHash.ne(id_hash));
    }
    query.exec(conn).await?;
    Ok(())
}

/// Drops sessions that have ended.
pub(crate) async fn sweep(conn: &impl ConnectionTrait, now: i64) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::ExpiresAt.lte(now))
        .exec(conn)
        .await?;
    Ok(())
}
