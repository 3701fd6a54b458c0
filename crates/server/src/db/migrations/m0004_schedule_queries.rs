//! What the scheduler asks again and again is answered by an index.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0004_schedule_queries"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A server that is killed in the middle begins again from the schema before.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let due = Index::create()
            .name("occurrences_due")
            .table("occurrences")
            .col("due_at")
            .to_owned();
        manager.create_index(due).await?;
        // A run that is over has nothing to stop for, and is not met again by those that look for it.
        let over = "UPDATE runs SET stop_at = NULL WHERE finished_at IS NOT NULL";
        manager.get_connection().execute_unprepared(over).await?;
        Ok(())
    }
}
