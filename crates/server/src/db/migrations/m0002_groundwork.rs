//! Resellers beside tenants, leases of the server's own tasks, places of sign-ins, effects of repeated requests.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, string, string_null, uuid},
};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0002_groundwork"
    }
}

/// Tables whose rows carry the reseller beside the tenant, and the column by which lists of them are sorted.
const RESOLD: &[(&str, &str)] = &[
    ("jobs", "id"),
    ("runs", "id"),
    ("agents", "id"),
    ("points", "time"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A server that is killed in the middle begins again from the schema before.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, sorted_by) in RESOLD {
            let mut change = Table::alter();
            change.table(*table);
            manager
                .alter_table(
                    change
                        .add_column(big_integer_null("reseller_id"))
                        .to_owned(),
                )
                .await?;
            let fill = format!(
                "UPDATE {table} SET reseller_id = (SELECT parent_id FROM tenants WHERE tenants.id = {table}.tenant_id)"
            );
            manager.get_connection().execute_unprepared(&fill).await?;
            let index = Index::create()
                .name(format!("{table}_reseller"))
                .table(*table)
                .col("reseller_id")
                .col(*sorted_by)
                .to_owned();
            manager.create_index(index).await?;
        }
        // Those of a tenant were reached by their unique indexes; these are in the order of lists.
        for table in ["jobs", "agents"] {
            let index = Index::create()
                .name(format!("{table}_tenant"))
                .table(table)
                .col("tenant_id")
                .col("id")
                .to_owned();
            manager.create_index(index).await?;
        }
        let expiring = Index::create()
            .name("commands_status_expires")
            .table("commands")
            .col("status")
            .col("expires_at")
            .to_owned();
        manager.create_index(expiring).await?;
        let started = Index::create()
            .name("point_snapshots_start")
            .table("point_snapshots")
            .col("vault_id")
            .col("start_time")
            .to_owned();
        manager.create_index(started).await?;

        let tasks = Table::create()
            .table("periodic_tasks")
            .col(string("name").primary_key())
            .col(uuid("holder"))
            .col(big_integer("lease_until"))
            .col(big_integer("last_run_at"))
            .to_owned();
        manager.create_table(tasks).await?;

        let mut user = ForeignKey::create();
        user.from("sign_in_places", "user_id")
            .to("users", "id")
            .on_delete(ForeignKeyAction::Cascade);
        let places = Table::create()
            .table("sign_in_places")
            .col(big_integer("user_id"))
            .col(string("place"))
            .col(big_integer("used_at"))
            .primary_key(Index::create().col("user_id").col("place"))
            .foreign_key(&mut user)
            .to_owned();
        manager.create_table(places).await?;

        let mut effect = Table::alter();
        effect
            .table("idempotency_keys")
            .add_column(string_null("effect"));
        manager.alter_table(effect.to_owned()).await
    }
}
