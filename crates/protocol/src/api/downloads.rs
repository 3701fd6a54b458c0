//! Downloads: a file or a folder of a restore point, sent by a machine to the browser.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{common::AgentReference, problem::Failure};
use crate::{
    agent::commands::TransferForm,
    ids::{DownloadId, SnapshotId},
};

/// Asks for a download.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DownloadCreate {
    /// Which source path; absent: the first.
    #[serde(default)]
    pub snapshot_id: Option<SnapshotId>,
    /// The file or folder inside it, with `/` between names; empty: all of it.
    #[serde(default)]
    pub path: String,
    /// A file as it is, or a folder as an archive.
    pub form: TransferForm,
    /// How long the answer may wait until the download is ready, 0 to 25 seconds; default 25.
    #[serde(default)]
    pub wait_seconds: Option<u64>,
}

/// Where a download stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DownloadState {
    /// The machine looks for it.
    Preparing,
    /// It can be fetched, once, within a minute.
    Ready,
    /// It is being fetched.
    Running,
    /// All of it was sent.
    Done,
    /// It was not sent, or not to its end; `failure` says why.
    Failed,
}

/// A download. The server keeps nothing of what is sent, and forgets the download some time after its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Download {
    /// Identity.
    pub id: DownloadId,
    /// Name of the file that the browser gets.
    pub name: String,
    /// In which form it comes.
    pub form: TransferForm,
    /// Where it stands.
    pub state: DownloadState,
    /// Its length in bytes; unknown for archives.
    pub size: Option<u64>,
    /// The machine that sends it.
    pub agent: AgentReference,
    /// Why it failed.
    pub failure: Option<Failure>,
}
