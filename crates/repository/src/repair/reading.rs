//! Reading single contents, and what proves that one is lost.

use super::Repair;
use crate::compress::{UNCOMPRESSED, decompress};
use crate::index::ContentInfo;
use crate::repository::read_or_loss;
use crate::{Error, Result};

/// A content as it was read.
pub(super) struct Content {
    /// Decrypted, and compressed as the index says.
    pub(super) payload: Vec<u8>,
    /// Unpacked, where it is compressed.
    unpacked: Option<Vec<u8>>,
}

impl Content {
    /// What the content stands for.
    pub(super) fn data(&self) -> &[u8] {
        self.unpacked.as_deref().unwrap_or(&self.payload)
    }
}

impl Repair<'_> {
    /// A content, or why it is lost.
    pub(super) fn content_or_loss(&self, info: &ContentInfo) -> Result<Result<Content, String>> {
        read_or_loss(|| self.content(info))
    }

    /// Reads a content where the entry says, and compares it with its hash.
    pub(super) fn content(&self, info: &ContentInfo) -> Result<Content> {
        let repository = self.repository;
        let mut sealed = vec![0; info.packed_length as usize];
        repository
            .store()
            .get_range(&info.pack, u64::from(info.offset), &mut sealed)?;
        let payload = repository.unseal(info, &mut sealed)?.to_vec();
        let mut content = Content {
            payload,
            unpacked: None,
        };
        if info.compression != UNCOMPRESSED {
            let mut unpacked = Vec::new();
            let length = info.original_length as usize;
            let what = format_args!("content {}", info.id);
            decompress(
                &what,
                info.compression,
                &content.payload,
                length,
                &mut unpacked,
            )?;
            content.unpacked = Some(unpacked);
        }
        let hasher = repository.hasher();
        if hasher.content_id(info.id.prefix(), content.data()) == info.id {
            Ok(content)
        } else {
            Err(Error::damaged(
                format_args!("content {} in pack {}", info.id, info.pack),
                "its hash is another one",
            ))
        }
    }
}
