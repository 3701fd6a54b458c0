//! `diff`: what differs between two snapshots.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::points::EntryKind;

/// Most entries of one page of a comparison.
pub const LARGEST_DIFF_PAGE: u32 = 1000;

/// Most entries of a comparison that are told at all, page by page; of more, only the largest changes are.
pub const MOST_DIFF_ENTRIES: usize = 100_000;

/// Compare a folder of two snapshots, with all that is below it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    /// Manifest of the earlier snapshot.
    pub before: String,
    /// Manifest of the later one.
    pub after: String,
    /// Path below both roots, `/` between names; empty for the roots. One of the two may lack it.
    #[serde(default)]
    pub path: String,
    /// Which entries are told.
    #[serde(default)]
    pub list: DiffList,
    /// Only entries that changed like this; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Only entries whose name has this in it, without regard to case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Entries wanted, at most [`LARGEST_DIFF_PAGE`], which is also the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Which entries a comparison tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiffList {
    /// What lies right in the folder; folders with what changed below them.
    #[default]
    Children,
    /// Everything below the folder but folders, by its path.
    Files,
    /// What is missing, by its path, without what lies below a missing folder: all that brings everything back.
    Missing,
}

/// How an entry changed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Only the later snapshot has it.
    Added,
    /// Both have it, in different states.
    Changed,
    /// Only the earlier snapshot has it.
    Deleted,
    /// A folder that is the same itself; something below it changed.
    Inside,
}

/// A property that can change.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChangedAspect {
    /// File, folder or link.
    Kind,
    /// The data of a file, or where a link points.
    Content,
    /// Permission bits.
    Mode,
    /// Time of the last change.
    Modified,
    /// Owner or group.
    Owner,
    /// Extended attributes and the like.
    Attributes,
}

/// What differs between two snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Comparison {
    /// The path that was asked for.
    pub path: String,
    /// All differences below it, whatever is listed.
    pub totals: ChangeTotals,
    /// The page, the largest change first.
    pub entries: Vec<ComparedEntry>,
    /// Entries of all pages together.
    pub count: u64,
    /// Entries beyond [`MOST_DIFF_ENTRIES`], which are on no page.
    pub left_out: u64,
    /// Folders that cannot be read, so that what is below them is not compared.
    pub unreadable: u64,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Whether this is all; not so for a part on the way.
    pub complete: bool,
}

/// Differences in figures. Folders are not counted, links are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeTotals {
    /// Files that only the later snapshot has.
    pub added: u64,
    /// Their bytes.
    pub added_bytes: u64,
    /// Files in different states.
    pub changed: u64,
    /// By so many bytes they grew.
    pub changed_bytes: i64,
    /// Files that only the earlier snapshot has.
    pub deleted: u64,
    /// Their bytes.
    pub deleted_bytes: u64,
    /// Files that are the same; absent when the snapshots do not say how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchanged: Option<u64>,
}

/// An entry that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ComparedEntry {
    /// Its path below the one that was asked for: a single name among children.
    pub path: String,
    /// What it is, or was when it is gone.
    pub kind: EntryKind,
    /// How it changed.
    pub change: Change,
    /// What changed of the entry itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aspects: Vec<ChangedAspect>,
    /// Its state in the earlier snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<EntryState>,
    /// Its state in the later snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<EntryState>,
    /// What changed below it, for folders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<ChangeTotals>,
}

/// The state of an entry in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryState {
    /// Size in bytes: of a file its own, of a folder that of all files below.
    pub size: u64,
    /// Time of the last change.
    pub modified: Timestamp,
    /// Permission bits, in octal as text.
    pub mode: String,
}
