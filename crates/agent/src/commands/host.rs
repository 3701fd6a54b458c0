//! The commands of this host.

use holdfast_host::volumes;
use holdfast_protocol::agent::{CommandPayload, VaultContext, Volume, failures};
use holdfast_repository::maintenance::{Mode, Safety};
use serde::Serialize;
use serde_json::Value;

use super::{
    CommandContext, CommandHandler, browse, create_repository, delete_points, diff, estimate,
    explain_path, find_path, list_content, list_points, maintain, pin, preview_deletion, read_file,
    search, test_vault,
};
use crate::failure::{Failure, WorkError};
use crate::state::VaultFolders;

/// Serves the commands by this host's folders and vaults.
#[derive(Debug)]
pub struct HostCommands {
    folders: VaultFolders,
}

impl HostCommands {
    /// Commands that keep the local files of vaults in `folders`.
    pub fn new(folders: VaultFolders) -> Self {
        Self { folders }
    }
}

impl CommandHandler for HostCommands {
    fn serve(
        &self,
        payload: &CommandPayload,
        vault: Option<&VaultContext>,
        context: &CommandContext,
    ) -> Result<Value, WorkError> {
        let (folders, cancel) = (&self.folders, &context.cancel);
        let vault = || {
            vault.ok_or_else(|| {
                Failure::new(failures::BAD_REQUEST, "the command came without its vault")
            })
        };
        match payload {
            CommandPayload::BrowseDirectory(request) => {
                answer(browse(request, &present_volumes(), cancel)?)
            }
            CommandPayload::Estimate(request) => {
                answer(estimate(request, cancel, &context.partials)?)
            }
            CommandPayload::ExplainPath(request) => answer(explain_path(request)?),
            CommandPayload::TestVault(_) => answer(test_vault(vault()?, folders, cancel)?),
            CommandPayload::CreateRepository(_) => {
                answer(create_repository(vault()?, folders, cancel)?)
            }
            CommandPayload::ListPoints(request) => {
                answer(list_points(request, vault()?, folders, cancel)?)
            }
            CommandPayload::ListContent(request) => answer(list_content(
                request,
                vault()?,
                folders,
                cancel,
                &context.partials,
            )?),
            CommandPayload::Search(request) => answer(search(
                request,
                vault()?,
                folders,
                cancel,
                &context.partials,
            )?),
            CommandPayload::ReadFile(request) => answer(read_file(
                request,
                vault()?,
                folders,
                cancel,
                &context.uploads,
            )?),
            CommandPayload::FindPath(request) => {
                answer(find_path(request, vault()?, folders, cancel)?)
            }
            CommandPayload::Diff(request) => {
                answer(diff(request, vault()?, folders, cancel, &context.partials)?)
            }
            CommandPayload::Pin(request) => answer(pin(request, vault()?, folders, cancel)?),
            CommandPayload::PreviewDeletion(request) => {
                answer(preview_deletion(request, vault()?, folders, cancel)?)
            }
            CommandPayload::DeletePoints(request) => {
                answer(delete_points(request, vault()?, folders, cancel)?)
            }
            CommandPayload::MaintenanceQuick(request) => {
                let (mode, safety) = (Mode::Quick, Safety::Full);
                answer(maintain(mode, request, vault()?, folders, safety, cancel)?)
            }
            CommandPayload::MaintenanceFull(request) => {
                let (mode, safety) = (Mode::Full, Safety::Full);
                answer(maintain(mode, request, vault()?, folders, safety, cancel)?)
            }
            CommandPayload::Restore(_) | CommandPayload::Cancel(_) => Err(Failure::internal(
                "a command that belongs to a run reached the wrong place",
            )
            .into()),
        }
    }
}

fn answer(result: impl Serialize) -> Result<Value, WorkError> {
    serde_json::to_value(result)
        .map_err(|error| Failure::internal(format!("cannot write the result: {error}")).into())
}

/// The volumes at this moment; a list that cannot be read is an empty one, the folders below can still be typed.
fn present_volumes() -> Vec<Volume> {
    if !cfg!(windows) {
        return Vec::new();
    }
    volumes::list()
        .map(|volumes| volumes.into_iter().map(wire_volume).collect())
        .unwrap_or_default()
}

/// A volume in the words of the wire.
pub fn wire_volume(volume: volumes::Volume) -> Volume {
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    let kind = if volume.is_network {
        "network"
    } else {
        "fixed"
    };
    Volume {
        path: volume.path,
        label: text(volume.label),
        size_bytes: Some(volume.size).filter(|size| *size > 0),
        free_bytes: Some(volume.free).filter(|_| volume.size > 0),
        filesystem: text(volume.file_system),
        kind: Some(kind.to_owned()),
        unc_path: text(volume.remote),
        is_network: volume.is_network.then_some(true),
    }
}
