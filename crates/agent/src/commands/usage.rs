//! How full a vault is: the sum of its objects, and what its place still takes.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use holdfast_host::volumes;
use holdfast_protocol::agent::commands::VaultUsage;
use holdfast_protocol::agent::{DestinationType, VaultContext};
use holdfast_storage::BlobStore;

/// Adds up a vault's objects; `None` when they cannot be listed, or not within `longest`. That is no reason for the work
/// that asks to fail: the figure comes with the next one.
pub(super) fn measure(
    store: &dyn BlobStore,
    vault: &VaultContext,
    longest: Option<Duration>,
) -> Option<VaultUsage> {
    let began = Instant::now();
    let mut stored_bytes = 0u64;
    let mut in_time = true;
    let listed = store.list("", &mut |info| {
        in_time = longest.is_none_or(|longest| began.elapsed() <= longest);
        stored_bytes = stored_bytes.saturating_add(info.length);
        match in_time {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    if let Err(error) = listed {
        tracing::warn!("how full the vault is could not be found out: {error}");
        return None;
    }
    in_time.then(|| VaultUsage {
        stored_bytes,
        free_bytes: free_bytes(vault),
    })
}

/// What the file system of a directory vault still takes. Buckets say nothing of the kind.
fn free_bytes(vault: &VaultContext) -> Option<u64> {
    if vault.dest_type != DestinationType::Local {
        return None;
    }
    volumes::free_bytes(Path::new(&vault.dest_local_path))
        .inspect_err(|error| tracing::warn!("{error}"))
        .ok()
}
