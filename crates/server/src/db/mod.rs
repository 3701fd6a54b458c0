//! The database. Entities stay in here; outside there are only rows and functions that take a [`Scope`], so that
//! no query forgets whose rows it may touch.
//!
//! SQLite: write-ahead log, synchronous FULL, foreign keys. All writes go through one connection and are thereby in
//! turn; readers have their own and never wait for it. A transaction is begun only in a function that does not call
//! another one that begins one: the second would wait for the first for ever.

mod entity;
mod migrations;
mod page;
mod scope;

pub(crate) mod agents;
pub(crate) mod audit;
pub(crate) mod commands;
pub(crate) mod enrolment_tokens;
pub(crate) mod events;
pub(crate) mod idempotency;
pub(crate) mod jobs;
pub(crate) mod points;
pub(crate) mod problems;
pub(crate) mod runs;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod tenants;
pub(crate) mod users;
pub(crate) mod vaults;

use std::{path::Path, time::Duration};

use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;

pub(crate) use self::{
    entity::{
        agent::Model as AgentRow, audit_entry::Model as AuditRow, command::Model as CommandRow,
        enrolment_token::Model as EnrolmentTokenRow, job::Model as JobRow,
        point::Model as PointRow, point_snapshot::Model as PointSnapshotRow, run::Model as RunRow,
        run_event::Model as EventRow, run_problem::Model as ProblemRow, tenant::Model as TenantRow,
        user::Model as UserRow, vault::Model as VaultRow,
    },
    page::{COUNT_CAP, Cursor, PageRequest, Slice},
    scope::Scope,
};

/// How long a statement waits for a locked file before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections for reading.
const READERS: u32 = 8;

/// The open database.
#[derive(Clone, Debug)]
pub(crate) struct Db {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
}

impl Db {
    /// Opens or makes the database file and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened, is no database, or belongs to a newer version.
    pub(crate) async fn open(file: &Path) -> Result<Self, DbErr> {
        let url = format!("sqlite://{}?mode=rwc", file.display());
        let writer = Database::connect(options(&url, 1)).await?;
        migrations::Migrator::up(&writer, None).await?;
        let reader = Database::connect(options(&url, READERS)).await?;
        Ok(Self { writer, reader })
    }

    /// For queries that change nothing.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// For a single statement that changes something.
    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// For several statements that are all done or none.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        self.writer.begin().await
    }

    /// Closes both, so that the file can be copied.
    pub(crate) async fn close(self) -> Result<(), DbErr> {
        self.reader.close().await?;
        self.writer.close().await
    }
}

fn options(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.to_owned());
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false);
    options.acquire_timeout(Duration::from_secs(30));
    options.map_sqlx_sqlite_opts(|sqlite| {
        sqlite
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "FULL")
            .pragma("trusted_schema", "OFF")
    });
    options
}
