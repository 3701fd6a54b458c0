//! Runs are listed by when they were asked for, which is not the order of their numbers: runs that agents have started by
//! themselves are told of later.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0009_run_order"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A server that is killed in the middle begins again from the schema before.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, owner) in [
            ("runs_tenant_time", "tenant_id"),
            ("runs_job_time", "job_id"),
        ] {
            let index = Index::create()
                .name(name)
                .table("runs")
                .col(owner)
                .col("created_at")
                .to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
