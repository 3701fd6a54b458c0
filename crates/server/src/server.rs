//! Starting and stopping.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::Context;
use holdfast_host::fs::{FileLock, create_dir_all_synced};
use holdfast_protocol::{Secret, api::session::SetUpRequest};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, AppParts, now},
    auth::tokens,
    db::{self, Db, Scope, enrolment_tokens::NewToken},
    notify::Authorities,
    options::ServerOptions,
    routes::set_up::create_first,
    sealing::{Place, Sealer},
    serve::service,
    tasks, web,
};

/// Name of the database in the data folder.
const DATABASE: &str = "holdfast.db";

/// Name of the lock that keeps a second server out of the data folder.
const LOCK: &str = "holdfast.lock";

/// Name of the tenant that waits for its first account.
const FIRST_TENANT: &str = "Home";

/// How long the agent on the same host may take to enrol itself, in milliseconds.
const LOCAL_TOKEN_MS: i64 = 15 * 60 * 1000;

/// How long open answers may take to end when the server stops.
const STOP_TIME: Duration = Duration::from_secs(5);

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    /// Address it listens on.
    pub address: SocketAddr,
    /// Address of the set-up page with its one-time token, while there is no account.
    pub set_up_url: Option<String>,
    app: App,
    stopping: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
    tasks: Vec<JoinHandle<()>>,
    _lock: FileLock,
}

/// Runs the server until it is told to stop. Builds its own runtime; call it from a plain thread.
///
/// # Errors
/// When the data folder, the database or the address cannot be used; the message says which and why.
pub fn run(options: ServerOptions) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(async move {
        let shutdown = options.shutdown.clone();
        let server = start(options).await?;
        eprintln!("Holdfast is listening on http://{}", server.address);
        if let Some(url) = &server.set_up_url {
            eprintln!("Make the first account at {url}");
        }
        if !web::is_built(&server.app) {
            tracing::warn!("the web page was not built; / shows a placeholder");
        }
        let stopping = CancellationToken::new();
        let signal = stopping.clone();
        let _callback = shutdown.on_cancel(move || signal.cancel());
        stopping.cancelled().await;
        server.stop().await
    })
}

/// Starts the server inside the present runtime.
///
/// # Errors
/// When the data folder, the database or the address cannot be used; the message says which and why.
pub async fn start(options: ServerOptions) -> anyhow::Result<Running> {
    let data = &options.data;
    create_dir_all_synced(data, 0o700)
        .with_context(|| format!("make the data folder {}", data.display()))?;
    let lock = FileLock::try_acquire(&data.join(LOCK)).with_context(|| {
        format!(
            "the data folder {} is used by another server",
            data.display()
        )
    })?;
    let file = data.join(DATABASE);
    let sealer = Sealer::open_data_dir(data, options.master_key.as_ref(), &file)?;
    private_file(&file)?;
    let db = Db::open(&file)
        .await
        .with_context(|| format!("open the database {}", file.display()))?;
    check_key(&db, &sealer, &file).await?;
    // The lock on the folder says that no other server lives, so whoever holds a lease was killed.
    db::periodic_tasks::give_back(db.writer(), None).await?;
    first_tenant(&db).await?;
    let set_up_token = if db::users::any(db.reader()).await? {
        None
    } else {
        Some(tokens::new_token(""))
    };
    let authorities = match &options.fixed.ca_file {
        Some(file) => Authorities::read(file)?,
        None => Authorities::default(),
    };
    let stopping = CancellationToken::new();
    let app = App::new(AppParts {
        db,
        sealer,
        stopping: stopping.clone(),
        clock: options.clock.clone(),
        fixed: options.fixed.clone(),
        authorities,
        set_up_token: set_up_token.clone(),
        web_dir: options.web_dir.clone(),
    })
    .await?;
    let waits_for_account = first_account(&app, &options).await?;
    if let Some(token) = &options.local_agent_token {
        local_token(&app, token).await?;
    }
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("listen on {}", options.listen))?;
    let address = listener.local_addr()?;
    let set_up_url = set_up_token
        .filter(|_| waits_for_account)
        .map(|token| format!("http://{address}/set-up?token={}", token.expose()));
    let service = service(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let signal = stopping.clone();
    let serving = tokio::spawn(async move {
        axum::serve(listener, service)
            .with_graceful_shutdown(async move { signal.cancelled().await })
            .await
    });
    let tasks = tasks::start(&app);
    tracing::info!(%address, "server started");
    Ok(Running {
        address,
        set_up_url,
        app,
        stopping,
        serving,
        tasks,
        _lock: lock,
    })
}

impl Running {
    /// Stops it: open answers end, the database is closed.
    ///
    /// # Errors
    /// When the database cannot be closed.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stopping.cancel();
        if let Ok(done) = tokio::time::timeout(STOP_TIME, self.serving).await {
            done.context("serve")??;
        }
        for task in self.tasks {
            task.await.context("one of the server's tasks")?;
        }
        self.app
            .db
            .clone()
            .close()
            .await
            .context("close the database")?;
        tracing::info!("server stopped");
        Ok(())
    }
}

/// Makes the database file readable by its owner only, before anything is in it.
fn private_file(file: &Path) -> anyhow::Result<()> {
    if !file.exists() {
        holdfast_host::fs::create_new_file(file, 0o600)
            .with_context(|| format!("make {}", file.display()))?;
    }
    Ok(())
}

/// The database must belong to the master key: a value that was sealed at the first start tells.
async fn check_key(db: &Db, sealer: &Sealer, file: &Path) -> anyhow::Result<()> {
    const NAME: &str = "master_key_check";
    let place = Place::new("settings", "value", uuid::Uuid::nil());
    match db::settings::get(db.reader(), NAME).await? {
        (Some(text), _) => {
            let sealed = hex::decode(&text).context("read the check value of the master key")?;
            sealer.open(place, &sealed).with_context(|| {
                format!(
                    "the master key {} is not the one of the database {}",
                    sealer.key_id(),
                    file.display()
                )
            })?;
        }
        (None, _) => {
            let sealed = hex::encode(sealer.seal(place, b"holdfast"));
            db::settings::put(db.writer(), NAME, 0, &sealed).await?;
        }
    }
    Ok(())
}

async fn first_tenant(db: &Db) -> anyhow::Result<()> {
    if db::tenants::all(db.reader()).await?.is_empty() {
        let zone = jiff::tz::TimeZone::system();
        let zone = zone.iana_name().unwrap_or("UTC").to_owned();
        db::tenants::insert(db.writer(), FIRST_TENANT, &zone, now()).await?;
    }
    Ok(())
}

/// Makes the first account when the options name one; says whether one is still missing.
async fn first_account(app: &App, options: &ServerOptions) -> anyhow::Result<bool> {
    if db::users::any(app.db.reader()).await? {
        return Ok(false);
    }
    let Some(account) = &options.first_account else {
        return Ok(true);
    };
    let request = SetUpRequest {
        token: Secret::new(""),
        email: account.email.clone(),
        password: account.password.clone(),
        name: None,
        tenant_name: None,
        zone: None,
    };
    match create_first(app, &request).await {
        Ok(_) => Ok(false),
        Err(error) => {
            let problem = error.problem();
            anyhow::bail!(
                "the first account cannot be made: {}",
                problem.detail.unwrap_or(problem.title)
            )
        }
    }
}

/// Lets the agent on the same host enrol itself, once.
async fn local_token(app: &App, token: &Secret) -> anyhow::Result<()> {
    let tenants = db::tenants::all(app.db.reader()).await?;
    let first = tenants.first().context("the first tenant is missing")?;
    let hash = tokens::hash(token.expose());
    let new = NewToken {
        name: "This server",
        token_hash: &hash,
        expires_at: now() + LOCAL_TOKEN_MS,
        max_uses: Some(1),
    };
    // The same token at a second start was used already, or still works.
    if db::enrolment_tokens::by_hash(app.db.reader(), &hash)
        .await?
        .is_none()
    {
        db::enrolment_tokens::insert(app.db.writer(), Scope::tenant(first.id), new, now()).await?;
    }
    Ok(())
}
