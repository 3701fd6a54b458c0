//! What alerts are found by: which machine could open which vault, which run of a job ended last, and since when points wait
//! for their deletion. And what a listing of a vault in several pages is compared by.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, string_null},
};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0010_alert_facts"
    }
}

/// Codes with which a run fails because its vault cannot be opened, as they were when this was written.
const CLOSED: &str = "'repository_missing', 'wrong_password', 'repository_too_new', 'repository_damaged', \
    'storage_unreachable', 'storage_denied', 'storage_not_found', 'storage_unreliable'";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A server that is killed in the middle begins again from the schema before.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let reference = |column: &'static str, to: &'static str| {
            let mut key = ForeignKey::create();
            key.from("vault_access", column)
                .to(to, "id")
                .on_delete(ForeignKeyAction::Cascade);
            key
        };
        let access = Table::create()
            .table("vault_access")
            .col(big_integer("vault_id"))
            .col(big_integer("agent_id"))
            .col(big_integer("told_at"))
            .col(big_integer_null("failed_since"))
            .col(string_null("code"))
            .col(boolean("failed_writing").default(false))
            .primary_key(Index::create().col("vault_id").col("agent_id"))
            .foreign_key(&mut reference("vault_id", "vaults"))
            .foreign_key(&mut reference("agent_id", "agents"))
            .to_owned();
        manager.create_table(access).await?;
        for (table, column) in [("points", "listed_at"), ("jobs", "retention_waits_since")] {
            let mut change = Table::alter();
            change.table(table).add_column(big_integer_null(column));
            manager.alter_table(change.to_owned()).await?;
        }
        let conn = manager.get_connection();
        // The query says the same of these runs, else the index would not serve it.
        conn.execute_unprepared(
            "CREATE INDEX runs_job_ended ON runs (job_id, finished_at) \
             WHERE run_type = 'backup' AND status IN ('success', 'partial_success', 'failed')",
        )
        .await?;
        // What the last run of each machine in each vault told, and a test that failed after that.
        conn.execute_unprepared(&format!(
            "INSERT INTO vault_access (vault_id, agent_id, told_at, failed_since, code, failed_writing) \
             SELECT vault_id, agent_id, finished_at, CASE WHEN status = 'failed' THEN finished_at END, \
                CASE WHEN status = 'failed' THEN error_code END, status = 'failed' AND run_type = 'backup' \
             FROM (SELECT vault_id, agent_id, run_type, status, error_code, finished_at, \
                    ROW_NUMBER() OVER (PARTITION BY vault_id, agent_id ORDER BY finished_at DESC, id DESC) AS place \
                FROM runs WHERE agent_id IS NOT NULL AND finished_at IS NOT NULL AND (status IN ('success', 'partial_success') \
                    OR (status = 'failed' AND error_code IN ({CLOSED})))) AS told \
             WHERE place = 1"
        ))
        .await?;
        conn.execute_unprepared(
            "INSERT INTO vault_access (vault_id, agent_id, told_at, failed_since, code, failed_writing) \
             SELECT vaults.id, agents.id, last_test_at, last_test_at, NULL, TRUE FROM vaults \
             JOIN agents ON agents.id = COALESCE(vaults.agent_id, maintenance_agent_id, creator_agent_id) \
             WHERE last_test_ok = FALSE AND last_test_at IS NOT NULL \
             ON CONFLICT (vault_id, agent_id) DO UPDATE SET told_at = excluded.told_at, \
                failed_since = COALESCE(vault_access.failed_since, excluded.failed_since), failed_writing = TRUE \
             WHERE excluded.told_at > vault_access.told_at",
        )
        .await?;
        Ok(())
    }
}
