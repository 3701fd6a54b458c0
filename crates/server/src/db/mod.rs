//! The database. Entities stay in here; outside there are only rows and functions that take a [`Scope`], so that
//! no query forgets whose rows it may touch.
//!
//! SQLite: write-ahead log, synchronous FULL, foreign keys. All writes go through one connection and are thereby in
//! turn (see [`writer`]); readers have their own and never wait for it. A transaction is begun only in a function that
//! does not call another one that begins one: the second would wait for the first.

#![allow(clippy::disallowed_methods)] // this is where queries are made

mod entity;
mod migrations;
mod page;
mod scope;
mod tenancy;
mod writer;

pub(crate) mod agents;
pub(crate) mod alert_facts;
pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod commands;
pub(crate) mod enrolment_tokens;
pub(crate) mod events;
pub(crate) mod idempotency;
pub(crate) mod jobs;
pub(crate) mod notification_channels;
pub(crate) mod occurrences;
pub(crate) mod outbox;
pub(crate) mod periodic_tasks;
pub(crate) mod points;
pub(crate) mod problems;
pub(crate) mod run_logs;
pub(crate) mod runs;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod sign_in_places;
pub(crate) mod tenants;
pub(crate) mod users;
pub(crate) mod vault_access;
pub(crate) mod vault_usage;
pub(crate) mod vaults;

use std::{path::Path, time::Duration};

use sea_orm::{
    ActiveModelTrait, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr,
    EntityTrait,
};
use sea_orm_migration::MigratorTrait;

pub(crate) use self::{
    entity::{
        agent::Model as AgentRow, alert::Model as AlertRow, audit_entry::Model as AuditRow,
        command::Model as CommandRow, enrolment_token::Model as EnrolmentTokenRow,
        job::Model as JobRow, notification_channel::Model as ChannelRow,
        occurrence::Model as OccurrenceRow, outbox::Model as OutboxRow, point::Model as PointRow,
        point_snapshot::Model as PointSnapshotRow, run::Model as RunRow,
        run_event::Model as EventRow, run_log::Model as LogRow,
        run_log_chunk::Model as LogChunkRow, run_problem::Model as ProblemRow,
        tenant::Model as TenantRow, user::Model as UserRow, vault::Model as VaultRow,
        vault_access::Model as AccessRow, vault_usage_day::Model as VaultUsageRow,
    },
    page::{COUNT_CAP, Cursor, PageRequest, Slice},
    scope::Scope,
    writer::{Txn, Writer},
};
use self::{
    page::{Order, page_by_id},
    tenancy::{OfTenant, change_version, delete_version, of, reseller},
};

/// How long a statement waits for a locked file before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections for reading.
const READERS: u32 = 8;

/// The open database.
#[derive(Clone, Debug)]
pub(crate) struct Db {
    writer: Writer,
    reader: DatabaseConnection,
}

impl Db {
    /// Opens or makes the database file and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened, is no database, or belongs to a newer version.
    pub(crate) async fn open(file: &Path) -> Result<Self, DbErr> {
        let writer = Database::connect(options(file, 1, false)).await?;
        migrations::Migrator::up(&writer, None).await?;
        let reader = Database::connect(options(file, READERS, true)).await?;
        let writer = Writer::new(writer);
        Ok(Self { writer, reader })
    }

    /// For queries that change nothing.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// For a single statement that changes something.
    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// For several statements that are all done or none.
    pub(crate) async fn begin(&self) -> Result<Txn, DbErr> {
        self.writer.begin().await
    }

    /// Closes both, so that the file can be copied.
    pub(crate) async fn close(self) -> Result<(), DbErr> {
        self.reader.close().await?;
        self.writer.close().await
    }
}

/// Rows of one INSERT: SQLite binds 32,766 values at most, and no table has more than 60 columns.
const ROWS_OF_AN_INSERT: usize = 500;

/// Inserts many rows.
async fn insert_in_batches<A>(
    conn: &impl ConnectionTrait,
    rows: impl IntoIterator<Item = A>,
) -> Result<(), DbErr>
where
    A: ActiveModelTrait,
{
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let batch: Vec<A> = rows.by_ref().take(ROWS_OF_AN_INSERT).collect();
        A::Entity::insert_many(batch)
            .exec_without_returning(conn)
            .await?;
    }
    Ok(())
}

/// How SQLite would answer a query, line by line.
#[cfg(test)]
pub(crate) async fn query_plan(db: &Db, query: sea_orm::Statement) -> String {
    let query = sea_orm::Statement::from_string(
        sea_orm::DatabaseBackend::Sqlite,
        format!("EXPLAIN QUERY PLAN {query}"),
    );
    let rows = db.reader().query_all_raw(query).await.unwrap();
    let lines = rows
        .iter()
        .map(|row| row.try_get::<String>("", "detail").unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

fn options(file: &Path, connections: u32, read_only: bool) -> ConnectOptions {
    // The file is named below: in an address some characters of its path would mean something.
    let file = file.to_owned();
    let mut options = ConnectOptions::new("sqlite://holdfast.db");
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false);
    options.acquire_timeout(Duration::from_secs(30));
    options.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .filename(&file)
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "FULL")
            .pragma("trusted_schema", "OFF")
            .pragma("query_only", if read_only { "ON" } else { "OFF" })
    });
    options
}
