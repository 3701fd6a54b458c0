//! What packs say of themselves.

use std::ops::ControlFlow;

use holdfast_storage::{BlobId, BlobInfo, BlobStore};

use super::Repository;
use crate::blob_names::{DATA_PACK, METADATA_PACK};
use crate::error::{Error, Result};
use crate::index::{ContentInfo, IndexReader, InvalidIndex};
use crate::pack::{LocalIndex, read_local_index};

/// Every pack of a store.
///
/// # Errors
/// Of the store.
pub(crate) fn list_packs(store: &dyn BlobStore) -> Result<Vec<BlobInfo>> {
    let mut packs = Vec::new();
    for class in [DATA_PACK, METADATA_PACK] {
        store.list(&class.to_string(), &mut |pack| {
            packs.push(pack);
            ControlFlow::Continue(())
        })?;
    }
    Ok(packs)
}

impl Repository {
    /// The local index of a pack of `length` bytes and its entries for the pack itself, by offset.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming the pack, and those of the store.
    pub(crate) fn local_entries(
        &self,
        pack: &BlobId,
        length: u64,
    ) -> Result<(LocalIndex, Vec<ContentInfo>)> {
        let damaged = |reason: &dyn std::fmt::Display| {
            Error::damaged(format_args!("local index of pack {pack}"), reason)
        };
        let local = read_local_index(self.store.as_ref(), &self.cipher, pack, length)?;
        if self.hasher.hash(&local.plaintext).as_bytes() != local.item {
            return Err(damaged(&"its hash is not the one in the postamble"));
        }
        let mut entries = Vec::new();
        let reader =
            IndexReader::new(local.plaintext.as_slice()).map_err(|error| damaged(&error))?;
        reader
            .for_each(|info| -> Result<(), InvalidIndex> {
                // Tombstones of the session stand here too and name other packs.
                if info.pack == *pack {
                    entries.push(info);
                }
                Ok(())
            })
            .map_err(|error| damaged(&error))?;
        entries.sort_by_key(|info| info.offset);
        Ok((local, entries))
    }
}
