//! Reading contents (format 1 §6.6).

use std::sync::Arc;

use bytes::Bytes;
use holdfast_storage::BlobId;

use super::Repository;
use crate::compress::{UNCOMPRESSED, decompress};
use crate::content_id::ContentId;
use crate::crypto::NONCE_LENGTH;
use crate::error::{Error, Result};
use crate::index::{ContentInfo, MAX_LENGTH};

/// Which contents [`Repository::for_each_content`] shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContentFilter {
    /// Also those that are deleted but still readable.
    pub include_deleted: bool,
    /// Only those with this first character: a letter, or 0 for contents without a prefix.
    pub prefix: Option<u8>,
}

impl Repository {
    /// Looks a content up. A deleted one is returned, with its mark, as long as it can be read.
    ///
    /// # Errors
    /// [`Error::Damaged`] for an unusable index blob, and those of a renewal of the index.
    pub fn content_info(&self, id: &ContentId) -> Result<Option<ContentInfo>> {
        self.index()?.find(id)
    }

    /// Whether a content is there and may be referred to: one that is marked as deleted, or whose entry is unusable, is on
    /// its way out. Costs less than [`Self::content_info`].
    ///
    /// # Errors
    /// As [`Self::content_info`].
    pub fn is_live(&self, id: &ContentId) -> Result<bool> {
        self.index()?.is_live(id)
    }

    /// Calls `each` for all published contents in the order of their ids.
    ///
    /// # Errors
    /// As [`Self::content_info`], and what `each` returns.
    pub fn for_each_content(
        &self,
        filter: ContentFilter,
        each: &mut dyn FnMut(ContentInfo) -> Result<()>,
    ) -> Result<()> {
        self.try_for_each_content(filter, each)
    }

    /// As [`Self::for_each_content`], with the caller's own kind of error. Memory does not grow with the number of
    /// contents where the repository was opened with a cache directory.
    ///
    /// # Errors
    /// As [`Self::content_info`], and what `each` returns.
    pub fn try_for_each_content<E: From<Error>>(
        &self,
        filter: ContentFilter,
        each: &mut dyn FnMut(ContentInfo) -> Result<(), E>,
    ) -> Result<(), E> {
        self.index()?
            .try_for_each(
                filter.prefix,
                &mut |info| match filter.include_deleted || !info.deleted {
                    true => each(info),
                    false => Ok(()),
                },
            )
    }

    /// All published contents that are not deleted, in the order of their ids; for repositories small enough.
    ///
    /// # Errors
    /// As [`Self::for_each_content`].
    pub fn contents(&self) -> Result<Vec<ContentInfo>> {
        let mut contents = Vec::new();
        self.for_each_content(ContentFilter::default(), &mut |info| {
            contents.push(info);
            Ok(())
        })?;
        Ok(contents)
    }

    /// Names of the index blobs that make up the present view, in no special order.
    #[must_use]
    pub fn active_index_blobs(&self) -> Vec<BlobId> {
        self.index
            .read()
            .tables()
            .iter()
            .map(|table| table.id().clone())
            .collect()
    }

    /// Reads, authenticates and unpacks one content. When its pack is gone, the index is renewed once, because
    /// maintenance may have moved the content.
    ///
    /// # Errors
    /// [`Error::ContentMissing`], [`Error::PackMissing`], [`Error::Damaged`], and those of store and index.
    pub fn read_content(&self, id: &ContentId) -> Result<Bytes> {
        let index = self.index()?;
        let info = index.find(id)?.ok_or(Error::ContentMissing { id: *id })?;
        match self.fetch(&info) {
            Err(Error::Storage(e)) if e.is_not_found() => {}
            other => return other,
        }
        // Nothing else may have renewed it meanwhile, or this thread asks the store itself.
        if Arc::ptr_eq(&index, &self.index.read()) {
            self.refresh()?;
        }
        let info = self
            .content_info(id)?
            .ok_or(Error::ContentMissing { id: *id })?;
        match self.fetch(&info) {
            Err(Error::Storage(e)) if e.is_not_found() => Err(Error::PackMissing {
                id: *id,
                pack: info.pack,
            }),
            other => other,
        }
    }

    fn fetch(&self, info: &ContentInfo) -> Result<Bytes> {
        check_entry(info)?;
        let mut sealed = vec![0; info.packed_length as usize];
        self.store
            .get_range(&info.pack, u64::from(info.offset), &mut sealed)?;
        let mut scratch = Vec::new();
        let length = self.open_payload(info, &mut sealed, &mut scratch)?.len();
        if info.compression == UNCOMPRESSED {
            Ok(Bytes::from(sealed).slice(NONCE_LENGTH..NONCE_LENGTH + length))
        } else {
            Ok(Bytes::from(scratch))
        }
    }

    /// Opens a payload that the caller fetched from `[offset, offset + packed_length)` of the pack. A raw content
    /// is decrypted where it lies, a compressed one is unpacked into `scratch`; the result is in either.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming the content, [`Error::NotSupportedYet`] for its compression.
    pub fn open_payload<'a>(
        &self,
        info: &ContentInfo,
        sealed: &'a mut [u8],
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8]> {
        let plain = self.unseal(info, sealed)?;
        if info.compression == UNCOMPRESSED {
            return Ok(plain);
        }
        let length = info.original_length as usize;
        decompress(
            &format_args!("content {}", info.id),
            info.compression,
            plain,
            length,
            scratch,
        )?;
        Ok(scratch)
    }
}

impl Repository {
    /// Decrypts a payload where it lies; the result is still compressed as the index says.
    pub(crate) fn unseal<'a>(&self, info: &ContentInfo, sealed: &'a mut [u8]) -> Result<&'a [u8]> {
        let damaged = |reason: &dyn std::fmt::Display| {
            Error::damaged(
                format_args!("content {} in pack {}", info.id, info.pack),
                reason,
            )
        };
        check_entry(info)?;
        if sealed.len() != info.packed_length as usize {
            return Err(damaged(&"its length differs from the index"));
        }
        let plain = self
            .cipher
            .open_in_place(info.id.encryption_id(), sealed)
            .map_err(|e| damaged(&e))?;
        if info.compression == UNCOMPRESSED && plain.len() != info.original_length as usize {
            return Err(damaged(&"its length differs from the index"));
        }
        Ok(plain)
    }
}

/// Refuses entries that cannot be read whatever the pack holds.
fn check_entry(info: &ContentInfo) -> Result<()> {
    let what = || format!("index entry of content {}", info.id);
    if info.is_unusable() {
        return Err(Error::damaged(what(), "it points outside its index"));
    }
    if info.encryption_key_id != 0 {
        return Err(Error::NewerFormat {
            reason: format!("unknown encryption key of content {}", info.id),
        });
    }
    if info.packed_length as usize >= MAX_LENGTH || info.original_length as usize >= MAX_LENGTH {
        return Err(Error::damaged(what(), "its length exceeds 2^28"));
    }
    Ok(())
}
