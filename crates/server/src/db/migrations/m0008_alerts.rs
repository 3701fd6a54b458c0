//! Alerts, and what answers the questions that they are found by; channels of notifications, and the outbox by which
//! messages leave.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, big_integer_null, big_pk_auto, binary_null, boolean, string, string_null,
        text, text_null, uuid, uuid_uniq,
    },
};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0008_alerts"
    }
}

/// Table, index and columns.
const INDEXES: &[(&str, &str, &[&str])] = &[
    ("alerts", "alerts_tenant", &["tenant_id", "id"]),
    ("alerts", "alerts_reseller", &["reseller_id", "id"]),
    ("alerts", "alerts_closed", &["closed_at"]),
    (
        "occurrences",
        "occurrences_job_state_due",
        &["job_id", "state", "due_at"],
    ),
    ("runs", "runs_vault", &["vault_id", "id"]),
    (
        "notification_channels",
        "notification_channels_tenant",
        &["tenant_id", "id"],
    ),
    (
        "outbox",
        "outbox_channel_state",
        &["channel_id", "state", "id"],
    ),
    ("outbox", "outbox_state_ended", &["state", "ended_at"]),
];

/// A reference to another table's `id`, with which the row goes.
fn reference(
    from: &'static str,
    column: &'static str,
    to: &'static str,
) -> ForeignKeyCreateStatement {
    let mut key = ForeignKey::create();
    key.from(from, column)
        .to(to, "id")
        .on_delete(ForeignKeyAction::Cascade);
    key
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// A server that is killed in the middle begins again from the schema before.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let alerts = Table::create()
            .table("alerts")
            .col(big_pk_auto("id"))
            .col(uuid_uniq("uuid"))
            .col(big_integer("tenant_id"))
            .col(big_integer_null("reseller_id"))
            .col(string("kind"))
            .col(string("object_type"))
            .col(uuid("object_uuid"))
            .col(string("object_name"))
            .col(string("severity"))
            .col(string("action"))
            .col(string("target_type"))
            .col(uuid("target_uuid"))
            .col(text("params"))
            .col(big_integer("since_at"))
            .col(big_integer("opened_at"))
            .col(big_integer("last_seen_at"))
            .col(big_integer_null("closed_at"))
            .col(big_integer_null("acknowledged_at"))
            .col(string_null("acknowledged_by"))
            .col(text_null("notified"))
            .foreign_key(&mut reference("alerts", "tenant_id", "tenants"))
            .to_owned();
        let channels = Table::create()
            .table("notification_channels")
            .col(big_pk_auto("id"))
            .col(uuid_uniq("uuid"))
            .col(big_integer("tenant_id"))
            .col(string("name"))
            .col(string("kind"))
            .col(boolean("enabled"))
            .col(string("language"))
            .col(text("target"))
            .col(binary_null("sealed_secret"))
            .col(text("rules"))
            .col(big_integer("attempts"))
            .col(big_integer_null("next_attempt_at"))
            .col(big_integer_null("failing_since"))
            .col(big_integer_null("last_ok_at"))
            .col(big_integer_null("last_failed_at"))
            .col(text_null("last_error"))
            .col(big_integer("created_at"))
            .col(big_integer("version"))
            .foreign_key(&mut reference(
                "notification_channels",
                "tenant_id",
                "tenants",
            ))
            .to_owned();
        let outbox = Table::create()
            .table("outbox")
            .col(big_pk_auto("id"))
            .col(uuid_uniq("uuid"))
            .col(big_integer("tenant_id"))
            .col(big_integer("channel_id"))
            .col(string("state"))
            .col(text("payload"))
            .col(big_integer("attempts"))
            .col(big_integer("next_attempt_at"))
            .col(big_integer("created_at"))
            .col(big_integer("expires_at"))
            .col(big_integer_null("ended_at"))
            .foreign_key(&mut reference("outbox", "tenant_id", "tenants"))
            .foreign_key(&mut reference(
                "outbox",
                "channel_id",
                "notification_channels",
            ))
            .to_owned();
        for table in [alerts, channels, outbox] {
            manager.create_table(table).await?;
        }
        for (table, name, columns) in INDEXES {
            let mut index = Index::create();
            index.name(*name).table(*table);
            for column in *columns {
                index.col(*column);
            }
            manager.create_index(index.to_owned()).await?;
        }
        // One open alert for a kind and object, whatever two servers think.
        let one = "CREATE UNIQUE INDEX alerts_open ON alerts (tenant_id, kind, object_uuid) WHERE closed_at IS NULL";
        manager.get_connection().execute_unprepared(one).await?;
        // When the list of a vault's points was last compared with the vault.
        let mut vaults = Table::alter();
        vaults
            .table("vaults")
            .add_column(big_integer_null("listed_at"));
        manager.alter_table(vaults.to_owned()).await
    }
}
