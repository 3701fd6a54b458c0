//! How full vaults were, one row a vault and day; the last measurement of a day counts.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, DeleteMany, EntityTrait, QueryFilter,
    Select, sea_query::OnConflict,
};

use super::{
    VaultUsageRow,
    entity::vault_usage_day::{ActiveModel, Column, Entity},
};

/// Days that are kept of each vault.
const DAYS_KEPT: i64 = 400;

/// Enters how full a vault is, and drops what of it is too old.
pub(crate) async fn note(conn: &impl ConnectionTrait, row: VaultUsageRow) -> Result<(), DbErr> {
    let new = ActiveModel {
        vault_id: Set(row.vault_id),
        day: Set(row.day),
        stored_bytes: Set(row.stored_bytes),
        free_bytes: Set(row.free_bytes),
        measured_at: Set(row.measured_at),
    };
    let mut again = OnConflict::columns([Column::VaultId, Column::Day]);
    again.update_columns([Column::StoredBytes, Column::FreeBytes, Column::MeasuredAt]);
    Entity::insert(new)
        .on_conflict(again)
        .exec_without_returning(conn)
        .await?;
    old_query(row.vault_id, row.day - DAYS_KEPT)
        .exec(conn)
        .await?;
    Ok(())
}

fn old_query(vault_id: i64, before: i64) -> DeleteMany<Entity> {
    Entity::delete_many()
        .filter(Column::VaultId.eq(vault_id))
        .filter(Column::Day.lt(before))
}

/// How full some vaults were since a day, each in the order of its days.
pub(crate) async fn since(
    conn: &impl ConnectionTrait,
    vaults: impl IntoIterator<Item = i64>,
    day: i64,
) -> Result<Vec<VaultUsageRow>, DbErr> {
    let mut rows = since_query(vaults, day).all(conn).await?;
    rows.sort_by_key(|row| (row.vault_id, row.day));
    Ok(rows)
}

fn since_query(vaults: impl IntoIterator<Item = i64>, day: i64) -> Select<Entity> {
    Entity::find()
        .filter(Column::VaultId.is_in(vaults))
        .filter(Column::Day.gte(day))
}

/// Whether a vault was measured on a day.
pub(crate) async fn is_measured(
    conn: &impl ConnectionTrait,
    vault_id: i64,
    day: i64,
) -> Result<bool, DbErr> {
    let found = Entity::find_by_id((vault_id, day)).one(conn).await?;
    Ok(found.is_some())
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, Database, DatabaseBackend, QueryTrait};

    use super::{DAYS_KEPT, note, old_query, since, since_query};
    use crate::db::{Db, VaultUsageRow, options, query_plan};

    fn row(vault_id: i64, day: i64, stored_bytes: i64) -> VaultUsageRow {
        VaultUsageRow {
            vault_id,
            day,
            stored_bytes,
            free_bytes: None,
            measured_at: day,
        }
    }

    #[tokio::test]
    async fn a_day_has_one_row_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("holdfast.db");
        let db = Db::open(&file).await.unwrap();
        // Their vaults are of no interest here.
        let raw = Database::connect(options(&file, 1, false)).await.unwrap();
        raw.execute_unprepared("PRAGMA foreign_keys = OFF")
            .await
            .unwrap();
        for (vault, day, bytes) in [(1, 5, 10), (2, 5, 7), (1, 5, 12), (1, 6, 13)] {
            note(&raw, row(vault, day, bytes)).await.unwrap();
        }
        let found = since(&raw, [1], 0).await.unwrap();
        assert_eq!(found, [row(1, 5, 12), row(1, 6, 13)]);
        note(&raw, row(1, 6 + DAYS_KEPT, 20)).await.unwrap();
        let found = since(&raw, [1, 2], 0).await.unwrap();
        assert_eq!(
            found,
            [row(1, 6, 13), row(1, 6 + DAYS_KEPT, 20), row(2, 5, 7)]
        );
        raw.close().await.unwrap();

        let sqlite = DatabaseBackend::Sqlite;
        for query in [
            since_query([1, 2], 3).build(sqlite),
            old_query(1, 3).build(sqlite),
        ] {
            let text = query.to_string();
            let plan = query_plan(&db, query).await;
            assert!(
                plan.contains("SEARCH") && !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
                "{text}: {plan}"
            );
        }
        db.close().await.unwrap();
    }
}
