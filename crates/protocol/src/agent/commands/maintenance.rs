//! `maintenance_quick` and `maintenance_full`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::vault::VaultUsage;
use crate::agent::run::SourceIdentity;

/// Maintain a vault's repository: what no snapshot needs goes, packs and indexes stay few. One agent of a vault owns this;
/// the server says which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintain {
    /// Under which the agent owns the maintenance.
    pub identity: SourceIdentity,
    /// Owners `user@host` that are machines of the same tenant; what belongs to one of them is taken over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub take_over_from: Vec<String>,
    /// Also say how full the vault is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub measure: bool,
}

/// What became of a maintenance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MaintainResult {
    /// Who owns it, as `user@host`.
    pub owner: String,
    /// What was done; absent when it belongs to somebody else and nothing was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<MaintenanceDone>,
    /// How much of the vault was read back, and when; of a full one, whoever owns the maintenance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// How full the vault is afterwards, where that was asked for and could be found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<VaultUsage>,
}

/// What a maintenance did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MaintenanceDone {
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Objects that were deleted.
    pub freed_blobs: u64,
    /// Their bytes.
    pub freed_bytes: u64,
    /// What later ones free at the earliest, if nothing changes meanwhile; the earliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<FreedLater>,
    /// Damage that was found, in English, at most 20 sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// When a quick one is due next; absent when they are switched off in the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_quick_at: Option<Timestamp>,
    /// When a full one is due next; absent when they are switched off in the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_full_at: Option<Timestamp>,
    /// How the object locks stand; absent where full maintenance does not extend them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locks: Option<LocksExtended>,
}

/// Object locks that full maintenance extends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LocksExtended {
    /// When they were last extended; absent when they never were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// When they are to be extended again, so that they last as long as they promise.
    pub due_at: Timestamp,
}

/// How much of a vault was read back and checked, and when. Amounts are bytes as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Coverage {
    /// Everything is to be read again within so many days.
    pub window_days: u32,
    /// All that is stored.
    pub bytes: u64,
    /// What was not read since it was stored.
    pub never_read_bytes: u64,
    /// What was neither read nor stored within the window.
    pub overdue_bytes: u64,
    /// What was read, by how long ago, the latest first.
    pub ages: Vec<CoverageAge>,
    /// When that was read, or else stored, which waits longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// Objects that were damaged or missing when they were last read.
    pub damaged: u64,
    /// What is wrong with the first of them, in English, at most 20 sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<String>,
}

/// What was last read so long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CoverageAge {
    /// At most so many days ago, and more than in the group before; absent in the last group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to_days: Option<u32>,
    /// How much.
    pub bytes: u64,
}

/// Objects that a later maintenance frees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FreedLater {
    /// The first one that can free them.
    pub from: Timestamp,
    /// How many.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}
