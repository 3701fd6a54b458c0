//! The first schema: accounts, agents, vaults, jobs, runs with events and problems, points, commands.
//!
//! Times are BIGINT milliseconds UTC. JSON is TEXT that only this program writes. Columns named `sealed_*` hold
//! what `sealing` made: they are useless without the master key and outside their own row.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, big_integer_null, big_pk_auto, binary, binary_null, boolean, boolean_null,
        double_null, string, string_null, string_uniq, text, text_null, uuid, uuid_null, uuid_uniq,
    },
};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in accounts().into_iter().chain(work()).chain(results()) {
            manager.create_table(table).await?;
        }
        for (table, name, columns, unique) in INDEXES {
            let mut index = Index::create();
            index.name(*name).table(*table);
            for column in *columns {
                index.col(*column);
            }
            if *unique {
                index.unique();
            }
            manager.create_index(index.to_owned()).await?;
        }
        Ok(())
    }
}

/// Table, index name, columns, unique.
const INDEXES: &[(&str, &str, &[&str], bool)] = &[
    ("users", "users_tenant", &["tenant_id", "id"], false),
    ("sessions", "sessions_user", &["user_id"], false),
    (
        "agents",
        "agents_tenant_device",
        &["tenant_id", "device_id"],
        true,
    ),
    (
        "agents",
        "agents_tenant_source",
        &["tenant_id", "source_host"],
        true,
    ),
    ("vaults", "vaults_tenant_name", &["tenant_id", "name"], true),
    ("jobs", "jobs_tenant_name", &["tenant_id", "name"], true),
    ("jobs", "jobs_agent", &["agent_id"], false),
    ("jobs", "jobs_vault", &["vault_id"], false),
    ("runs", "runs_tenant", &["tenant_id", "id"], false),
    ("runs", "runs_job", &["job_id", "id"], false),
    ("runs", "runs_agent_status", &["agent_id", "status"], false),
    ("runs", "runs_status", &["status"], false),
    ("run_events", "run_events_seq", &["run_id", "seq"], true),
    (
        "run_events",
        "run_events_agent_seq",
        &["run_id", "attempt", "agent_seq"],
        true,
    ),
    ("run_problems", "run_problems_seq", &["run_id", "seq"], true),
    (
        "points",
        "points_tenant_time",
        &["tenant_id", "time", "id"],
        false,
    ),
    ("points", "points_job", &["job_id", "time"], false),
    ("points", "points_vault", &["vault_id", "time"], false),
    ("points", "points_run", &["run_id"], false),
    (
        "point_snapshots",
        "point_snapshots_path",
        &["point_id", "path"],
        true,
    ),
    (
        "point_snapshots",
        "point_snapshots_manifest",
        &["vault_id", "manifest_id"],
        false,
    ),
    (
        "commands",
        "commands_agent_status",
        &["agent_id", "status"],
        false,
    ),
    ("commands", "commands_run", &["run_id"], false),
    (
        "idempotency_keys",
        "idempotency_keys_user_key",
        &["user_id", "key"],
        true,
    ),
    ("audit_log", "audit_log_tenant", &["tenant_id", "id"], false),
];

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).to_owned()
}

/// A reference to another table's `id`; when that row goes, this one follows or forgets it.
fn reference(
    from: &'static str,
    column: &'static str,
    to: &'static str,
    on_delete: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(from, column)
        .to(to, "id")
        .on_delete(on_delete)
        .to_owned()
}

fn accounts() -> Vec<TableCreateStatement> {
    vec![
        table("tenants")
            .col(big_pk_auto("id"))
            .col(uuid_uniq("uuid"))
            .col(big_integer_null("parent_id"))
            .col(string("name"))
            .col(string("zone"))
            .col(big_integer("created_at"))
            .col(big_integer("version"))
            .to_owned(),
        table("users")
            .col(big_pk_auto("id"))
            .col(uuid_uniq("uuid"))
            .col(big_integer("tenant_id"))
            .col(string_uniq("email"))
            .col(string("name"))
            .col(string("role"))
            .col(string("password_hash"))
            .col(boolean("disabled"))
            .col(big_integer_null("last_sign_in_at"))
            .col(big_integer("created_at"))
            .col(big_integer("version"))
            .foreign_key(&mut reference(
                "users",
                "tenant_id",
                "tenants",
                ForeignKeyAction::Cascade,
            ))
            .to_owned(),
        table("sessions")
            .col(string("id_hash").primary_key())
            .col(big_integer_null("user_id"))
            .col(text("data"))
            .col(big_integer("expires_at"))
            .foreign_key(&mut reference(
                "sessions",
                "user_id",
                "users",
                ForeignKeyAction::Cascade,
            ))
            .to_owned(),
        table("enrolment_tokens")
            .col(big_pk_auto("id"))
            .col(uuid_uniq("uuid"))
            .col(big_integer("tenant_id"))
            .col(string("name"))
            .col(string_uniq("token_hash"))
            .col(big_integer("expires_at"))
            .col(big_integer_null("max_uses"))
            .col(big_integer("uses"))
            .col(big_integer("created_at"))
            .foreign_key(&mut reference(
                "enrolment_tokens",
                "tenant_id",
                "tenants",
                ForeignKeyAction::Cascade,
            ))
            .to_owned(),
        table("idempotency_keys")
            .col(big_pk_auto("id"))
            .col(big_integer("user_id"))
            .col(string("key"))
            .col(string("request_hash"))
            .col(big_integer_null("status"))
            .col(binary_null("sealed_response"))
            .col(big_integer("created_at"))
            .foreign_key(&mut reference(
                "idempotency_keys",
                "user_id",
                "users",
                ForeignKeyAction::Cascade,
            ))
            .to_owned(),
        table("audit_log")
            .col(big_pk_auto("id"))
            .col(uuid_uniq("uuid"))
            .col(big_integer("tenant_id"))
            .col(big_integer("time"))
            .col(string("actor"))
            .col(string("action"))
            .col(string("object_type"))
            .col(uuid_null("object_uuid"))
            .col(string("object_name"))
            .col(string_null("address"))
            .foreign_key(&mut reference(
                "audit_log",
                "tenant_id",
                "tenants",
                ForeignKeyAction::Cascade,
            ))
            .to_owned(),
        table("settings")
            .col(string("name").primary_key())
            .col(text("value"))
            .col(big_integer("version"))
            .to_owned(),
    ]
}

fn work() -> Vec<TableCreateStatement> {
    vec![
        table("agents")
            .col(big_pk_auto("id"))
            .col(uuid_uniq("uuid"))
            .col(big_integer("tenant_id"))
            .col(string("name"))
            .col(string("host"))
            .col(uuid("device_id"))
            .col(string("token_hash"))
            .col(boolean("disabled"))
            .col(string("source_user"))
            .col(string("source_host"))
            .col(string("os"))
            .col(string("architecture"))
            .col(string("agent_version"))
            .col(text("capabilities"))
            .col(text("volumes"))
            .col(big_integer_null("clock_offset_ms"))
            .col(uuid_null("instance"))
            .col(uuid_null("previous_instance"))
            .col(big_integer_null("cloned_at"))
            .col(big_integer_null("last_seen_at"))
            .col(boolean("on_server_host"))
            .col(big_integer("created_at"))
            .col(big_integer("version"))
            .foreign_key(&mut reference(
                "agents",
                "tenant_id",
                "tenants",
                ForeignKeyAction::Cascade,
            ))
            .to_owned(),
        table("vaults")
            .col(big_pk_auto("id"))
            .col(uuid_uniq("uuid"))
            .col(big_integer("tenant_id"))
            .col(string("name"))
            .col(string("state"))
            .col(string("kind"))
            .col(string("endpoint"))
            .col(string("region"))
            .col(string("bucket"))
            .col(string("prefix"))
            .col(string("access_key_id"))
            .col(binary_null("sealed_secret_key"))
            .col(big_integer_null("agent_id"))
            .col(string("path"))
            .col(binary("sealed_repository_password"))
            .col(text_null("failure"))
            .col(big_integer_null("creator_agent_id"))
            .col(boolean_null("last_test_ok"))
            .col(big_integer_null("last_test_at"))
            .col(big_integer_null("kit_shown_at"))
            .col(big_integer("created_at"))
            .col(big_integer("version"))
            .foreign_key(&mut reference(
                "vaults",
                "tenant_id",
                "tenants",
                ForeignKeyAction::Cascade,
            ))
            .foreign_key(&mut reference(
                "vaults",
                "agent_id",
                "agents",
                ForeignKeyAction::Restrict,
            ))
            .to_owned(),
        table("jobs")
            .col(big_pk_auto("id"))
            .col(uuid_uniq("uuid"))
            .col(big_integer("tenant_id"))
            .col(big_integer("agent_id"))
            .col(big_integer("vault_id"))
            .col(string("name"))
            .col(string("kind"))
            .col(boolean("enabled"))
            .col(text("paths"))
            .col(text("policy"))
            .col(text("schedule"))
            .col(big_integer_null("upload_limit"))
            .col(big_integer_null("max_age_seconds"))
            .col(big_integer("created_at"))
            .col(big_integer("version"))
            .foreign_key(&mut reference(
                "jobs",
                "tenant_id",
                "tenants",
                ForeignKeyAction::Cascade,
            ))
            .foreign_key(&mut reference(
                "jobs",
                "agent_id",
                "agents",
                ForeignKeyAction::Restrict,
            ))
            .foreign_key(&mut reference(
                "jobs",
                "vault_id",
                "vaults",
                ForeignKeyAction::Restrict,
            ))
            .to_owned(),
    ]
}

fn results() -> Vec<TableCreateStatement> {
    vec![
        table("runs")
            .col(big_pk_auto("id"))
            .col(uuid_uniq("uuid"))
            .col(big_integer("tenant_id"))
            .col(big_integer_null("job_id"))
            .col(string("job_name"))
            .col(big_integer_null("agent_id"))
            .col(big_integer("vault_id"))
            .col(string("run_type"))
            .col(string("status"))
            .col(string("trigger_kind"))
            .col(big_integer("attempt"))
            .col(uuid_null("instance"))
            .col(big_integer("update_seq"))
            .col(big_integer("event_seq"))
            .col(boolean("cancel_requested"))
            .col(boolean("reported_late"))
            .col(double_null("progress_pct"))
            .col(big_integer_null("bytes_processed"))
            .col(big_integer_null("bytes_transferred"))
            .col(big_integer_null("bytes_total"))
            .col(big_integer_null("objects_transferred"))
            .col(big_integer_null("objects_total"))
            .col(big_integer_null("speed"))
            .col(big_integer_null("eta_seconds"))
            .col(binary_null("sealed_current_item"))
            .col(big_integer_null("reported_at"))
            .col(big_integer_null("heartbeat_at"))
            .col(text("stages"))
            .col(text("statistics"))
            .col(big_integer("problem_count"))
            .col(string_null("error_code"))
            .col(binary_null("sealed_error"))
            .col(text("paths"))
            .col(text("policy"))
            .col(big_integer_null("source_point_id"))
            .col(string_null("target_path"))
            .col(big_integer("created_at"))
            .col(big_integer_null("started_at"))
            .col(big_integer_null("finished_at"))
            .col(big_integer("version"))
            .foreign_key(&mut reference(
                "runs",
                "tenant_id",
                "tenants",
                ForeignKeyAction::Cascade,
            ))
            .foreign_key(&mut reference(
                "runs",
                "job_id",
                "jobs",
                ForeignKeyAction::SetNull,
            ))
            .foreign_key(&mut reference(
                "runs",
                "agent_id",
                "agents",
                ForeignKeyAction::SetNull,
            ))
            .foreign_key(&mut reference(
                "runs",
                "vault_id",
                "vaults",
                ForeignKeyAction::Cascade,
            ))
            .to_owned(),
        table("run_events")
            .col(big_pk_auto("id"))
            .col(big_integer("run_id"))
            .col(big_integer("seq"))
            .col(big_integer("attempt"))
            .col(big_integer_null("agent_seq"))
            .col(big_integer("time"))
            .col(string("kind"))
            .col(string("level"))
            .col(string("message_id"))
            .col(binary("sealed_params"))
            .foreign_key(&mut reference(
                "run_events",
                "run_id",
                "runs",
                ForeignKeyAction::Cascade,
            ))
            .to_owned(),
        table("run_problems")
            .col(big_pk_auto("id"))
            .col(big_integer("run_id"))
            .col(big_integer("seq"))
            .col(string("code"))
            .col(big_integer_null("size"))
            .col(binary("sealed_item"))
            .foreign_key(&mut reference(
                "run_problems",
                "run_id",
                "runs",
                ForeignKeyAction::Cascade,
            ))
            .to_owned(),
        table("points")
            .col(big_pk_auto("id"))
            .col(uuid_uniq("uuid"))
            .col(big_integer("tenant_id"))
            .col(big_integer_null("job_id"))
            .col(big_integer("vault_id"))
            .col(big_integer_null("run_id"))
            .col(string("source_user"))
            .col(string("source_host"))
            .col(big_integer("time"))
            .col(string("state"))
            .col(big_integer("files"))
            .col(big_integer("total_bytes"))
            .col(big_integer_null("bytes_uploaded"))
            .col(big_integer("problem_count"))
            .col(big_integer("created_at"))
            .foreign_key(&mut reference(
                "points",
                "tenant_id",
                "tenants",
                ForeignKeyAction::Cascade,
            ))
            .foreign_key(&mut reference(
                "points",
                "job_id",
                "jobs",
                ForeignKeyAction::SetNull,
            ))
            .foreign_key(&mut reference(
                "points",
                "vault_id",
                "vaults",
                ForeignKeyAction::Cascade,
            ))
            .foreign_key(&mut reference(
                "points",
                "run_id",
                "runs",
                ForeignKeyAction::SetNull,
            ))
            .to_owned(),
        table("point_snapshots")
            .col(big_pk_auto("id"))
            .col(uuid_uniq("uuid"))
            .col(big_integer("point_id"))
            .col(big_integer("vault_id"))
            .col(string("path"))
            .col(string("manifest_id"))
            .col(string("root_object"))
            .col(big_integer("start_time"))
            .col(big_integer("files"))
            .col(big_integer("dirs"))
            .col(big_integer("total_bytes"))
            .foreign_key(&mut reference(
                "point_snapshots",
                "point_id",
                "points",
                ForeignKeyAction::Cascade,
            ))
            .to_owned(),
        table("commands")
            .col(big_pk_auto("id"))
            .col(uuid_uniq("uuid"))
            .col(big_integer("tenant_id"))
            .col(big_integer("agent_id"))
            .col(big_integer_null("run_id"))
            .col(big_integer_null("vault_id"))
            .col(string("kind"))
            .col(binary("sealed_payload"))
            .col(string("status"))
            .col(big_integer_null("lease_until"))
            .col(big_integer("deliveries"))
            .col(binary_null("sealed_result"))
            .col(text_null("failure"))
            .col(big_integer("expires_at"))
            .col(big_integer("created_at"))
            .col(big_integer_null("finished_at"))
            .foreign_key(&mut reference(
                "commands",
                "tenant_id",
                "tenants",
                ForeignKeyAction::Cascade,
            ))
            .foreign_key(&mut reference(
                "commands",
                "agent_id",
                "agents",
                ForeignKeyAction::Cascade,
            ))
            .foreign_key(&mut reference(
                "commands",
                "run_id",
                "runs",
                ForeignKeyAction::Cascade,
            ))
            .foreign_key(&mut reference(
                "commands",
                "vault_id",
                "vaults",
                ForeignKeyAction::Cascade,
            ))
            .to_owned(),
    ]
}
