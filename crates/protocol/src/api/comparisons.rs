//! Comparisons of restore points.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    agent::commands::{Change, DiffList},
    ids::PointId,
};

/// Compares a folder of two restore points of one vault.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComparisonRequest {
    /// The earlier point.
    pub before_point_id: PointId,
    /// The later point.
    pub after_point_id: PointId,
    /// The source path, which both points have; absent: the first that both have.
    pub source_path: Option<String>,
    /// The folder inside it, with `/` between names; empty: its top.
    #[serde(default)]
    pub path: String,
    /// Which entries are told.
    #[serde(default)]
    pub list: DiffList,
    /// Only entries that changed like this; empty: all.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// Only entries whose name has this in it.
    pub name: Option<String>,
    /// Continues an earlier comparison.
    pub cursor: Option<String>,
    /// Entries a page, 1 to 1,000; default 1,000.
    pub limit: Option<u32>,
    /// How long the answer may wait for the agent, 0 to 25 seconds; default 25.
    pub wait_seconds: Option<u64>,
}
