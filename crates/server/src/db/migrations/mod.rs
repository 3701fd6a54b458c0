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
mod m0010_alert_facts;
mod m0012_pin_notes;
mod m0014_vault_usage;

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
            Box::new(m0010_alert_facts::Migration),
            Box::new(m0012_pin_notes::Migration),
            Box::new(m0014_vault_usage::Migration),
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

    const RUN: &str = "INSERT INTO runs (uuid, tenant_id, job_name, agent_id, vault_id, run_type, status, trigger_kind, attempt, \
        update_seq, event_seq, cancel_requested, reported_late, stages, statistics, problem_count, paths, policy, created_at, \
        version, error_code, finished_at) VALUES (randomblob(16), 2, 'job', ";

    #[tokio::test]
    async fn what_machines_told_of_vaults_last_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("holdfast.db");
        let old = Database::connect(options(&file, 1, false)).await.unwrap();
        Migrator::up(&old, Some(9)).await.unwrap();
        for row in FIRST {
            let row = row.replace("x'00000000000000000000000000000003'", "randomblob(16)");
            old.execute_unprepared(&row).await.unwrap();
        }
        old.execute_unprepared(
            "INSERT INTO agents (uuid, tenant_id, name, host, device_id, token_hash, disabled, source_user, source_host, os, \
             architecture, agent_version, capabilities, volumes, on_server_host, created_at, version) \
             SELECT randomblob(16), 2, 'other', 'other', randomblob(16), 'i', 0, 'root', 'other', os, architecture, \
             agent_version, capabilities, volumes, 0, 0, 1 FROM agents",
        )
        .await
        .unwrap();
        // The first was opened; a test of the second failed, and the machine that made the third is gone.
        for (ok, tested, creator) in [("NULL", "NULL", 1), ("0", "50", 1), ("0", "50", 77)] {
            let vault = format!(
                "INSERT INTO vaults (uuid, tenant_id, name, state, kind, endpoint, region, bucket, prefix, access_key_id, path, \
                 sealed_repository_password, last_test_ok, last_test_at, creator_agent_id, created_at, version) \
                 VALUES (randomblob(16), 2, '{creator}{ok}', 'ready', 's3', '', '', '', '', '', '', x'00', {ok}, {tested}, \
                 {creator}, 0, 1)"
            );
            old.execute_unprepared(&vault).await.unwrap();
        }
        let told = "1, 0, 0, 0, 0, '[]', '{}', 0, '[]', '{}', 0, 1";
        for (agent, kind, status, code, at) in [
            (1, "backup", "failed", "'storage_denied'", 30),
            (1, "backup", "success", "NULL", 20),
            (2, "restore", "failed", "'wrong_password'", 10),
            (2, "backup", "failed", "'source_missing'", 40),
        ] {
            let run =
                format!("{RUN}{agent}, 1, '{kind}', '{status}', 'manual', {told}, {code}, {at})");
            old.execute_unprepared(&run).await.unwrap();
        }
        old.close().await.unwrap();
        let db = Db::open(&file).await.unwrap();
        let query = "SELECT group_concat(vault_id || ' ' || agent_id || ' ' || failed_since || ' ' || coalesce(code, '-') || ' ' || \
            failed_writing, ', ') FROM (SELECT * FROM vault_access ORDER BY vault_id, agent_id)";
        let statement = Statement::from_string(DatabaseBackend::Sqlite, query);
        let row = db.reader().query_one_raw(statement).await.unwrap().unwrap();
        assert_eq!(
            row.try_get_by_index::<String>(0).unwrap(),
            "1 1 30 storage_denied 1, 1 2 10 wrong_password 0, 2 1 50 - 1"
        );
        db.close().await.unwrap();
    }

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
