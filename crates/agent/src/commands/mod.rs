//! Commands that need no run: folders of the host and the content of vaults.

mod browse;
mod catalogued;
mod deletion;
mod diff;
mod host;
mod maintenance;
mod pins;
mod points;
mod search;
mod selection;
mod transfer;
mod upload;
mod usage;
mod vault;

use holdfast_host::Cancel;
use holdfast_protocol::agent::{CommandPayload, VaultContext};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::failure::WorkError;

pub use browse::browse;
pub use deletion::{delete_points, preview_deletion};
pub use diff::diff;
pub use host::{HostCommands, wire_volume};
pub use maintenance::maintain;
pub use pins::pin;
pub(crate) use points::timestamp;
pub use points::{find_path, list_content, list_points};
pub use search::search;
pub use selection::{estimate, explain_path};
pub use transfer::read_file;
pub use upload::{Upload, Uploads};
pub use vault::{create_repository, test_vault};

/// Parts of a result that may wait to be sent.
const WAITING_PARTS: usize = 16;

/// Serves commands. Called on a thread that may block.
pub trait CommandHandler: Send + Sync {
    /// Serves one command and answers its result.
    ///
    /// # Errors
    /// A failure with its code, or `Cancelled` when the agent stops.
    fn serve(
        &self,
        payload: &CommandPayload,
        vault: Option<&VaultContext>,
        context: &CommandContext,
    ) -> Result<Value, WorkError>;
}

/// What a handler works with.
pub struct CommandContext {
    /// Raised when the agent stops.
    pub cancel: Cancel,
    /// Takes parts of the result for the page that waits.
    pub partials: Partials,
    /// Sends what somebody downloads.
    pub uploads: Uploads,
}

/// Sends parts of a result. Parts are a convenience: when the server is slow, some are left out.
#[derive(Clone, Debug)]
pub struct Partials {
    sender: mpsc::Sender<Value>,
}

impl Partials {
    /// A sender and what it sends to.
    pub fn channel() -> (Self, mpsc::Receiver<Value>) {
        let (sender, receiver) = mpsc::channel(WAITING_PARTS);
        (Self { sender }, receiver)
    }

    /// Sends a part, unless too many wait already.
    pub fn send(&self, part: Value) {
        // A full channel means a slow server, a closed one that nobody waits: both are no concern of the command.
        let _ = self.sender.try_send(part);
    }
}
