//! Loading an index of which blobs are damaged: those that cannot be read are set aside.

use std::sync::Arc;
use std::time::Duration;

use holdfast_storage::BlobId;

use super::Repository;
use crate::committed::CommittedIndex;
use crate::error::{Error, Result};

/// Loading of the index must not end at the first blob that is damaged.
const ROUNDS: usize = 20;

/// An index blob that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnreadableIndex {
    /// Its name.
    pub(crate) blob: BlobId,
    /// What is wrong with it.
    pub(crate) reason: String,
}

impl Repository {
    /// Loads the index without the blobs that cannot be decrypted, logs of compactions included, and returns those. From
    /// then on they are left out as if they were deleted, also where others count only together with them.
    ///
    /// # Errors
    /// Of the store; [`Error::RepositoriesMixed`]; [`Error::Damaged`] for a blob that can be decrypted and is no index.
    pub(crate) fn load_readable_index(&self) -> Result<Vec<UnreadableIndex>> {
        let mut unreadable = Vec::new();
        if !self.format().epoch_parameters.enabled {
            let damaged = self.damaged_documents()?.into_iter();
            unreadable.extend(damaged.map(|(blob, reason)| UnreadableIndex { blob, reason }));
            self.set_aside_blobs(&unreadable);
        }
        for _ in 0..ROUNDS {
            match self.load_index() {
                Ok(()) => break,
                Err(Error::Damaged { .. }) => unreadable.extend(self.set_damaged_aside()?),
                Err(error) => return Err(error),
            }
        }
        if !unreadable.is_empty()
            && let Some(error) = self.find_foreign()?
        {
            return Err(error);
        }
        self.load_index()?;
        Ok(unreadable)
    }

    fn set_aside_blobs(&self, unreadable: &[UnreadableIndex]) {
        let blobs = unreadable.iter().map(|index| index.blob.clone());
        self.set_aside.write().extend(blobs);
    }

    fn set_damaged_aside(&self) -> Result<Vec<UnreadableIndex>> {
        let mut tables = self.index.read().tables().to_vec();
        let mut unreadable = Vec::new();
        for blob in self.view()?.active {
            if tables.iter().any(|table| *table.id() == blob.id) {
                continue;
            }
            match self.fetch_table(&blob, true) {
                Ok(Ok(table)) => tables.push(Arc::new(table)),
                Ok(Err(_vanished)) => {}
                Err(damage @ Error::Damaged { .. }) => {
                    // Read once more: what was garbled on its way is not damaged where it lies.
                    match self.read_index_blob(&blob.id) {
                        Ok(_) => return Err(damage),
                        Err(Error::Damaged { reason, .. }) => unreadable.push(UnreadableIndex {
                            blob: blob.id,
                            reason,
                        }),
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        self.set_aside_blobs(&unreadable);
        // Those that were read need not be read again.
        *self.index.write() = Arc::new(CommittedIndex::new(tables, 0, Duration::ZERO));
        Ok(unreadable)
    }
}
