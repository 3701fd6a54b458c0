//! `pin`.

use std::collections::BTreeSet;

use holdfast_host::Cancel;
use holdfast_protocol::agent::commands::{Pin, PinResult};
use holdfast_protocol::agent::{VaultContext, failures};
use holdfast_snapshot::change_pins;

use super::catalogued::{Present, look};
use crate::failure::{Failure, WorkError};
use crate::state::VaultFolders;
use crate::vaults::{Access, open_repository};

/// Pins all snapshots of a restore point, or takes all their pins away. Doing it again changes nothing.
///
/// # Errors
/// `snapshot_not_found` when one of them is not there, or is another one; then nothing is changed.
pub fn pin(
    request: &Pin,
    vault: &VaultContext,
    folders: &VaultFolders,
    cancel: &Cancel,
) -> Result<PinResult, WorkError> {
    let access = Access::changing(cancel);
    let repository = open_repository(vault, folders, None, &access)?;
    let manifests = repository.manifests()?;
    let mut ids = Vec::with_capacity(request.snapshots.len());
    let mut present = BTreeSet::new();
    for wanted in &request.snapshots {
        let Present::Found(found) = look(&manifests, wanted)? else {
            return Err(Failure::of_code(failures::SNAPSHOT_NOT_FOUND).into());
        };
        present.extend(found.pins);
        ids.push(found.id.to_string());
    }
    let (add, remove) = match &request.pin {
        Some(pin) => (vec![pin.clone()], Vec::new()),
        None => (Vec::new(), present.into_iter().collect()),
    };
    cancel.check()?;
    let changed = change_pins(&repository, &ids, &add, &remove)?;
    let pins: BTreeSet<String> = changed
        .iter()
        .flat_map(|pinned| pinned.pins.clone())
        .collect();
    Ok(PinResult {
        pins: pins.into_iter().collect(),
        manifests: changed.iter().map(|pinned| pinned.id.to_string()).collect(),
    })
}
