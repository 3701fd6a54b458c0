//! Opening a repository whose format blob may be damaged: it is looked for in the packs (format 1 §2.7).

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_storage::{BlobId, BlobInfo, BlobStore};
use jiff::Timestamp;

use super::packs::list_packs;
use super::settings::{self, StoredFormat};
use super::{OpenOptions, Repository};
use crate::blob_names::{FORMAT, METADATA_PACK};
use crate::crypto::ContentCipher;
use crate::error::{Error, Result};
use crate::format::{FormatBlob, FormatKey, RepositoryFormat};
use crate::index::{IndexReader, InvalidIndex};
use crate::pack::{read_format_copy, read_local_index};

/// How many packs are searched for the format blob, the newest first. In repositories whose packs carry it, every pack
/// does; in others a wrong password must not cost a look at all packs.
const MAX_SEARCHED: usize = 64;

/// What is wrong with a pack that [`Repository::lacks_format_copy`].
pub(crate) const NO_FORMAT_COPY: &str = "it carries no copy of the format blob";

/// Where the key of a format blob comes from: a password, or the caller has it.
pub(crate) type KeyOf<'a> = &'a dyn Fn(&FormatBlob) -> Result<FormatKey>;

/// The format blob, taken from a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormatCopy {
    /// The pack that carries it.
    pub(crate) pack: BlobId,
    /// Why the blob itself cannot be used.
    pub(crate) reason: String,
}

/// The format of a repository with its key.
pub(crate) struct FoundFormat {
    stored: StoredFormat,
    key: FormatKey,
    /// Set when it comes from a pack.
    pub(crate) copy: Option<FormatCopy>,
}

/// Finds the format blob, or else the newest copy of it in the packs that the key opens.
///
/// # Errors
/// Those of reading the format blob, when no pack carries a copy that can be used.
pub(crate) fn find_format(
    store: &dyn BlobStore,
    key_of: KeyOf<'_>,
    now: Timestamp,
) -> Result<FoundFormat> {
    let (found, error) = match read_format(store, key_of, None) {
        Ok(found) => return Ok(found),
        // What was garbled on its way is not damaged where it lies.
        Err(before) => match read_format(store, key_of, Some(before)) {
            Ok(found) => return Ok(found),
            Err(failed) => *failed,
        },
    };
    // A format that is too new, or a store that fails, is no damage.
    if !is_damage(&error) {
        return Err(error);
    }
    let mut packs = list_packs(store)?;
    packs.sort_by_key(|pack| std::cmp::Reverse(pack.modified));
    let newest = &packs[..packs.len().min(MAX_SEARCHED)];
    let Some((pack, blob, key)) = first_copy(store, newest, key_of, found.as_ref())? else {
        return Err(error);
    };
    let (pack, stored) = newest_copy(store, &packs, (pack, blob), &key, now)?;
    Ok(FoundFormat {
        stored,
        key,
        copy: Some(FormatCopy {
            pack,
            reason: error.to_string(),
        }),
    })
}

/// A format blob as far as it could be read, and why it cannot be used.
type Unusable = Box<(Option<StoredFormat>, Error)>;

fn is_damage(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidFormat { .. }
            | Error::WrongPassword { .. }
            | Error::RepositoryIncomplete { .. }
    )
}

/// The format blob. The key is not derived once more for what was read `before`.
fn read_format(
    store: &dyn BlobStore,
    key_of: KeyOf<'_>,
    before: Option<Unusable>,
) -> Result<FoundFormat, Unusable> {
    let stored = settings::read_format_blob(store).map_err(|error| Box::new((None, error)))?;
    let is_same = |before: &Unusable| {
        let blob = before.0.as_ref();
        blob.is_some_and(|before| before.bytes == stored.bytes)
    };
    if let Some(before) = before.filter(is_same) {
        return Err(before);
    }
    match opens(store, &stored.blob, key_of, |_| true) {
        Ok(key) => Ok(FoundFormat {
            stored,
            key,
            copy: None,
        }),
        Err(error) => Err(Box::new((Some(stored), error))),
    }
}

/// The first pack that carries a copy which the key opens, the copy and the key; nothing when the format blob is what it
/// was, so that the password is another one.
fn first_copy(
    store: &dyn BlobStore,
    packs: &[BlobInfo],
    key_of: KeyOf<'_>,
    found: Option<&StoredFormat>,
) -> Result<Option<(BlobId, StoredFormat, FormatKey)>> {
    for pack in packs {
        let Some(stored) = copy_in(store, pack)? else {
            continue;
        };
        if found.is_some_and(|found| found.bytes == stored.bytes) {
            return Ok(None);
        }
        // A copy under an old password would lock others out.
        let fits = |format: &RepositoryFormat| !format.enable_password_change;
        if let Ok(key) = opens(store, &stored.blob, key_of, fits) {
            return Ok(Some((pack.id.clone(), stored, key)));
        }
    }
    Ok(None)
}

/// The copy that was written last, with a pack that carries it. Times of the store say when a pack was copied rather than
/// written, so the entries in the packs tell; every session writes a pack of metadata.
fn newest_copy(
    store: &dyn BlobStore,
    packs: &[BlobInfo],
    first: (BlobId, StoredFormat),
    key: &FormatKey,
    now: Timestamp,
) -> Result<(BlobId, StoredFormat)> {
    let mut copies: HashMap<Bytes, Vec<BlobInfo>> = HashMap::new();
    for (at, pack) in packs.iter().enumerate() {
        if (at < MAX_SEARCHED || pack.id.as_str().starts_with(METADATA_PACK))
            && let Some(stored) = copy_in(store, pack)?
        {
            copies.entry(stored.bytes).or_default().push(pack.clone());
        }
    }
    if copies.len() < 2 {
        return Ok(first);
    }
    let mut best = ((0, Timestamp::MIN), first);
    for (bytes, packs) in copies {
        let Ok(blob) = FormatBlob::parse(&bytes) else {
            continue;
        };
        let format = match blob.open(key)? {
            Ok(format) if !format.enable_password_change => format,
            _ => continue,
        };
        let Ok(algorithms) = format.check(now) else {
            continue;
        };
        let cipher = ContentCipher::new(algorithms.encryption, format.master_key.expose())
            .with_error_correction(format.error_correction()?);
        for pack in packs {
            let written = (last_entry(store, &cipher, &pack)?, pack.modified);
            if written.0 > 0 && written > best.0 {
                let stored = StoredFormat {
                    blob: FormatBlob::parse(&bytes)?,
                    bytes: bytes.clone(),
                };
                best = (written, (pack.id, stored));
            }
        }
    }
    Ok(best.1)
}

/// The time of the last entry of a pack, unix seconds; 0 when its local index cannot be read with this cipher.
fn last_entry(store: &dyn BlobStore, cipher: &ContentCipher, pack: &BlobInfo) -> Result<u64> {
    let local = match read_local_index(store, cipher, &pack.id, pack.length) {
        Ok(local) => local,
        Err(error) if error.is_damage() => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut last = 0;
    if let Ok(reader) = IndexReader::new(local.plaintext.as_slice()) {
        let read = reader.for_each(|info| -> Result<(), InvalidIndex> {
            last = last.max(info.time);
            Ok(())
        });
        last = read.map_or(0, |()| last);
    }
    Ok(last)
}

/// The copy that a pack carries, if it is a format blob.
fn copy_in(store: &dyn BlobStore, pack: &BlobInfo) -> Result<Option<StoredFormat>> {
    let copy = match read_format_copy(store, &pack.id, pack.length) {
        Ok(copy) => copy,
        Err(Error::Storage(error)) if error.is_about_blob() => None,
        Err(error) => return Err(error),
    };
    Ok(copy.map(Bytes::from).and_then(|bytes| {
        let blob = FormatBlob::parse(&bytes).ok()?;
        Some(StoredFormat { blob, bytes })
    }))
}

/// The key, if it opens the blob and what is inside fits.
fn opens(
    store: &dyn BlobStore,
    blob: &FormatBlob,
    key_of: KeyOf<'_>,
    fits: fn(&RepositoryFormat) -> bool,
) -> Result<FormatKey> {
    let key = key_of(blob)?;
    match blob.open(&key)? {
        Ok(format) if fits(&format) => Ok(key),
        _ => Err(Error::WrongPassword {
            location: store.location(),
        }),
    }
}

impl Repository {
    /// Opens a repository of which parts may be damaged. Its index is not loaded; see
    /// [`Repository::load_readable_index`].
    pub(crate) fn open_damaged(
        store: Arc<dyn BlobStore>,
        found: FoundFormat,
        options: &OpenOptions,
    ) -> Result<Self> {
        // A copy in the cache would hide that the blob itself cannot be read.
        let options = OpenOptions {
            cache_dir: None,
            ..options.clone()
        };
        Self::with_key(store, &found.stored, found.key, &options)
    }

    /// Whether a pack of `length` bytes should begin with a copy of the format blob and does not: all packs do in a
    /// repository whose keys depend on the password, for the case that the blob is lost.
    pub(crate) fn lacks_format_copy(&self, pack: &BlobId, length: u64) -> Result<bool> {
        if self.format().enable_password_change {
            return Ok(false);
        }
        let copy = read_format_copy(self.store.as_ref(), pack, length)?;
        let copy = copy.and_then(|bytes| FormatBlob::parse(&bytes).ok());
        Ok(copy.is_none_or(|blob| blob.unique_id != self.unique_id))
    }

    /// Writes the format blob as it is known.
    pub(crate) fn restore_format_blob(&self) -> Result<()> {
        let id = settings::known_id(FORMAT)?;
        let options = self.put_options(&id)?;
        let bytes = self.settings().format_bytes.clone();
        Ok(self.store.put(&id, bytes, &options)?)
    }
}
