//! `agent.conf`: who the agent is and where it works.
//!
//! The file is TOML. Each key can also be given as `HOLDFAST_AGENT_` and the key in capitals; the environment wins.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use holdfast_host::fs;
use holdfast_protocol::Secret;
use holdfast_protocol::agent::AgentId;
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

/// Prefix of the environment variables.
const ENVIRONMENT_PREFIX: &str = "HOLDFAST_AGENT_";

/// The configuration as the file holds it. Keys that this version does not know are kept when the file is written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AgentConfig {
    /// Address of the server's API; an origin such as `https://backup.example.com` is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_base_url: Option<String>,
    /// Identity given by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<AgentId>,
    /// Token given by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_token: Option<Secret>,
    /// Token to enrol with when the agent starts without an identity; removed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrollment_token: Option<Secret>,
    /// Random identity of this installation, made once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<Uuid>,
    /// Time between two polls where long polls do not pass, in seconds (default 5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_interval_seconds: Option<u64>,
    /// Folder for journal, vault state and locks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_dir: Option<PathBuf>,
    /// Folder for caches, which may be deleted at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_dir: Option<PathBuf>,
    /// How many backup runs are executed at once (default 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_runs: Option<u32>,
    /// Silence of the server after which the runs that may start without it do, in seconds (default 300).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_after_seconds: Option<u64>,
    /// Keys of other versions.
    #[serde(flatten)]
    pub other: toml::Table,
}

impl AgentConfig {
    /// Reads `path` (a missing file is an empty configuration) and lays the environment over it.
    pub fn load(path: &Path) -> Result<Self> {
        let mut config = Self::load_file(path)?;
        config.apply_environment(|name| std::env::var(name).ok())?;
        Ok(config)
    }

    /// Reads `path` alone, so that what is written back holds nothing of the environment.
    pub fn load_file(path: &Path) -> Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text)
                .with_context(|| format!("read the configuration {}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => {
                Err(error).with_context(|| format!("open the configuration {}", path.display()))
            }
        }
    }

    fn parse(text: &str) -> Result<Self> {
        // The error of the parser quotes the line, which may be the one with the token.
        toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map_or(0, |span| text[..span.start].lines().count().max(1));
            anyhow::anyhow!("line {line} is not valid: {}", error.message())
        })
    }

    fn apply_environment(&mut self, variable: impl Fn(&str) -> Option<String>) -> Result<()> {
        let named = |key: &str| {
            variable(&format!("{ENVIRONMENT_PREFIX}{key}")).filter(|value| !value.is_empty())
        };
        fn number<T: std::str::FromStr>(key: &str, text: &str) -> Result<T> {
            text.parse()
                .ok()
                .with_context(|| format!("{ENVIRONMENT_PREFIX}{key} is not a number"))
        }
        if let Some(value) = named("API_BASE_URL") {
            self.api_base_url = Some(value);
        }
        if let Some(value) = named("AGENT_ID") {
            self.agent_id = Some(AgentId(number("AGENT_ID", &value)?));
        }
        if let Some(value) = named("AGENT_TOKEN") {
            self.agent_token = Some(Secret::new(value));
        }
        if let Some(value) = named("ENROLLMENT_TOKEN") {
            self.enrollment_token = Some(Secret::new(value));
        }
        if let Some(value) = named("DEVICE_ID") {
            self.device_id = Some(
                value
                    .parse()
                    .ok()
                    .context("HOLDFAST_AGENT_DEVICE_ID is not a UUID")?,
            );
        }
        if let Some(value) = named("POLL_INTERVAL_SECONDS") {
            self.poll_interval_seconds = Some(number("POLL_INTERVAL_SECONDS", &value)?);
        }
        if let Some(value) = named("STATE_DIR") {
            self.state_dir = Some(value.into());
        }
        if let Some(value) = named("CACHE_DIR") {
            self.cache_dir = Some(value.into());
        }
        if let Some(value) = named("MAX_RUNS") {
            self.max_runs = Some(number("MAX_RUNS", &value)?);
        }
        if let Some(value) = named("OFFLINE_AFTER_SECONDS") {
            self.offline_after_seconds = Some(number("OFFLINE_AFTER_SECONDS", &value)?);
        }
        Ok(())
    }

    /// Writes the file, readable by its owner only, as a whole and durably.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = toml::to_string_pretty(self).context("write the configuration")?;
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            fs::create_dir_all_synced(folder, 0o755)
                .with_context(|| format!("create the folder {}", folder.display()))?;
        }
        fs::atomic_write(path, text.as_bytes(), 0o600)
            .with_context(|| format!("write the configuration {}", path.display()))
    }

    /// The identity, when the agent is enrolled.
    pub fn identity(&self) -> Option<(AgentId, Secret)> {
        let token = self.agent_token.clone().filter(|token| !token.is_empty())?;
        Some((self.agent_id?, token))
    }

    /// Root of the agent API without a trailing slash, without `/agent/v1`.
    pub fn api_root(&self) -> Result<Url> {
        let text = self.api_base_url.as_deref().unwrap_or_default();
        if text.is_empty() {
            bail!(
                "the configuration names no server; set api_base_url or run `holdfast-agent enroll --server URL --token TOKEN`"
            );
        }
        parse_server(text)
    }

    /// Folder for journal, vault state and locks.
    pub fn state_folder(&self) -> PathBuf {
        self.state_dir.clone().unwrap_or_else(default_state_folder)
    }

    /// Folder for caches.
    pub fn cache_folder(&self) -> PathBuf {
        self.cache_dir
            .clone()
            .unwrap_or_else(|| default_cache_folder(self.state_dir.as_deref()))
    }
}

/// Reads the address of a server: an origin, an origin with a path in front of the API, or the API's own address.
pub fn parse_server(text: &str) -> Result<Url> {
    let text = text.trim();
    let mut url: Url = text
        .parse()
        .with_context(|| format!("{text} is not an address such as https://backup.example.com"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        bail!("{text} is not an address that begins with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        bail!("the server's address may not hold a user name or password");
    }
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/agent/v1").unwrap_or(path).to_owned();
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// Where the configuration lies when no `--config` is given.
pub fn default_config_path() -> PathBuf {
    if cfg!(windows) {
        program_data().join("agent.conf")
    } else {
        PathBuf::from("/etc/holdfast/agent.conf")
    }
}

fn default_state_folder() -> PathBuf {
    if cfg!(windows) {
        program_data().join("runs")
    } else {
        PathBuf::from("/var/lib/holdfast")
    }
}

fn default_cache_folder(state: Option<&Path>) -> PathBuf {
    match state {
        Some(state) => state.join("cache"),
        None if cfg!(windows) => program_data().join("cache"),
        None => PathBuf::from("/var/cache/holdfast"),
    }
}

fn program_data() -> PathBuf {
    std::env::var_os("ProgramData")
        .map_or_else(|| PathBuf::from(r"C:\ProgramData"), PathBuf::from)
        .join("Holdfast")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::StateFolder;

    // Requirements: ENR-1, AGT-4
    #[test]
    fn writes_what_it_reads_and_keeps_unknown_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/agent.conf");
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(
            &path,
            "api_base_url = \"https://h\"\nfuture = 3\nenrollment_token = \"t\"\n",
        )
        .unwrap();
        let mut config = AgentConfig::load_file(&path).unwrap();
        assert!(config.identity().is_none());
        config.enrollment_token = None;
        config.agent_id = Some(AgentId(7));
        config.agent_token = Some(Secret::new("secret"));
        config.save(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("future = 3") && !text.contains("enrollment_token"),
            "{text}"
        );
        let (id, token) = AgentConfig::load_file(&path).unwrap().identity().unwrap();
        assert_eq!((id, token.expose()), (AgentId(7), "secret"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }

    #[test]
    fn a_missing_file_is_empty_and_a_broken_one_names_its_line_only() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            AgentConfig::load_file(&folder.path().join("none"))
                .unwrap()
                .api_base_url
                .is_none()
        );
        let path = folder.path().join("agent.conf");
        std::fs::write(
            &path,
            "api_base_url = \"https://h\"\nagent_token = hunter2\n",
        )
        .unwrap();
        let error = format!("{:#}", AgentConfig::load_file(&path).unwrap_err());
        assert!(
            error.contains("line 2") && !error.contains("hunter2"),
            "{error}"
        );
    }

    // Requirements: AGT-4
    #[test]
    fn the_environment_wins() {
        let mut config = AgentConfig {
            api_base_url: Some("https://file".into()),
            ..AgentConfig::default()
        };
        let environment = |name: &str| match name {
            "HOLDFAST_AGENT_API_BASE_URL" => Some("https://environment".to_owned()),
            "HOLDFAST_AGENT_AGENT_ID" => Some("12".to_owned()),
            "HOLDFAST_AGENT_STATE_DIR" => Some("/tmp/state".to_owned()),
            "HOLDFAST_AGENT_CACHE_DIR" => Some(String::new()),
            _ => None,
        };
        config.apply_environment(environment).unwrap();
        assert_eq!(config.api_base_url.as_deref(), Some("https://environment"));
        assert_eq!(config.agent_id, Some(AgentId(12)));
        assert_eq!(
            config.cache_folder(),
            PathBuf::from("/tmp/state").join("cache")
        );
        let wrong = config.apply_environment(|name| {
            (name == "HOLDFAST_AGENT_MAX_RUNS").then(|| "many".to_owned())
        });
        assert!(
            wrong
                .unwrap_err()
                .to_string()
                .contains("HOLDFAST_AGENT_MAX_RUNS")
        );
    }

    // Requirements: AGT-7, SET-1g
    #[test]
    fn caches_go_where_the_configuration_says() {
        let folder = tempfile::tempdir().unwrap();
        let root = |name: &str| folder.path().join(name);
        let config = AgentConfig {
            state_dir: Some(root("state")),
            cache_dir: Some(root("elsewhere")),
            ..AgentConfig::default()
        };
        let held = StateFolder::open(&config.state_folder(), &config.cache_folder()).unwrap();
        let cache = held.vaults().cache_of(Uuid::nil()).unwrap();
        assert!(
            cache.is_dir() && cache.starts_with(root("elsewhere")),
            "{}",
            cache.display()
        );
        assert!(!root("state").join("cache").exists());
    }

    // Requirements: SET-1h
    #[test]
    fn any_form_of_the_servers_address_will_do() {
        for (given, root) in [
            ("https://h", "https://h/"),
            ("http://127.0.0.1:8440/", "http://127.0.0.1:8440/"),
            ("https://h/backup/", "https://h/backup"),
            ("https://h/backup/agent/v1/", "https://h/backup"),
            (" https://h/agent/v1?x#y ", "https://h/"),
        ] {
            assert_eq!(parse_server(given).unwrap().as_str(), root, "{given}");
        }
        for wrong in ["h", "ftp://h", "https://user:pw@h", "", "file:///x"] {
            assert!(parse_server(wrong).is_err(), "{wrong}");
        }
    }
}
