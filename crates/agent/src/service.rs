//! The agent as a service: configuration in, work until told to stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use holdfast_host::{Cancel, Clock, SystemClock, volumes};
use holdfast_protocol::Secret;
use holdfast_protocol::agent::{AgentId, Volume};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::agent::{Agent, AgentParts};
use crate::commands::{HostCommands, wire_volume};
use crate::config::AgentConfig;
use crate::engines::standard;
use crate::enrol::{Credential, enrol};
use crate::http::HttpServerApi;
use crate::offline::Offline;
use crate::state::{Journal, StateFolder, StatusFile};
use crate::timing::Timing;

/// How often an agent that is not enrolled looks whether it is now.
const ENROLMENT_CHECK: Duration = Duration::from_secs(5);

/// Pause after an enrolment that failed.
const ENROLMENT_RETRY: Duration = Duration::from_secs(2);

/// Longest such pause.
const ENROLMENT_RETRY_LONGEST: Duration = Duration::from_secs(60);

/// How to run an agent.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// Its configuration file.
    pub config: PathBuf,
    /// Ends it when raised.
    pub shutdown: Cancel,
}

/// Runs an agent until it is told to stop. Enrols it first when the configuration holds a token, and waits when it holds
/// neither token nor identity. The crypto provider must be installed and the log started.
///
/// # Errors
/// When the configuration or the state folder cannot be used, or another agent works on the same folder.
pub fn run(options: &AgentOptions) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start the runtime")?;
    let stop = CancellationToken::new();
    let raised = stop.clone();
    let _link = options.shutdown.on_cancel(move || raised.cancel());
    runtime.block_on(serve(&options.config, stop))
}

async fn serve(config_path: &Path, stop: CancellationToken) -> Result<()> {
    let Some((config, identity)) = wait_for_identity(config_path, &stop).await? else {
        return Ok(());
    };
    let state = StateFolder::open(&config.state_folder(), &config.cache_folder())?;
    let root = config.api_root()?;
    warn_about_plain_http(&root);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let journal = Arc::new(Journal::open(&state.journal_path(), clock.now())?);
    let offline = Offline::open(state.root(), &identity.1);
    let last_contact = StatusFile::read(state.root()).and_then(|status| status.last_contact);
    let api = Arc::new(HttpServerApi::new(root.clone(), Some(identity))?);
    let mut timing = Timing::default();
    if let Some(seconds) = config.poll_interval_seconds {
        timing.idle_poll = Duration::from_secs(seconds.clamp(1, 60));
    }
    if let Some(seconds) = config.offline_after_seconds {
        timing.offline_after = Duration::from_secs(seconds);
    }
    let volumes = wire_volumes();
    let agent = Agent::new(AgentParts {
        api: api.clone(),
        journal,
        registry: standard(&state.vaults()),
        handler: Arc::new(HostCommands::new(state.vaults())),
        offline,
        last_contact,
        timing,
        clock,
        max_runs: config.max_runs.unwrap_or(1),
        server: root.to_string(),
        status_folder: Some(state.root().to_owned()),
        volumes,
        reload_identity: reload_identity(config_path, api),
        stop,
    });
    agent.run().await;
    Ok(())
}

/// The configuration with an identity: at once when enrolled, after an exchange when there is a token, else as soon as
/// somebody enrols this machine. `None` when told to stop first.
async fn wait_for_identity(
    config_path: &Path,
    stop: &CancellationToken,
) -> Result<Option<(AgentConfig, (AgentId, Secret))>> {
    let mut told = false;
    let mut retry = ENROLMENT_RETRY;
    loop {
        let config = AgentConfig::load(config_path)?;
        if let Some(identity) = config.identity() {
            return Ok(Some((config, identity)));
        }
        let mut pause = ENROLMENT_CHECK;
        if let Some(token) = config.enrollment_token.clone() {
            let api = HttpServerApi::new(config.api_root()?, None)?;
            match enrol(
                &api,
                config_path,
                config.api_base_url.as_deref(),
                &Credential::Token(token),
            )
            .await
            {
                Ok(enrolled) => {
                    tracing::info!(agent_id = %enrolled.agent_id, "this machine is enrolled");
                    return Ok(Some((config, (enrolled.agent_id, enrolled.agent_token))));
                }
                Err(error) => {
                    tracing::warn!("cannot enrol this machine, trying again: {error:#}");
                    pause = retry;
                    retry = (retry * 2).min(ENROLMENT_RETRY_LONGEST);
                }
            }
        } else if !told {
            tracing::info!(
                "this machine is not enrolled yet; run `holdfast-agent enroll --server URL --token TOKEN`"
            );
            told = true;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return Ok(None),
        }
    }
}

/// Reads the configuration again and takes the identity that it holds now.
fn reload_identity(config_path: &Path, api: Arc<HttpServerApi>) -> Box<dyn Fn() + Send + Sync> {
    let path = config_path.to_owned();
    Box::new(move || match AgentConfig::load(&path) {
        Ok(config) => {
            if let Some(identity) = config.identity() {
                api.set_identity(identity);
            }
        }
        Err(error) => tracing::warn!("cannot read the configuration again: {error:#}"),
    })
}

fn wire_volumes() -> Vec<Volume> {
    match volumes::list() {
        Ok(volumes) => volumes.into_iter().map(wire_volume).collect(),
        Err(error) => {
            tracing::warn!("cannot list this machine's volumes: {error}");
            Vec::new()
        }
    }
}

/// Storage keys travel between server and agent; off the machine they need TLS.
pub fn warn_about_plain_http(root: &Url) {
    let local = match root.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if root.scheme() == "http" && !local {
        tracing::warn!(server = %root, "the server's address is not https, so storage keys travel unprotected; give the server a certificate");
    }
}
