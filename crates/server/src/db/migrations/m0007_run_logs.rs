//! Full logs of runs: lines in compressed chunks, and one row a run that says what there is.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_pk_auto, binary, boolean, text},
};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0007_run_logs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A server that is killed in the middle begins again from the schema before.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let of_run = |table: &'static str| {
            let mut key = ForeignKey::create();
            key.from(table, "run_id")
                .to("runs", "id")
                .on_delete(ForeignKeyAction::Cascade);
            key
        };
        let logs = Table::create()
            .table("run_logs")
            .col(big_pk_auto("id"))
            .col(big_integer("run_id"))
            .col(big_integer("lines"))
            .col(big_integer("bytes"))
            // The last number of each attempt, as JSON.
            .col(text("last_seqs"))
            .col(big_integer("last_at"))
            .col(boolean("is_full"))
            .col(boolean("erased"))
            .foreign_key(&mut of_run("run_logs"))
            .to_owned();
        manager.create_table(logs).await?;
        let chunks = Table::create()
            .table("run_log_chunks")
            .col(big_pk_auto("id"))
            .col(big_integer("run_id"))
            .col(big_integer("first_line"))
            .col(big_integer("lines"))
            .col(big_integer("bytes"))
            // A bit for each level that stands in it.
            .col(big_integer("levels"))
            .col(binary("sealed_lines"))
            .foreign_key(&mut of_run("run_log_chunks"))
            .to_owned();
        manager.create_table(chunks).await?;
        for (table, name, columns, unique) in [
            ("run_logs", "run_logs_run", &["run_id"][..], true),
            ("run_logs", "run_logs_age", &["erased", "last_at"], false),
            (
                "run_log_chunks",
                "run_log_chunks_line",
                &["run_id", "first_line"],
                true,
            ),
        ] {
            let mut index = Index::create();
            index.name(name).table(table);
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
