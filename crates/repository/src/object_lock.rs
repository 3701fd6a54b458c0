//! Which blobs an object lock is for, and extending the locks of many (format 1 §1.4).

use std::sync::atomic::{AtomicUsize, Ordering};

use holdfast_storage::{BlobId, BlobInfo, BlobStore, ErrorKind, Retention};
use parking_lot::Mutex;

use crate::blob_names::{BLOBCFG, BlobFamily, FORMAT, LEGACY_INDEX};
use crate::parallel;
use crate::{Error, Result};

/// Beginnings of the names of all blobs that are locked. Those that lead to all others come first, and they are few:
/// settings, index, packs of folders and manifests.
pub(crate) const LOCKED_FAMILIES: [&str; 6] = [FORMAT, BLOBCFG, "x", LEGACY_INDEX, "q", "p"];

/// Blobs of one family that cannot be locked before the others of it are not tried any more.
const MAX_FAILURES: usize = 20;

/// Whether a blob is of a family that is locked where there is an object lock.
pub(crate) fn is_locked(id: &BlobId) -> bool {
    id.as_str().starts_with(['n', 'x', 'p', 'q'])
        || matches!(
            BlobFamily::of(id.as_str()),
            Some(BlobFamily::Format | BlobFamily::FormatBackup | BlobFamily::BlobConfiguration)
        )
}

/// Locks blobs, one family after the other; what fails does not keep others from being locked. Returns how many are
/// locked. `stop` fails when the work is to end.
///
/// # Errors
/// [`Error::LocksNotExtended`]; a store that cannot be reached or has no object lock; what `stop` fails with.
pub(crate) fn extend_all(
    store: &dyn BlobStore,
    families: &[Vec<BlobInfo>],
    retention: Retention,
    stop: &(dyn Fn() -> Result<()> + Sync),
) -> Result<usize> {
    let (extended, gone) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let first: Mutex<Option<holdfast_storage::Error>> = Mutex::default();
    for family in families {
        let failed = AtomicUsize::new(0);
        parallel::map(family, parallel::REQUESTS, |blob| {
            stop()?;
            if failed.load(Ordering::Relaxed) >= MAX_FAILURES {
                return Ok(());
            }
            let error = match store.extend_retention(&blob.id, retention) {
                Ok(()) => {
                    extended.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                // Somebody else may delete what is not needed any more.
                Err(error) if error.is_not_found() => {
                    gone.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err(error) => error,
            };
            if matches!(
                error.kind(),
                ErrorKind::Cancelled | ErrorKind::Unreachable | ErrorKind::Unsupported
            ) {
                return Err(Error::from(error));
            }
            failed.fetch_add(1, Ordering::Relaxed);
            first.lock().get_or_insert(error);
            Ok(())
        })?;
    }
    let extended = extended.into_inner();
    let of = families.iter().map(Vec::len).sum::<usize>();
    match first.into_inner() {
        None => Ok(extended),
        Some(first) => Err(Error::LocksNotExtended {
            failed: of - extended - gone.into_inner(),
            of,
            first,
        }),
    }
}
