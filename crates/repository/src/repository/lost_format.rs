//! Opening a repository whose format blob may be damaged: it is looked for in the packs (format 1 §2.7).

use std::sync::Arc;

use bytes::Bytes;
use holdfast_storage::{BlobId, BlobInfo, BlobStore};

use super::packs::list_packs;
use super::settings::{self, StoredFormat};
use super::{OpenOptions, Repository};
use crate::blob_names::FORMAT;
use crate::error::{Error, Result};
use crate::format::{FormatBlob, FormatKey, RepositoryFormat};
use crate::pack::read_format_copy;

/// How many packs are searched for the format blob, the newest first. In repositories whose packs carry it, every pack
/// does; in others a wrong password must not cost a look at all packs.
const MAX_SEARCHED: usize = 64;

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
pub(crate) fn find_format(store: &dyn BlobStore, key_of: KeyOf<'_>) -> Result<FoundFormat> {
    let (found, error) = match settings::read_format_blob(store) {
        Ok(stored) => match opens(store, &stored.blob, key_of, |_| true) {
            Ok(key) => {
                return Ok(FoundFormat {
                    stored,
                    key,
                    copy: None,
                });
            }
            Err(error) => (Some(stored), error),
        },
        Err(error) => (None, error),
    };
    // A format that is too new, or a store that fails, is no damage.
    if !matches!(
        error,
        Error::InvalidFormat { .. }
            | Error::WrongPassword { .. }
            | Error::RepositoryIncomplete { .. }
    ) {
        return Err(error);
    }
    for pack in newest_packs(store)? {
        let copy = match read_format_copy(store, &pack.id, pack.length) {
            Ok(copy) => copy,
            Err(Error::Storage(error)) if error.is_about_blob() => None,
            Err(error) => return Err(error),
        };
        let Some(bytes) = copy.map(Bytes::from) else {
            continue;
        };
        if found.as_ref().is_some_and(|found| found.bytes == bytes) {
            // The blob is what it was, so the password is another one.
            return Err(error);
        }
        let Ok(blob) = FormatBlob::parse(&bytes) else {
            continue;
        };
        // A copy under an old password would lock others out.
        if let Ok(key) = opens(store, &blob, key_of, |format| {
            !format.enable_password_change
        }) {
            return Ok(FoundFormat {
                stored: StoredFormat { blob, bytes },
                key,
                copy: Some(FormatCopy {
                    pack: pack.id,
                    reason: error.to_string(),
                }),
            });
        }
    }
    Err(error)
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

fn newest_packs(store: &dyn BlobStore) -> Result<Vec<BlobInfo>> {
    let mut packs = list_packs(store)?;
    packs.sort_by_key(|pack| std::cmp::Reverse(pack.modified));
    packs.truncate(MAX_SEARCHED);
    Ok(packs)
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

    /// Writes the format blob as it is known.
    pub(crate) fn restore_format_blob(&self) -> Result<()> {
        let id = settings::known_id(FORMAT)?;
        let options = self.put_options(&id)?;
        let bytes = self.settings().format_bytes.clone();
        Ok(self.store.put(&id, bytes, &options)?)
    }
}
