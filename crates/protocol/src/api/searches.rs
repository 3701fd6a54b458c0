//! Finding files in all restore points at once.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{commands::Command, common::Reference, problem::Failure};
use crate::{
    Time,
    agent::commands::{Deleted, SearchResult},
    ids::{AgentId, SnapshotId, VaultId},
};

/// What to look for.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchRequest {
    /// A part of a name, or a pattern with `*`, `?`, `[…]`; with a `/` inside it is compared with the whole path.
    pub pattern: String,
    /// Whether letter case matters.
    pub match_case: bool,
    /// Only what came from this machine.
    pub agent_id: Option<AgentId>,
    /// Only in this vault.
    pub vault_id: Option<VaultId>,
    /// Only versions in restore points of this time or later.
    pub from: Option<Time>,
    /// Only versions in restore points of this time or earlier.
    pub to: Option<Time>,
    /// What of what the newest restore point has no longer.
    pub deleted: Deleted,
    /// Paths of a page and vault, 1 to 500; default 200.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before; only together with `vault_id`.
    pub cursor: Option<String>,
}

/// A search that was begun: each vault is searched by a machine that reaches it.
///
/// What is found comes by the stream topic `commands/<id>` of each vault's command while it is searched, and as a whole by
/// `GET /commands/{id}`; cancelling the command ends the search of that vault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Search {
    /// The vaults that are searched.
    pub vaults: Vec<VaultSearch>,
    /// The vaults that are not.
    pub not_searched: Vec<VaultNotSearched>,
}

/// The search of one vault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VaultSearch {
    /// The vault.
    pub vault: Reference,
    /// The machine's work.
    pub command: Command<SearchResult>,
}

/// A vault that is not searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VaultNotSearched {
    /// The vault.
    pub vault: Reference,
    /// Why.
    pub failure: Failure,
}

/// Asks for all versions of one path.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VersionsRequest {
    /// Which source path; absent: the first.
    pub snapshot_id: Option<SnapshotId>,
    /// The path inside it, with `/` between names.
    pub path: String,
    /// How long the answer may wait for the agent, 0 to 25 seconds; default 25.
    pub wait_seconds: Option<u64>,
}
