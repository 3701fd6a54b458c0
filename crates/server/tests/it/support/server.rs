//! A server in a temporary folder.

use std::{net::SocketAddr, path::Path, sync::Arc};

use holdfast_host::{Clock, SystemClock};
use holdfast_protocol::Secret;
use holdfast_server::{FirstAccount, FixedSettings, Running, ServerOptions};
use sea_orm::{
    ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, Statement, TryGetable,
};
use tempfile::TempDir;

use super::{Client, PASSWORD, ScriptedAgent};

/// E-mail address of the first account.
pub(crate) const ADMIN: &str = "admin@example.org";

/// A running server with an account.
pub(crate) struct TestServer {
    pub(crate) folder: TempDir,
    pub(crate) address: SocketAddr,
    fixed: FixedSettings,
    clock: Arc<dyn Clock>,
    running: Option<Running>,
}

impl TestServer {
    /// With the settings' defaults.
    pub(crate) async fn start() -> Self {
        Self::start_with(FixedSettings::default()).await
    }

    /// With given settings.
    pub(crate) async fn start_with(fixed: FixedSettings) -> Self {
        Self::start_on(fixed, Arc::new(SystemClock::new())).await
    }

    /// With a clock of its own for schedules.
    pub(crate) async fn start_at(clock: Arc<dyn Clock>) -> Self {
        Self::start_on(FixedSettings::default(), clock).await
    }

    /// With both.
    pub(crate) async fn start_on(fixed: FixedSettings, clock: Arc<dyn Clock>) -> Self {
        holdfast_host::install_crypto_provider();
        let folder = TempDir::new().expect("make a folder");
        let mut server = Self {
            folder,
            address: ([127, 0, 0, 1], 0).into(),
            fixed,
            clock,
            running: None,
        };
        server.resume().await;
        server
    }

    /// Starts it again on the same data and address.
    pub(crate) async fn resume(&mut self) {
        let mut options = options(&self.folder.path().join("data"), self.address);
        options.fixed = self.fixed.clone();
        options.clock = self.clock.clone();
        let running = holdfast_server::start(options)
            .await
            .expect("start the server");
        self.address = running.address;
        self.running = Some(running);
    }

    /// Stops it; the data stays.
    pub(crate) async fn stop(&mut self) {
        self.running
            .take()
            .expect("is running")
            .stop()
            .await
            .expect("stop the server");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client that is not signed in.
    pub(crate) fn visitor(&self) -> Client {
        Client::new(&self.url())
    }

    /// A client that is signed in as the administrator.
    pub(crate) async fn admin(&self) -> Client {
        self.signed_in(ADMIN).await
    }

    /// A client that is signed in with an account.
    pub(crate) async fn signed_in(&self, email: &str) -> Client {
        let mut client = self.visitor();
        client.sign_in(email).await;
        client
    }

    /// A new enrolled agent of the client's tenant that said hello.
    pub(crate) async fn agent(&self, client: &Client, host: &str) -> ScriptedAgent {
        ScriptedAgent::enrol(client, &self.url(), host).await
    }

    /// The database, for what the API must not offer.
    pub(crate) async fn database(&self) -> DatabaseConnection {
        let file = self.folder.path().join("data/holdfast.db");
        Database::connect(format!("sqlite://{}", file.display()))
            .await
            .expect("open the database")
    }

    /// Adds a second tenant with an administrator who has the first one's password.
    pub(crate) async fn second_tenant(&self) -> Client {
        let database = self.database().await;
        let email = "admin@other.example";
        let sql = [
            "INSERT INTO tenants (uuid, name, zone, created_at, version) VALUES (randomblob(16), 'Other', 'UTC', 0, 1)"
                .to_owned(),
            format!(
                "INSERT INTO users (uuid, tenant_id, email, name, role, password_hash, disabled, created_at, version) \
                 SELECT randomblob(16), (SELECT max(id) FROM tenants), '{email}', 'Other', 'admin', password_hash, 0, 0, 1 \
                 FROM users WHERE email = '{ADMIN}'"
            ),
        ];
        for sql in sql {
            let statement = Statement::from_string(DatabaseBackend::Sqlite, sql);
            database
                .execute_raw(statement)
                .await
                .expect("insert the second tenant");
        }
        database.close().await.expect("close the database");
        self.signed_in(email).await
    }
}

/// Changes the database behind the server's back.
pub(crate) async fn sql(server: &TestServer, text: &str) {
    let database = server.database().await;
    database.execute_unprepared(text).await.expect("runs");
    database.close().await.expect("close the database");
}

/// The number that a query answers with.
pub(crate) async fn number(server: &TestServer, text: &str) -> Option<i64> {
    value(server, text).await
}

/// The text that a query answers with.
pub(crate) async fn text(server: &TestServer, text: &str) -> Option<String> {
    value(server, text).await
}

async fn value<T: TryGetable>(server: &TestServer, text: &str) -> Option<T> {
    let database = server.database().await;
    let row = database
        .query_one_raw(Statement::from_string(DatabaseBackend::Sqlite, text))
        .await
        .expect("runs")
        .expect("a row");
    database.close().await.expect("close the database");
    row.try_get_by_index(0).expect("of this type")
}

/// Options of a server with an account.
pub(crate) fn options(data: &Path, listen: SocketAddr) -> ServerOptions {
    ServerOptions {
        data: data.to_owned(),
        listen,
        shutdown: holdfast_host::Cancel::new(),
        clock: Arc::new(SystemClock::new()),
        fixed: FixedSettings::default(),
        master_key: None,
        first_account: Some(FirstAccount {
            email: ADMIN.to_owned(),
            password: Secret::new(PASSWORD),
        }),
        local_agent_token: None,
        web_dir: None,
    }
}
