//! `maintenance_quick` and `maintenance_full`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
}

/// What became of a maintenance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MaintainResult {
    /// Who owns it, as `user@host`.
    pub owner: String,
    /// What was done; absent when it belongs to somebody else and nothing was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<MaintenanceDone>,
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
