//! Index blobs (format 1 §7, §8).

use std::collections::HashMap;

use holdfast_storage::BlobId;

use super::{CheckStage, Run};
use crate::blob_names::{BlobFamily, session_of};
use crate::index::{IndexEntry, IndexReader, InvalidIndex, RANDOM_SUFFIX_LENGTH, encode_as};
use crate::{Error, Result};

/// Larger index blobs are only read through, not encoded again, bytes: that would hold a million entries and more.
const MAX_ENCODED: usize = 32 << 20;

impl Run<'_> {
    /// Every index blob that counts is decrypted, its name compared with its hash and each entry resolved. Strictly:
    /// encoding the entries again gives the same bytes.
    pub(super) fn indexes(&mut self) -> Result<()> {
        let ids = self.repository.active_index_blobs();
        self.report.counts.index_blobs = ids.len() as u64;
        for (at, id) in ids.iter().enumerate() {
            self.go_on()?;
            self.progress(CheckStage::Indexes, at as u64, ids.len() as u64);
            let checked = self.repository.read_index_blob(id).and_then(|plaintext| {
                if self.options.strict {
                    compare(id, &plaintext)
                } else {
                    read_through(id, &plaintext)
                }
            });
            if let Err(error) = checked {
                self.finding(format!("index blob {id}"), error)?;
            }
        }
        Ok(())
    }
}

fn damaged(id: &BlobId, reason: impl std::fmt::Display) -> Error {
    Error::damaged(format_args!("index blob {id}"), reason)
}

fn read_through(id: &BlobId, plaintext: &[u8]) -> Result<()> {
    let reader = IndexReader::new(plaintext).map_err(|error| damaged(id, error))?;
    let mut unusable = 0;
    let read = reader.for_each(|info| -> Result<(), InvalidIndex> {
        unusable += u32::from(info.is_unusable());
        Ok(())
    });
    read.map_err(|error| damaged(id, error))?;
    if unusable > 0 {
        return Err(damaged(
            id,
            format_args!("{unusable} entries point outside its tables"),
        ));
    }
    Ok(())
}

fn compare(id: &BlobId, plaintext: &[u8]) -> Result<()> {
    read_through(id, plaintext)?;
    if plaintext.len() > MAX_ENCODED {
        return Ok(());
    }
    let again = encode_again(id, plaintext)?;
    // Compactions outside epochs, which no session writes, end with random bytes.
    let compacted = BlobFamily::of(id.as_str()) == Some(BlobFamily::LegacyIndex)
        && session_of(id.as_str()).is_none();
    let suffix = if compacted { RANDOM_SUFFIX_LENGTH } else { 0 };
    if plaintext.strip_prefix(again.as_slice()).map(<[u8]>::len) != Some(suffix) {
        return Err(damaged(id, "encoding its entries again gives other bytes"));
    }
    Ok(())
}

/// The stable form of the entries of an index, in its own version.
pub(super) fn encode_again(id: &BlobId, plaintext: &[u8]) -> Result<Vec<u8>> {
    let reader = IndexReader::new(plaintext).map_err(|error| damaged(id, error))?;
    let mut numbers: HashMap<BlobId, u32> = HashMap::new();
    let mut packs = Vec::new();
    let mut entries = Vec::new();
    let mut too_late = None;
    let read = reader.for_each(|info| -> Result<(), InvalidIndex> {
        let number = *numbers.entry(info.pack.clone()).or_insert_with(|| {
            packs.push(info.pack.clone());
            packs.len() as u32 - 1
        });
        match IndexEntry::from_info(&info, number) {
            Ok(entry) => entries.push(entry),
            Err(error) => too_late = Some(error),
        }
        Ok(())
    });
    read.map_err(|error| damaged(id, error))?;
    if let Some(error) = too_late {
        return Err(damaged(id, error));
    }
    let version = plaintext.first().copied().unwrap_or_default();
    encode_as(version.into(), &mut entries, &packs)
}
