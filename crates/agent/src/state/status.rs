//! `status.json`: what the running agent says about itself to `holdfast-agent status`.

use std::path::Path;

use holdfast_host::fs;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::offline::Contact;

const FILE_NAME: &str = "status.json";

/// The state of the running agent. Written when something changes; only to be believed while the lock is held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusFile {
    /// Process id.
    pub process: u32,
    /// Random per start.
    pub instance: Uuid,
    /// Program version.
    pub version: String,
    /// Server address.
    pub server: String,
    /// When the server last answered.
    pub last_contact: Option<Timestamp>,
    /// What its clock showed then.
    #[serde(default)]
    pub server_time: Option<Timestamp>,
    /// Why the server does not answer, when it does not.
    pub trouble: Option<String>,
    /// Runs in hand.
    pub runs: Vec<StatusRun>,
}

/// One run in hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusRun {
    /// The run.
    pub run_id: i64,
    /// The claim.
    pub attempt: u32,
}

impl StatusFile {
    /// Writes the file.
    pub fn write(&self, state_folder: &Path) -> std::io::Result<()> {
        let json = serde_json::to_vec_pretty(self)?;
        fs::atomic_write(&state_folder.join(FILE_NAME), &json, 0o600)
    }

    /// When the server last answered, as far as the process knew that wrote this.
    pub fn contact(&self) -> Option<Contact> {
        let at = self.last_contact?;
        Some(Contact {
            server_time: self.server_time.unwrap_or(at),
            ..Contact::assumed(at)
        })
    }

    /// Reads the file; `None` when there is none or it cannot be understood.
    pub fn read(state_folder: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(state_folder.join(FILE_NAME)).ok()?).ok()
    }
}
