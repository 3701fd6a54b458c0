//! Occurrences of schedules, when each job is due next, and when a run must end.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, big_pk_auto, string, string_null},
};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0003_schedules"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A server that is killed in the middle begins again from the schema before.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [
            ("jobs", "next_due_at"),
            ("jobs", "next_start_at"),
            ("runs", "stop_at"),
        ] {
            let mut change = Table::alter();
            change.table(table).add_column(big_integer_null(column));
            manager.alter_table(change.to_owned()).await?;
        }
        for (table, column) in [("jobs", "next_start_at"), ("runs", "stop_at")] {
            let index = Index::create()
                .name(format!("{table}_{column}"))
                .table(table)
                .col(column)
                .to_owned();
            manager.create_index(index).await?;
        }
        let reference = |column: &'static str, to: &'static str, action: ForeignKeyAction| {
            let mut key = ForeignKey::create();
            key.from("occurrences", column)
                .to(to, "id")
                .on_delete(action);
            key
        };
        let occurrences = Table::create()
            .table("occurrences")
            .col(big_pk_auto("id"))
            .col(big_integer("tenant_id"))
            .col(big_integer("job_id"))
            .col(big_integer("due_at"))
            .col(big_integer("start_at"))
            .col(big_integer("deadline_at"))
            .col(string("state"))
            .col(string_null("reason"))
            .col(big_integer_null("run_id"))
            .foreign_key(&mut reference(
                "tenant_id",
                "tenants",
                ForeignKeyAction::Cascade,
            ))
            .foreign_key(&mut reference("job_id", "jobs", ForeignKeyAction::Cascade))
            .foreign_key(&mut reference("run_id", "runs", ForeignKeyAction::SetNull))
            .to_owned();
        manager.create_table(occurrences).await?;
        for (name, columns, unique) in [
            ("occurrences_job_due", &["job_id", "due_at"][..], true),
            (
                "occurrences_state_deadline",
                &["state", "deadline_at"],
                false,
            ),
            ("occurrences_tenant_due", &["tenant_id", "due_at"], false),
            ("occurrences_run", &["run_id"], false),
        ] {
            let mut index = Index::create();
            index.name(name).table("occurrences");
            for column in columns {
                index.col(*column);
            }
            if unique {
                index.unique();
            }
            manager.create_index(index.to_owned()).await?;
        }
        Ok(())
    }
}
