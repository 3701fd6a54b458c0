//! `read_file`: a file or a folder of a snapshot for somebody who downloads it in the browser.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Send a file or a folder of a snapshot by `POST transfers/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFile {
    /// The transfer that waits for it.
    pub transfer: Uuid,
    /// Id of the snapshot's manifest.
    pub manifest_id: String,
    /// Path below the root, `/` between names; empty for the root.
    #[serde(default)]
    pub path: String,
    /// In which form.
    pub form: TransferForm,
}

/// In which form something is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransferForm {
    /// The bytes of a file.
    File,
    /// A tar archive.
    Tar,
    /// A ZIP archive.
    Zip,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFileResult {
    /// Bytes, those of an archive included.
    pub bytes: u64,
}
