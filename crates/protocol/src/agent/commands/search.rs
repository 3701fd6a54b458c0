//! `search`: files in all snapshots of a vault at once, and all versions of one file.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::points::EntryKind;

/// Most paths of one page of a search.
pub const LARGEST_SEARCH_PAGE: u32 = 500;

/// Paths of a page when the request does not say.
pub const SEARCH_PAGE: u32 = 200;

/// Most versions that are told of one path; of more the newest are.
pub const MOST_VERSIONS: u32 = 5000;

/// What to look for in the snapshots of a vault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// A part of a name, or a pattern with `*`, `?`, `[…]`; with a `/` inside it is compared with the whole path. Without
    /// meaning where `path` is given.
    #[serde(default)]
    pub pattern: String,
    /// Whether letter case matters in the pattern.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub match_case: bool,
    /// Exactly this path below the root of each snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only in snapshots of these sources; empty: of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SearchedSource>,
    /// Only versions that snapshots begun at or after this time have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Only versions that snapshots begun at or before this time have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// What of what is no longer in the newest snapshot of its source.
    #[serde(default)]
    pub deleted: Deleted,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Paths wanted, at most [`LARGEST_SEARCH_PAGE`]; default [`SEARCH_PAGE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Versions wanted of each path, at most [`MOST_VERSIONS`], which is also the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<u32>,
}

/// A source of snapshots, of which empty parts mean any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchedSource {
    /// User half.
    #[serde(default)]
    pub user: String,
    /// Host half.
    #[serde(default)]
    pub host: String,
    /// Path.
    #[serde(default)]
    pub path: String,
}

/// What becomes of paths that the newest snapshot of their source does not have any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deleted {
    /// They are told like all others.
    #[default]
    Include,
    /// They are left out.
    Exclude,
    /// Only they are told.
    Only,
}

/// A page of what was found, in the order of sources and paths; in its parts what was found since the part before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SearchResult {
    /// The paths.
    pub hits: Vec<SearchHit>,
    /// Snapshots to search; 0 as long as that is not known.
    pub points: u64,
    /// Snapshots of which all is told.
    pub points_done: u64,
    /// Folders that could not be read: what is below them was not searched.
    pub unreadable: u64,
    /// Where the next page begins, when there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A path that was found in snapshots of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SearchHit {
    /// User half of the source.
    pub source_user: String,
    /// Host half of the source.
    pub source_host: String,
    /// Path of the source.
    pub source_path: String,
    /// Path below it, `/` between names.
    pub path: String,
    /// Whether the newest snapshot of the source has it no longer.
    pub deleted: bool,
    /// How many versions there are; `versions` may have only the newest of them.
    pub version_count: u64,
    /// The versions, the newest first.
    pub versions: Vec<FileVersion>,
}

/// A state of a path and the snapshots that have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FileVersion {
    /// Kind.
    pub kind: EntryKind,
    /// Size in bytes: of a file its own, of a folder that of all files below.
    pub size: u64,
    /// Time of the last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// Object id: versions with the same one differ in attributes only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub object_id: String,
    /// Snapshots that have it.
    pub points: u64,
    /// Whether one of them is pinned.
    pub pinned: bool,
    /// The oldest of them.
    pub first: SeenIn,
    /// The newest of them.
    pub last: SeenIn,
}

/// A snapshot that has a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SeenIn {
    /// When the snapshot began.
    pub time: Timestamp,
    /// The restore point that it is part of, as far as the server knows one; agents do not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point_id: Option<Uuid>,
    /// Its source path in that point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<Uuid>,
}
