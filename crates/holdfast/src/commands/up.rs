//! `holdfast up`: the server and an enrolled agent of this machine, as two child processes.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use holdfast_agent::config::AgentConfig;
use holdfast_agent::service::{self, AgentOptions};
use holdfast_host::Cancel;
use holdfast_protocol::Secret;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Notify;
use uuid::Uuid;

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
    server.arg(&home.server);
    if let Some(token) = &home.token {
        server.env(LOCAL_AGENT_TOKEN, token.expose());
    }
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

/// The folders of server and agent, and the token with which the agent enrols itself when it has not done so yet.
struct Home {
    server: PathBuf,
    agent_config: PathBuf,
    token: Option<Secret>,
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
        let before = AgentConfig::load_file(&agent_config)?;
        let token = before.identity().is_none().then(new_token);
        configured(before, arguments.listen, token.clone(), &agent).save(&agent_config)?;
        Ok(Self {
            server,
            agent_config,
            token,
        })
    }
}

fn new_token() -> Secret {
    let part = || Uuid::new_v4().simple();
    Secret::new(format!("{}{}", part(), part()))
}

/// The agent's configuration: the address may be another one than last time, what the agent has added stays.
fn configured(
    before: AgentConfig,
    listen: SocketAddr,
    token: Option<Secret>,
    agent: &Path,
) -> AgentConfig {
    AgentConfig {
        api_base_url: Some(format!("http://{}", reachable(listen))),
        enrollment_token: token,
        state_dir: before.state_dir.or_else(|| Some(agent.join("state"))),
        cache_dir: before.cache_dir.or_else(|| Some(agent.join("cache"))),
        ..before
    }
}

/// Where this machine reaches what listens there: "all addresses" is none to connect to, on Windows it is refused.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::agent::AgentId;

    use super::*;

    fn arguments(data: &Path, listen: &str) -> UpArguments {
        UpArguments {
            data: data.to_owned(),
            listen: listen.parse().expect("an address"),
        }
    }

    fn config(home: &Home) -> AgentConfig {
        AgentConfig::load_file(&home.agent_config).expect("readable")
    }

    fn exposed(secret: Option<&Secret>) -> Option<&str> {
        secret.map(Secret::expose)
    }

    #[test]
    fn the_agent_enrols_itself_once_and_follows_the_address() {
        let data = tempfile::tempdir().expect("a folder");
        let home = Home::prepare(&arguments(data.path(), "0.0.0.0:7010")).expect("prepares");
        let token = exposed(home.token.as_ref());
        let mut config_of_agent = config(&home);
        assert!(token.is_some(), "not enrolled yet");
        assert_eq!(exposed(config_of_agent.enrollment_token.as_ref()), token);
        assert_eq!(
            config_of_agent.api_base_url.as_deref(),
            Some("http://127.0.0.1:7010")
        );

        config_of_agent.agent_id = Some(AgentId(7));
        config_of_agent.agent_token = Some(Secret::new("its own"));
        config_of_agent.enrollment_token = None;
        config_of_agent.max_runs = Some(3);
        config_of_agent.save(&home.agent_config).expect("saves");
        let home = Home::prepare(&arguments(data.path(), "[::]:7020")).expect("prepares");
        assert!(home.token.is_none(), "enrolled already");
        let after = config(&home);
        assert_eq!(after.agent_id, config_of_agent.agent_id);
        assert_eq!(exposed(after.agent_token.as_ref()), Some("its own"));
        assert_eq!(after.max_runs, Some(3));
        assert_eq!(exposed(after.enrollment_token.as_ref()), None);
        assert_eq!(after.api_base_url.as_deref(), Some("http://[::1]:7020"));
    }

    #[test]
    fn a_configuration_that_cannot_be_read_is_not_overwritten() {
        let data = tempfile::tempdir().expect("a folder");
        let file = data.path().join("agent/agent.conf");
        fs::create_dir_all(data.path().join("agent")).expect("a folder");
        fs::write(&file, "agent_token = hunter2").expect("writes");
        let error = Home::prepare(&arguments(data.path(), "127.0.0.1:7010"))
            .err()
            .expect("refused");
        assert!(!format!("{error:#}").contains("hunter2"), "{error:#}");
        let kept = fs::read_to_string(&file).expect("reads");
        assert_eq!(kept, "agent_token = hunter2");
    }
}
