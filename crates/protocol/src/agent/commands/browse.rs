//! `browse_directory`: folders of the agent's host, for the folder picker.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::agent::hello::Volume;

/// Most entries of one page.
pub const LARGEST_BROWSE_PAGE: u32 = 1000;

/// Which folder to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowseDirectory {
    /// Absolute path; empty for the volumes (Windows) or the root folder.
    #[serde(default)]
    pub path: String,
    /// The path's bytes in base64, when it is not UTF-8; wins over `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_path: Option<String>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Entries wanted, at most [`LARGEST_BROWSE_PAGE`], which is also the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Leave out everything but folders.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub folders_only: bool,
}

/// A page of a folder: folders first, then the rest, each by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BrowseListing {
    /// The folder, cleaned; empty for the list of volumes.
    pub path: String,
    /// The folder above; absent at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The entries.
    pub entries: Vec<BrowseEntry>,
    /// Whether more entries follow this page.
    pub truncated: bool,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One entry of a folder, or one volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BrowseEntry {
    /// Name for people; a byte that is not UTF-8 shows as U+FFFD.
    pub name: String,
    /// Absolute path.
    pub path: String,
    /// Bytes of the path in base64, when it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_path: Option<String>,
    /// Whether it can be opened as a folder.
    pub is_dir: bool,
    /// Size in bytes, for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Time of the last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// Icon: `folder`, `file`, `link`, `device`, `drive`, `network-drive`.
    pub icon: String,
    /// The volume, when the entry is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Volume>,
}
