//! Index blobs one by one, for those who look for what is wrong.

use std::collections::HashSet;

use holdfast_storage::{BlobId, BlobInfo};

use super::Repository;
use crate::blob_names::{EPOCH_INDEX, EPOCH_RANGE, EPOCH_SINGLE, LEGACY_INDEX, POISON};
use crate::error::{Error, Result};
use crate::index::ContentInfo;

/// An index blob in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexBlob {
    /// Its name, length and age.
    pub blob: BlobInfo,
    /// Whether it does not count any more, because what it says was merged into others.
    pub superseded: bool,
}

impl Repository {
    /// Every index blob of the store, in no special order. One that is written meanwhile may be missing, one that goes
    /// away meanwhile is superseded.
    ///
    /// # Errors
    /// Of the store.
    pub fn index_blobs(&self) -> Result<Vec<IndexBlob>> {
        let mut blobs = Vec::new();
        for family in [EPOCH_INDEX, EPOCH_SINGLE, EPOCH_RANGE, LEGACY_INDEX] {
            blobs.extend(self.store.list_all(family)?);
        }
        // After the listing: what is active now and not listed is only newer.
        let active: HashSet<BlobId> = self
            .view()?
            .active
            .into_iter()
            .map(|blob| blob.id)
            .collect();
        blobs.retain(|blob| blob.id.as_str() != POISON);
        let with_state = |blob: BlobInfo| IndexBlob {
            superseded: !active.contains(&blob.id),
            blob,
        };
        Ok(blobs.into_iter().map(with_state).collect())
    }

    /// Calls `each` for every entry of one index blob in the order of content ids, whether the blob counts or not.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming the blob, those of the store, and what `each` returns.
    pub fn try_for_each_index_entry<E: From<Error>>(
        &self,
        blob: &BlobInfo,
        each: &mut dyn FnMut(ContentInfo) -> Result<(), E>,
    ) -> Result<(), E> {
        let table = match self.fetch_table(blob, false)? {
            Ok(table) => table,
            Err(unstable) => return Err(Error::from(unstable).into()),
        };
        let mut entries = table.cursor();
        while let Some(entry) = entries.next()? {
            each(entry)?;
        }
        Ok(())
    }
}
