//! Deleting many blobs.

use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_host::Cancel;
use holdfast_storage::{BlobId, BlobStore};
use parking_lot::Mutex;

use crate::{Error, Result};

/// Deletions at once.
const PARALLEL: usize = 8;

/// Deletes blobs, several at once, until one cannot be deleted or the work is cancelled. Blobs that are gone already
/// are no error, so that an interrupted run can go on.
pub(super) fn delete_blobs(store: &dyn BlobStore, ids: &[BlobId], cancel: &Cancel) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failure: Mutex<Option<Error>> = Mutex::new(None);
    let work = || {
        while let Some(id) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = match cancel.is_cancelled() {
                true => Err(holdfast_storage::Error::cancelled(
                    "delete",
                    store.location(),
                )),
                false => store.delete(id),
            };
            if let Err(error) = result {
                failure.lock().get_or_insert(error.into());
                next.store(ids.len(), Ordering::Relaxed);
            }
        }
    };
    match ids.len().min(PARALLEL) {
        0 | 1 => work(),
        workers => std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(work);
            }
        }),
    }
    failure.into_inner().map_or(Ok(()), Err)
}
