//! Vaults: one repository each, on an object store or in a directory of a machine.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    common::{Action, AgentReference, Reference},
    problem::Failure,
};
use crate::{
    Secret, Time,
    agent::commands::{Coverage, FreedLater},
    ids::{AgentId, VaultId},
};

/// Whether the repository is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VaultState {
    /// Not made yet; the first agent that can will be asked.
    New,
    /// One agent is making it.
    Creating,
    /// It exists. If it is ever missing, work fails and nothing is made anew.
    Ready,
}

/// Where a vault's data lies, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Storage {
    /// An S3 bucket.
    S3 {
        /// Full URL or bare host; `http://` switches TLS off.
        endpoint: String,
        /// Region; may be empty.
        region: String,
        /// Bucket.
        bucket: String,
        /// Prefix of all keys, without a slash at the end; may be empty.
        prefix: String,
        /// Id of the access key.
        access_key_id: String,
    },
    /// A directory on a machine.
    Directory {
        /// The machine.
        agent: AgentReference,
        /// Absolute path.
        path: String,
    },
}

/// Where a vault's data is to lie, with its keys.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum StorageInput {
    /// An S3 bucket.
    S3 {
        /// Full URL or bare host; `http://` switches TLS off.
        endpoint: String,
        /// Region; may be empty.
        #[serde(default)]
        region: String,
        /// Bucket; must exist.
        bucket: String,
        /// Prefix of all keys, without a slash at the end; may be empty.
        #[serde(default)]
        prefix: String,
        /// Id of the access key.
        access_key_id: String,
        /// The secret key; sealed at once and never shown again.
        #[schema(value_type = String)]
        secret_access_key: Secret,
    },
    /// A directory on a machine.
    Directory {
        /// The machine.
        agent_id: AgentId,
        /// Absolute path.
        path: String,
    },
}

/// A vault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Vault {
    /// Identity.
    pub id: VaultId,
    /// Name.
    pub name: String,
    /// Whether the repository is there.
    pub state: VaultState,
    /// Why making the repository failed, the last time.
    pub failure: Option<Failure>,
    /// Where the data lies.
    pub storage: Storage,
    /// The machine that tests, lists and maintains it; absent when none can.
    pub executor: Option<AgentReference>,
    /// Jobs that write to it.
    pub jobs: Vec<Reference>,
    /// Restore points it holds.
    pub points: u64,
    /// Bytes that runs have sent to it.
    pub stored_bytes: u64,
    /// Bytes that the newest point of each job protects.
    pub protected_bytes: u64,
    /// The most that it may hold, as somebody set it.
    pub quota_bytes: Option<u64>,
    /// The newest point's time.
    pub latest_point_at: Option<Time>,
    /// Result of the last connection test.
    pub last_test: Option<VaultTestSummary>,
    /// When the recovery kit was last shown; absent: never.
    pub kit_shown_at: Option<Time>,
    /// How it is kept in order.
    pub maintenance: VaultMaintenance,
    /// When it was made.
    pub created_at: Time,
    /// For `If-Match`.
    pub version: i64,
    /// What the caller may do with it: `update`, `test`, `create_repository`, `refresh_points`, `maintain`, `kit`, `delete`.
    pub actions: Vec<Action>,
}

/// How a vault is kept in order: what no restore point needs goes, and what is stored stays in few, large pieces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VaultMaintenance {
    /// The machine that does it; another one takes over when it is gone or silent for an hour.
    pub agent: Option<AgentReference>,
    /// What is under way.
    pub running: Option<MaintenanceMode>,
    /// The last quick one.
    pub quick: Option<MaintenanceRun>,
    /// The last full one.
    pub full: Option<MaintenanceRun>,
    /// When the next quick one is due; absent before the repository exists.
    pub next_quick_at: Option<Time>,
    /// When the next full one is due; absent before the repository exists.
    pub next_full_at: Option<Time>,
    /// Who owns it in the repository, as `user@host`, where that is none of the tenant's machines. It is left to that program
    /// then, and looked at again once a day.
    pub foreign_owner: Option<String>,
    /// Why the last one failed; it is tried again within an hour.
    pub failure: Option<Failure>,
    /// Since when each one has failed.
    pub failing_since: Option<Time>,
    /// How much was read back and checked, as the last full one told.
    #[serde(default)]
    pub coverage: Option<Coverage>,
    /// When that was told.
    #[serde(default)]
    pub coverage_at: Option<Time>,
}

/// The two kinds of maintenance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaintenanceMode {
    /// Frequent and cheap: indexes are kept small.
    Quick,
    /// Everything: space is freed.
    Full,
}

/// A maintenance that ended well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MaintenanceRun {
    /// When it ended.
    pub at: Time,
    /// How long it took.
    pub seconds: f64,
    /// Bytes that it freed.
    pub freed_bytes: u64,
    /// What later ones free at the earliest; the earliest first.
    pub later: Vec<FreedLater>,
    /// Damage that it found, in English.
    pub problems: Vec<String>,
}

/// Starts a maintenance.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceStart {
    /// Which kind.
    pub mode: MaintenanceMode,
    /// How long the answer may wait for the agent, 0 to 25 seconds; default 25.
    pub wait_seconds: Option<u64>,
}

/// The last connection test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VaultTestSummary {
    /// Everything worked.
    pub ok: bool,
    /// When it ended.
    pub at: Time,
}

/// Makes a vault.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VaultCreate {
    /// Name, 1 to 100 characters, unique in the tenant.
    pub name: String,
    /// Where its data is to lie.
    pub storage: StorageInput,
    /// Password of the repository; absent: the server makes one of 32 random characters.
    #[schema(value_type = Option<String>)]
    pub repository_password: Option<Secret>,
    /// An agent is asked at once to make the repository; default true.
    pub create_repository: Option<bool>,
}

/// Changes a vault; absent fields stay. Place and password cannot change.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VaultPatch {
    /// New name.
    pub name: Option<String>,
    /// New id of the access key.
    pub access_key_id: Option<String>,
    /// New secret key.
    #[schema(value_type = Option<String>)]
    pub secret_access_key: Option<Secret>,
    /// The most that it may hold, in bytes, for the forecast; 0: not known.
    pub quota_bytes: Option<u64>,
}

/// Tests a place before a vault is made of it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StorageTestRequest {
    /// The place.
    pub storage: StorageInput,
    /// The machine that tests; default: any that is online. A directory is tested on its own machine.
    pub agent_id: Option<AgentId>,
    /// How long the answer may wait for the agent, 0 to 25 seconds; default 25.
    pub wait_seconds: Option<u64>,
}

/// Options of a request that starts a command.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CommandRequest {
    /// How long the answer may wait for the agent, 0 to 25 seconds; default 25.
    pub wait_seconds: Option<u64>,
}

/// What a new listing of the points found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PointsRefreshed {
    /// Points that are in the repository.
    pub present: u64,
    /// Points that were not known before.
    pub added: u64,
    /// Known points that are no longer there; of a vault with very many snapshots that is known when its last ones are listed.
    pub gone: u64,
    /// More snapshots are being listed: the figures are those of the ones so far.
    #[serde(default)]
    pub goes_on: bool,
}

/// Asks for the recovery kit.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KitRequest {
    /// The caller's own password, asked again.
    #[schema(value_type = String)]
    pub password: Secret,
    /// Also the secret storage key.
    #[serde(default)]
    pub include_storage_keys: bool,
}

/// Everything that is needed to get the data back without this server.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecoveryKit {
    /// Name of the vault.
    pub vault: String,
    /// When the kit was made.
    pub made_at: Time,
    /// Where the data lies.
    pub storage: Storage,
    /// The secret storage key, when asked for.
    #[schema(value_type = Option<String>)]
    pub secret_access_key: Option<Secret>,
    /// Password of the repository.
    #[schema(value_type = String)]
    pub repository_password: Secret,
    /// Commands that open the repository without this server.
    pub commands: Vec<String>,
}
