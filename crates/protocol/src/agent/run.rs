//! A run as the agent receives it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::{Attempt, JobId, RunId};
use crate::secret::Secret;

/// Everything that the agent needs to execute one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunWork {
    /// The run on this wire.
    pub run_id: RunId,
    /// The run in browser addresses and in snapshot tags.
    pub run_uuid: Uuid,
    /// Claim number; sent back with each update and event.
    pub attempt: Attempt,
    /// The job on this wire.
    pub job_id: JobId,
    /// The job in snapshot tags.
    pub job_uuid: Uuid,
    /// Display name of the job.
    #[serde(default)]
    pub job_name: String,
    /// Wire name of the engine, such as `kopia`. One that the agent does not know fails the run.
    pub engine: String,
    /// `local_agent`.
    #[serde(default)]
    pub source_type: String,
    /// First source path.
    #[serde(default)]
    pub source_path: String,
    /// All source paths, absolute.
    #[serde(default)]
    pub source_paths: Vec<String>,
    /// User and host half of the snapshots' source; fixed at enrolment and independent of the host's present name.
    pub source_identity: SourceIdentity,
    /// Only files that match one of these are taken, when there are any.
    #[serde(default)]
    pub include_globs: Vec<String>,
    /// Files and folders that match one of these are left out.
    #[serde(default)]
    pub exclude_globs: Vec<String>,
    /// Where the data goes: the vault's `dest_*`, endpoint, region and keys stand beside the other fields.
    #[serde(flatten)]
    pub vault: VaultContext,
    /// Policy of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_json: Option<JobPolicy>,
    /// Retention of the job, for the path policy stored in the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_json: Option<serde_json::Value>,
    /// Schedule of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_json: Option<serde_json::Value>,
    /// Whether data is compressed.
    #[serde(default)]
    pub compression_enabled: bool,
    /// Compression of the job: `zstd-default`, `s2`, `pgzip` or `none`. The policy's own value wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<String>,
    /// Upload limit in units of 1,000 bytes per second; absent or 0 for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_limit_kbps: Option<u64>,
    /// How many files are read at once; absent or 0 for the agent's own choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Credentials of a network share that holds the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_credentials: Option<NetworkCredentials>,
    /// When a cancel was already asked for as the run was handed out.
    #[serde(default)]
    pub cancel_requested: bool,
    /// When the run was claimed for the first time, by the server's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When the newest occurrence of the job's schedule was due for which the run was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

impl RunWork {
    /// All source paths: `source_paths`, or the single `source_path` of an older server.
    pub fn paths(&self) -> Vec<&str> {
        if self.source_paths.is_empty() && !self.source_path.is_empty() {
            vec![&self.source_path]
        } else {
            self.source_paths.iter().map(String::as_str).collect()
        }
    }

    /// Upload limit in bytes per second, `None` when there is none.
    pub fn upload_limit_bytes_per_second(&self) -> Option<u64> {
        self.bandwidth_limit_kbps
            .filter(|limit| *limit > 0)
            .map(|limit| limit.saturating_mul(1000))
    }

    /// The compression in force: the policy's word, else the job's, else `zstd-default` when compression is on, else `none`.
    pub fn effective_compression(&self) -> &str {
        let named = self
            .policy_json
            .as_ref()
            .and_then(|policy| policy.compression.as_deref());
        let named = named.filter(|name| !name.is_empty());
        match named.or(self
            .compression
            .as_deref()
            .filter(|name| !name.is_empty() && self.compression_enabled))
        {
            Some(name) => name,
            None if self.compression_enabled => "zstd-default",
            None => "none",
        }
    }
}

/// User and host half of a snapshot's source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceIdentity {
    /// `root` or `system`, or the name of the user under whom an unprivileged agent works.
    pub user: String,
    /// First label of the host name in lower case, unique in the vault.
    pub host: String,
}

/// Policy keys of a job that the engines obey; keys that an agent does not know are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPolicy {
    /// `zstd-default`, `s2`, `pgzip` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<String>,
    /// Stay on the file system of the source path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_file_system: Option<bool>,
    /// Leave out folders that carry a `CACHEDIR.TAG`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore_cache_dirs: Option<bool>,
    /// Files larger than this many bytes are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_file_size: Option<u64>,
}

/// Credentials of a network share.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NetworkCredentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret,
    /// Domain, empty when there is none.
    #[serde(default)]
    pub domain: String,
}

/// A vault with everything that is needed to open it. Sent only with work for that vault, never stored by the server in this form.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VaultContext {
    /// The vault; names its state folder on the agent.
    pub vault_id: Uuid,
    /// Display name of the vault.
    #[serde(default)]
    pub vault_name: String,
    /// Whether its repository exists already.
    pub vault_state: VaultState,
    /// `s3` or `local`.
    pub dest_type: DestinationType,
    /// Bucket, for `s3`.
    #[serde(default)]
    pub dest_bucket: String,
    /// Prefix inside the bucket, taken literally.
    #[serde(default)]
    pub dest_prefix: String,
    /// Directory on the agent's host, for `local`.
    #[serde(default)]
    pub dest_local_path: String,
    /// Full URL of the S3 endpoint, or a bare host (TLS on).
    #[serde(default)]
    pub endpoint: String,
    /// Region; may be empty.
    #[serde(default)]
    pub region: String,
    /// S3 access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key: Option<Secret>,
    /// S3 secret key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key: Option<Secret>,
    /// Who keeps the repository password.
    pub encryption_mode: EncryptionMode,
    /// The repository password, in managed mode only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_password: Option<Secret>,
}

/// Life of a vault's repository. In `ready` a missing repository is a failure and is never created anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VaultState {
    /// Nothing was created yet.
    New,
    /// One agent was told to create it.
    Creating,
    /// It exists.
    Ready,
    /// A state of a newer server; treated like `ready`.
    #[serde(other)]
    Other,
}

impl VaultState {
    /// Whether the repository may be created by this agent.
    pub fn may_create(self) -> bool {
        self == Self::Creating
    }
}

/// Kind of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationType {
    /// S3-compatible object storage.
    S3,
    /// A directory on the agent's host.
    Local,
    /// A kind of a newer server.
    #[serde(other)]
    Other,
}

/// Who keeps the repository password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncryptionMode {
    /// The server, sealed; it is sent with the work.
    Managed,
    /// The agent; the server never has it.
    AgentHeld,
    /// A mode of a newer server.
    #[serde(other)]
    Other,
}
