//! Deleting many blobs.

use holdfast_storage::BlobId;

use super::run::Run;
use crate::parallel;
use crate::{Error, Result};

impl Run<'_> {
    /// Deletes blobs, several at once, until one cannot be deleted or the work is cancelled; nothing in a dry run. Blobs
    /// that are gone already are no error, so that an interrupted run can go on.
    pub(super) fn delete(&self, ids: &[BlobId]) -> Result<()> {
        if self.dry_run() {
            return Ok(());
        }
        let store = self.repository.store();
        parallel::map(ids, parallel::REQUESTS, |id| {
            self.go_on()?;
            store.delete(id).map_err(Error::from)
        })?;
        Ok(())
    }
}
