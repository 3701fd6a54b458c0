//! `test_vault` and `create_repository`.

use serde::{Deserialize, Serialize};

/// Try a vault: reach it, write, read, delete, and look whether a repository is there. Keeps no data; of a new directory vault the empty folder stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestVault {}

/// What the test found, in the order of the checks. It stops at the first check that fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TestVaultResult {
    /// Whether all checks passed.
    pub ok: bool,
    /// Where the vault is, without secrets.
    pub location: String,
    /// One for each check that was made.
    pub findings: Vec<VaultFinding>,
    /// Whether a repository is there.
    pub repository: RepositoryFinding,
    /// How full the vault is, where its repository opens and that was found out quickly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<VaultUsage>,
}

/// How full a vault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VaultUsage {
    /// Bytes of all its objects.
    pub stored_bytes: u64,
    /// Bytes that its place still takes; absent where the place does not say, as buckets do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
}

/// Result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VaultFinding {
    /// The check.
    pub check: ProbeCheck,
    /// Whether it passed.
    pub ok: bool,
    /// Code of the failure, one of [`crate::agent::failures`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What happened and what to do, in English; empty when it passed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// The checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProbeCheck {
    /// The place is reached and its content can be listed.
    List,
    /// A small object can be written.
    Write,
    /// It reads back as it was written.
    Read,
    /// It can be deleted.
    Delete,
    /// The repository, if there is one, opens with the vault's password.
    Repository,
}

/// Whether a repository is in the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepositoryFinding {
    /// Not looked for, because a check before failed.
    Unknown,
    /// None is there.
    Absent,
    /// One is there and opens.
    Present,
    /// One is there and does not open; the finding of the check says why.
    Unusable,
}

/// Create the repository of a vault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateRepository {}

/// The repository of a vault, created now or by an earlier delivery of the same command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CreateRepositoryResult {
    /// False when a repository that opens with the vault's password was already there.
    pub created: bool,
    /// Unique id of the repository, in hex.
    pub unique_id: String,
}
