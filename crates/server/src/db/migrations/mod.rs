//! The schema's history. A migration that was released is never changed; the next one follows it.

use sea_orm_migration::prelude::*;

mod m0001_first;
mod m0002_groundwork;
mod m0003_schedules;
mod m0004_schedule_queries;
mod m0005_offline;
mod m0006_retention;
mod m0007_run_logs;
mod m0008_alerts;
mod m0009_run_order;

/// Every migration, oldest first.
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first::Migration),
            Box::new(m0002_groundwork::Migration),
            Box::new(m0003_schedules::Migration),
            Box::new(m0004_schedule_queries::Migration),
            Box::new(m0005_offline::Migration),
            Box::new(m0006_retention::Migration),
            Box::new(m0007_run_logs::Migration),
            Box::new(m0008_alerts::Migration),
            Box::new(m0009_run_order::Migration),
        ]
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, Database, DatabaseBackend, Statement};
    use sea_orm_migration::MigratorTrait;

    use super::Migrator;
    use crate::db::{Db, Scope, agents, options};

    /// Rows as the first release wrote them.
    const FIRST: &[&str] = &[
        "INSERT INTO tenants VALUES (1, x'00000000000000000000000000000001', NULL, 'Platform', 'UTC', 0, 1)",
        "INSERT INTO tenants VALUES (2, x'00000000000000000000000000000002', 1, 'Customer', 'UTC', 0, 1)",
        "INSERT INTO agents (uuid, tenant_id, name, host, device_id, token_hash, disabled, source_user, source_host, os, \
         architecture, agent_version, capabilities, volumes, on_server_host, created_at, version) \
         VALUES (x'00000000000000000000000000000003', 2, 'box', 'box', x'00000000000000000000000000000004', 'h', 0, 'root', \
         'box', 'linux', 'x', '1', '{}', '[]', 0, 0, 1)",
    ];

    // Requirements: PLT-10
    #[tokio::test]
    async fn a_database_of_each_release_is_brought_up_to_date_with_its_data() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("holdfast.db");
        let old = Database::connect(options(&file, 1, false)).await.unwrap();
        Migrator::up(&old, Some(1)).await.unwrap();
        for row in FIRST {
            old.execute_unprepared(row).await.unwrap();
        }
        // A server that was killed in the middle of the change begins it again.
        old.execute_unprepared("CREATE TABLE sign_in_places (x INTEGER)")
            .await
            .unwrap();
        Migrator::up(&old, None).await.unwrap_err();
        old.execute_unprepared("DROP TABLE sign_in_places")
            .await
            .unwrap();
        old.close().await.unwrap();

        let db = Db::open(&file).await.unwrap();
        let found = agents::all(db.reader(), Scope::tenant(2)).await.unwrap();
        assert_eq!(
            (found.len(), found[0].reseller_id, found[0].name.as_str()),
            (1, Some(1), "box")
        );
        let indexes =
            "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name LIKE '%_reseller'";
        let statement = Statement::from_string(DatabaseBackend::Sqlite, indexes);
        let row = db.reader().query_one_raw(statement).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), 5);
        db.close().await.unwrap();
    }
}
