//! Restores: a run that brings a point's data back to a machine.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    agent::commands::Overwrite,
    ids::{AgentId, PointId, SnapshotId},
};

/// Starts a restore; the answer is its run.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreCreate {
    /// The point.
    pub point_id: PointId,
    /// What of it; empty: all its source paths, each in a folder of its own when there are several.
    #[serde(default)]
    pub items: Vec<RestoreItem>,
    /// The machine; default: the one it came from.
    pub agent_id: Option<AgentId>,
    /// Absolute path of the folder to write into; is made when missing.
    pub target_path: String,
    /// What to do with files that are already there; default: replace those that differ.
    #[serde(default)]
    pub overwrite: Overwrite,
}

/// One file or folder to bring back.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreItem {
    /// Its source path.
    pub snapshot_id: SnapshotId,
    /// The path inside it, as a listing gives it; empty: all of it.
    #[serde(default)]
    pub path: String,
}
