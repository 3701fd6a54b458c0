//! Jobs whose machine may start what is due without the server.

use sea_orm_migration::{prelude::*, schema::boolean};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0005_offline"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A server that is killed in the middle begins again from the schema before.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = boolean("offline_start").default(false).to_owned();
        let mut change = Table::alter();
        change.table("jobs").add_column(column);
        manager.alter_table(change.to_owned()).await
    }
}
