//! `holdfast up`: the server and an enrolled agent of this machine, as two child processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use holdfast_agent::service::{self, AgentOptions};
use holdfast_host::Cancel;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Notify;

use super::server::end_with_input;
use crate::arguments::{UpAgentArguments, UpArguments};
use crate::interrupt;
use crate::outcome::Outcome;

/// Hands the server a token with which the agent of the same machine enrols itself.
const LOCAL_AGENT_TOKEN: &str = "HOLDFAST_LOCAL_AGENT_TOKEN";
/// How long a child may take to end before it is killed: a run that is under way is handed back first.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn run(arguments: &UpArguments) -> Result<Outcome> {
    let shutdown = interrupt::listen()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?
        .block_on(supervise(arguments, &shutdown))
}

/// The agent as a child of `up`.
pub(super) fn agent(arguments: &UpAgentArguments) -> Result<Outcome> {
    holdfast_agent::logging::start(false, None)?;
    let shutdown = interrupt::listen()?;
    end_with_input(&shutdown)?;
    service::run(&AgentOptions {
        config: arguments.config.clone(),
        shutdown,
    })?;
    Ok(Outcome::Done)
}

async fn supervise(arguments: &UpArguments, shutdown: &Cancel) -> Result<Outcome> {
    let home = Home::prepare(arguments)?;
    let program = std::env::current_exe().context("find this program")?;
    let mut server = Command::new(&program);
    server.args([
        "server",
        "--end-with-input",
        "--listen",
        &arguments.listen.to_string(),
        "--data",
    ]);
    server.arg(&home.server).env(LOCAL_AGENT_TOKEN, &home.token);
    let mut server = Service::start(server, "server")?;
    let mut agent = Command::new(&program);
    agent.args(["up-agent", "--config"]).arg(&home.agent_config);
    let mut agent = Service::start(agent, "agent")?;
    let ended = tokio::select! {
        status = server.child.wait() => Some(("server", status)),
        status = agent.child.wait() => Some(("agent", status)),
        () = raised(shutdown) => None,
    };
    agent.end().await?;
    server.end().await?;
    match ended {
        None => Ok(Outcome::Done),
        Some((name, status)) => {
            let status: ExitStatus = status.with_context(|| format!("wait for the {name}"))?;
            bail!("the {name} ended by itself with {status}; what it printed last says why")
        }
    }
}

/// A running child. It ends when its input is closed, so that it never outlives this process.
struct Service {
    child: Child,
    /// Kept apart from the child: waiting for a child closes the input that it still holds.
    input: Option<ChildStdin>,
}

impl Service {
    fn start(mut command: Command, name: &str) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start the {name}"))?;
        let input = child.stdin.take();
        Ok(Self { child, input })
    }

    /// Asks the child to end and waits for it.
    async fn end(mut self) -> Result<()> {
        drop(self.input.take());
        if tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .is_err()
        {
            self.child.kill().await.context("end a child process")?;
        }
        Ok(())
    }
}

/// Waits until the request is raised.
async fn raised(shutdown: &Cancel) {
    let notify = Arc::new(Notify::new());
    let notifier = Arc::clone(&notify);
    let _callback = shutdown.on_cancel(move || notifier.notify_one());
    notify.notified().await;
}

/// The folders of server and agent, and the token with which the agent enrols itself.
struct Home {
    server: PathBuf,
    agent_config: PathBuf,
    token: String,
}

impl Home {
    fn prepare(arguments: &UpArguments) -> Result<Self> {
        let (server, agent) = (arguments.data.join("server"), arguments.data.join("agent"));
        for folder in [&server, &agent] {
            holdfast_host::fs::create_dir_all_synced(folder, 0o700)
                .with_context(|| format!("make {}", folder.display()))?;
        }
        let agent =
            fs::canonicalize(&agent).with_context(|| format!("find {}", agent.display()))?;
        let agent_config = agent.join("agent.conf");
        let token = format!(
            "{}{}",
            uuid::Uuid::new_v4().simple(),
            uuid::Uuid::new_v4().simple()
        );
        let enrolled =
            fs::read_to_string(&agent_config).is_ok_and(|text| text.contains("agent_token"));
        if !enrolled {
            let text = configuration(arguments, &token, &agent);
            holdfast_host::fs::atomic_write(&agent_config, text.as_bytes(), 0o600)
                .with_context(|| format!("write {}", agent_config.display()))?;
        }
        Ok(Self {
            server,
            agent_config,
            token,
        })
    }
}

/// The agent's first configuration (TOML); the agent adds its identity when it has enrolled itself.
fn configuration(arguments: &UpArguments, token: &str, agent: &Path) -> String {
    // A JSON string is a TOML basic string.
    let quoted = |path: PathBuf| serde_json::Value::from(path.to_string_lossy()).to_string();
    format!(
        "api_base_url = \"http://{}\"\nenrollment_token = \"{token}\"\nstate_dir = {}\ncache_dir = {}\n",
        arguments.listen,
        quoted(agent.join("state")),
        quoted(agent.join("cache")),
    )
}
