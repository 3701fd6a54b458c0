//! The agent as a service: configuration in, work until told to stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use holdfast_host::{Cancel, Clock, SystemClock, volumes};
use holdfast_protocol::Secret;
use holdfast_protocol::agent::{AgentId, Volume};
use parking_lot::Mutex;
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
    let last_contact = StatusFile::read(state.root()).and_then(|status| status.contact());
    let reload_identity = reload_identity(config_path, &identity.1);
    let api = Arc::new(HttpServerApi::new(root.clone(), Some(identity))?);
    let timing = timing_of(&config);
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
        reload_identity: Box::new(move || {
            let (identity, is_new) = reload_identity()?;
            let token = is_new.then(|| identity.1.clone());
            api.set_identity(identity);
            token
        }),
        stop,
    });
    agent.run().await;
    Ok(())
}

/// The intervals that a configuration asks for.
fn timing_of(config: &AgentConfig) -> Timing {
    let mut timing = Timing::default();
    if let Some(seconds) = config.poll_interval_seconds {
        timing.idle_poll = Duration::from_secs(seconds.clamp(1, 60));
    }
    if let Some(seconds) = config.offline_after_seconds {
        timing.offline_after = Duration::from_secs(seconds);
    }
    timing
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

/// Reads the configuration again: answers the identity that it holds now, and whether its token is another than the last.
fn reload_identity(
    config_path: &Path,
    token: &Secret,
) -> impl Fn() -> Option<((AgentId, Secret), bool)> + Send + Sync + use<> {
    let path = config_path.to_owned();
    let last = Mutex::new(token.clone());
    move || match AgentConfig::load(&path) {
        Ok(config) => {
            let identity = config.identity()?;
            let before = std::mem::replace(&mut *last.lock(), identity.1.clone());
            let is_new = before.expose() != identity.1.expose();
            Some((identity, is_new))
        }
        Err(error) => {
            tracing::warn!("cannot read the configuration again: {error:#}");
            None
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    // Requirements: PRG-2, SET-1f
    #[test]
    fn the_configuration_sets_the_pause_between_polls() {
        let second = Duration::from_secs;
        let of = |pause| AgentConfig {
            poll_interval_seconds: pause,
            offline_after_seconds: Some(7),
            ..AgentConfig::default()
        };
        let pauses =
            [None, Some(12), Some(0), Some(3600)].map(|pause| timing_of(&of(pause)).idle_poll);
        assert_eq!(pauses, [second(5), second(12), second(1), second(60)]);
        let timing = timing_of(&of(None));
        assert_eq!(
            (timing.offline_after, timing.progress),
            (second(7), second(2))
        );
    }

    #[test]
    fn another_token_is_noticed_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.conf");
        let write = |token: &str| {
            let config = AgentConfig {
                agent_id: Some(AgentId(7)),
                agent_token: Some(Secret::new(token)),
                ..AgentConfig::default()
            };
            config.save(&path).unwrap();
        };
        write("one");
        let look = reload_identity(&path, &Secret::new("one"));
        let is_new = || look().map(|(_, is_new)| is_new);
        assert_eq!(is_new(), Some(false));
        write("two");
        assert_eq!((is_new(), is_new()), (Some(true), Some(false)));
        std::fs::write(&path, "not a configuration").unwrap();
        assert_eq!(is_new(), None);
    }
}
