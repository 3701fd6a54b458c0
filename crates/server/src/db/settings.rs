//! Stored settings: named JSON documents with a version.

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::entity::setting::{ActiveModel, Column, Entity};

/// A document and its version; version 0 when it was never stored.
pub(crate) async fn get(
    conn: &impl ConnectionTrait,
    name: &str,
) -> Result<(Option<String>, i64), DbErr> {
    let row = Entity::find_by_id(name.to_owned()).one(conn).await?;
    Ok(row.map_or((None, 0), |row| (Some(row.value), row.version)))
}

/// Stores a document if it still has `version`; false when it has not.
pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    name: &str,
    version: i64,
    value: &str,
) -> Result<bool, DbErr> {
    if version == 0 {
        let row = ActiveModel {
            name: Set(name.to_owned()),
            value: Set(value.to_owned()),
            version: Set(1),
        };
        let done = Entity::insert(row)
            .on_conflict(
                sea_orm::sea_query::OnConflict::column(Column::Name)
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(conn)
            .await?;
        return Ok(done == 1);
    }
    let row = ActiveModel {
        value: Set(value.to_owned()),
        version: Set(version + 1),
        ..Default::default()
    };
    let done = Entity::update_many()
        .set(row)
        .filter(Column::Name.eq(name))
        .filter(Column::Version.eq(version))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}
