//! Retention of jobs, what of the points it looks at, and who maintains each vault.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, text, text_null},
};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0006_retention"
    }
}

/// Points that runs of jobs reported are judged by when the run began. Points of listings look the same in older data, but the
/// jobs there keep everything until somebody chooses otherwise.
const STAMP: &str = "UPDATE points SET \
    stamped_at = (SELECT COALESCE(runs.started_at, runs.created_at) FROM runs WHERE runs.id = points.run_id), \
    by_server = COALESCE((SELECT runs.trigger_kind <> 'offline' FROM runs WHERE runs.id = points.run_id), 0) \
    WHERE job_id IS NOT NULL AND run_id IS NOT NULL";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A server that is killed in the middle begins again from the schema before.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Jobs that were made before anything was ever deleted go on to keep everything: `{}` is that.
        let columns = [
            ("jobs", text("retention").default("{}").to_owned()),
            ("jobs", big_integer("retention_at").default(0).to_owned()),
            ("jobs", text_null("retention_applied")),
            ("points", big_integer_null("stamped_at")),
            ("points", boolean("by_server").default(false).to_owned()),
            ("points", boolean("pinned").default(false).to_owned()),
            ("points", big_integer_null("deletion_id")),
            ("vaults", big_integer_null("maintenance_agent_id")),
            ("vaults", text_null("maintenance")),
        ];
        for (table, column) in columns {
            let mut change = Table::alter();
            change.table(table).add_column(column);
            manager.alter_table(change.to_owned()).await?;
        }
        for (table, column) in [("jobs", "retention_at"), ("points", "deletion_id")] {
            let index = Index::create()
                .name(format!("{table}_{column}"))
                .table(table)
                .col(column)
                .to_owned();
            manager.create_index(index).await?;
        }
        manager.get_connection().execute_unprepared(STAMP).await?;
        Ok(())
    }
}
