//! Reading one blob through, and whether it is what it should be.

use holdfast_storage::BlobId;

use crate::blob_crypto;
use crate::blob_names::BlobFamily;
use crate::format::{BlobConfiguration, FormatBlob};
use crate::index::{IndexReader, InvalidIndex};
use crate::pack::read_payloads;
use crate::repository::Repository;
use crate::{ContentId, ContentInfo, Error, Result};

/// What reading a blob gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All of it is what it should be.
    Whole,
    /// It went away meanwhile.
    Gone,
    /// It is damaged: why, and which contents with it.
    Damaged {
        reason: String,
        contents: Vec<(ContentId, String)>,
        /// Whether the pack does not tell any more which contents it has.
        unlisted: bool,
    },
}

/// Reads a blob and checks all of it that can be. What seems damaged is read a second time.
///
/// # Errors
/// A store that cannot be used; what `stop` fails with.
pub(super) fn read(
    repository: &Repository,
    id: &BlobId,
    length: u64,
    stop: &dyn Fn() -> Result<()>,
) -> Result<Outcome> {
    match read_once(repository, id, length, stop)? {
        Outcome::Damaged { .. } => read_once(repository, id, length, stop),
        outcome => Ok(outcome),
    }
}

fn read_once(
    repository: &Repository,
    id: &BlobId,
    length: u64,
    stop: &dyn Fn() -> Result<()>,
) -> Result<Outcome> {
    stop()?;
    let family = BlobFamily::of(id.as_str());
    let read = match family {
        Some(family) if family.is_pack() => return pack(repository, id, length, stop),
        // Not from the cache, and not all in memory.
        Some(family) if family.is_index() => repository
            .read_index_blob(id)
            .and_then(|plain| index(id, &plain)),
        _ => whole(repository, id, family),
    };
    match read {
        Ok(()) => Ok(Outcome::Whole),
        Err(Error::Storage(error)) if error.is_not_found() => Ok(Outcome::Gone),
        Err(error) if error.is_damage_of_repository() => Ok(Outcome::Damaged {
            reason: error.to_string(),
            contents: Vec::new(),
            unlisted: false,
        }),
        Err(error) => Err(error),
    }
}

/// Blobs that are read in one piece.
fn whole(repository: &Repository, id: &BlobId, family: Option<BlobFamily>) -> Result<()> {
    let data = repository.store().get(id)?;
    match family {
        Some(family) if family.is_sealed_blob() => {
            let (hasher, cipher) = (repository.hasher(), repository.cipher());
            blob_crypto::open(hasher, cipher, id, data.into()).map(drop)
        }
        Some(BlobFamily::Format) => {
            let opened = FormatBlob::parse(&data)?.open(repository.key())?;
            opened.map(drop).map_err(|error| Error::damaged(id, error))
        }
        Some(BlobFamily::BlobConfiguration) => {
            let key = repository.key();
            let opened = BlobConfiguration::open(&data, key, repository.unique_id())?;
            opened.map(drop).map_err(|error| Error::damaged(id, error))
        }
        Some(BlobFamily::Maintenance) => repository.maintenance_schedule().map(drop),
        // Only their names count.
        _ => Ok(()),
    }
}

fn index(id: &BlobId, plain: &[u8]) -> Result<()> {
    let damaged = |error: InvalidIndex| Error::damaged(format_args!("index blob {id}"), error);
    IndexReader::new(plain)
        .and_then(|reader| reader.for_each(|_| -> Result<(), InvalidIndex> { Ok(()) }))
        .map_err(damaged)
}

fn pack(
    repository: &Repository,
    id: &BlobId,
    length: u64,
    stop: &dyn Fn() -> Result<()>,
) -> Result<Outcome> {
    let entries = match repository.local_entries(id, length) {
        Ok((_, entries)) => entries,
        Err(Error::Storage(error)) if error.is_not_found() => return Ok(Outcome::Gone),
        Err(error) if error.is_damage() => {
            return Ok(Outcome::Damaged {
                reason: error.to_string(),
                contents: Vec::new(),
                unlisted: true,
            });
        }
        Err(error) => return Err(error),
    };
    let Some(contents) = lost_contents(repository, id, length, &entries, stop)? else {
        return Ok(Outcome::Gone);
    };
    Ok(match contents.first() {
        None => Outcome::Whole,
        Some((_, reason)) => Outcome::Damaged {
            reason: match contents.len() {
                1 => reason.clone(),
                count => format!(
                    "{count} of its contents cannot be read, the first one because {reason}"
                ),
            },
            contents,
            unlisted: false,
        },
    })
}

/// Those of the contents of a pack that cannot be read, sorted by their places, and why; nothing when the pack is gone.
///
/// # Errors
/// As [`read`].
pub(super) fn lost_contents(
    repository: &Repository,
    pack: &BlobId,
    length: u64,
    entries: &[ContentInfo],
    stop: &dyn Fn() -> Result<()>,
) -> Result<Option<Vec<(ContentId, String)>>> {
    let mut lost = Vec::new();
    let mut gone = false;
    read_payloads(repository, pack, length, entries, &mut |info, data| {
        stop()?;
        match data {
            Ok(_) => {}
            Err(Error::Storage(error)) if error.is_not_found() => gone = true,
            Err(error) if error.is_damage() => lost.push((info.id, error.to_string())),
            Err(error) => return Err(error),
        }
        Ok(())
    })?;
    Ok((!gone).then_some(lost))
}
