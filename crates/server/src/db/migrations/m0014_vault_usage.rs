//! How full each vault was, day by day, and the most that it may hold.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null},
};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0014_vault_usage"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A server that is killed in the middle begins again from the schema before.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut vault = ForeignKey::create();
        vault
            .from("vault_usage_days", "vault_id")
            .to("vaults", "id")
            .on_delete(ForeignKeyAction::Cascade);
        let mut key = Index::create();
        key.col("vault_id").col("day");
        let days = Table::create()
            .table("vault_usage_days")
            .col(big_integer("vault_id"))
            // Days since 1970, in the zone of the vault's tenant.
            .col(big_integer("day"))
            .col(big_integer("stored_bytes"))
            .col(big_integer_null("free_bytes"))
            .col(big_integer("measured_at"))
            .primary_key(&mut key)
            .foreign_key(&mut vault)
            .to_owned();
        manager.create_table(days).await?;
        let mut vaults = Table::alter();
        vaults
            .table("vaults")
            .add_column(big_integer_null("quota_bytes"));
        manager.alter_table(vaults.to_owned()).await
    }
}
