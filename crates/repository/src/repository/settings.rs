//! Format blob and blob configuration, read at open and again every 15 minutes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_storage::{BlobId, BlobStore, PutOptions, Retention};
use jiff::{SignedDuration, Timestamp};

use crate::blob_names::{BLOBCFG, BlobFamily, FORMAT};
use crate::error::{Error, Result};
use crate::format::{BlobConfiguration, FormatBlob, FormatKey, RepositoryFormat};

/// Longest blob configuration that is read, in bytes.
const MAX_BLOBCFG_LENGTH: u64 = 64 << 10;

/// What the repository demands of its clients at present.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) format: Arc<RepositoryFormat>,
    pub(crate) blobs: BlobConfiguration,
    /// Monotonic time at which it was read.
    pub(crate) read_at: Duration,
}

impl Settings {
    /// Options for storing a blob: with a retention for the families that format 1 §1.4 names.
    pub(crate) fn put_options(&self, id: &BlobId, now: Timestamp) -> Result<PutOptions> {
        let Some(setting) = self.blobs.retention else {
            return Ok(PutOptions::default());
        };
        if !is_locked(id) {
            return Ok(PutOptions::default());
        }
        let until = SignedDuration::try_from(setting.period)
            .ok()
            .and_then(|period| now.checked_add(period).ok())
            .ok_or_else(|| Error::InvalidFormat {
                blob: BLOBCFG,
                reason: "the retention never ends".to_owned(),
            })?;
        Ok(PutOptions {
            retention: Some(Retention {
                mode: setting.mode,
                until,
            }),
        })
    }
}

fn is_locked(id: &BlobId) -> bool {
    id.as_str().starts_with(['n', 'x', 'p', 'q'])
        || matches!(
            BlobFamily::of(id.as_str()),
            Some(BlobFamily::Format | BlobFamily::FormatBackup | BlobFamily::BlobConfiguration)
        )
}

/// A blob of one of the names that this crate chooses.
pub(super) fn known_id(name: &'static str) -> Result<BlobId> {
    crate::blob_names::blob_id(name.to_owned())
}

/// Reads a small blob that may be missing.
fn get_small(store: &dyn BlobStore, name: &'static str, limit: u64) -> Result<Option<Bytes>> {
    let id = known_id(name)?;
    let length = match store.stat(&id) {
        Ok(info) => info.length,
        Err(e) if e.is_not_found() => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    if length > limit {
        return Err(Error::InvalidFormat {
            blob: name,
            reason: format!("it has {length} bytes"),
        });
    }
    match store.get(&id) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Reads the format blob; says precisely what is there when it is missing.
pub(super) fn read_format_blob(store: &dyn BlobStore) -> Result<FormatBlob> {
    match get_small(store, FORMAT, crate::format::MAX_FORMAT_BLOB_LENGTH)? {
        Some(bytes) => FormatBlob::parse(&bytes),
        None => Err(missing(store)?),
    }
}

fn missing(store: &dyn BlobStore) -> Result<Error> {
    let location = store.location();
    match store.stat(&known_id(BLOBCFG)?) {
        Ok(_) => Ok(Error::RepositoryHalfWritten { location }),
        Err(e) if e.is_not_found() => Ok(Error::RepositoryMissing { location }),
        Err(e) => Err(e.into()),
    }
}

/// Decrypts the format, applies the refusal rules, and reads the blob configuration.
pub(super) fn read_settings(
    store: &dyn BlobStore,
    blob: &FormatBlob,
    key: &FormatKey,
    now: Timestamp,
    read_at: Duration,
) -> Result<Settings> {
    let format = blob
        .open(key)?
        .map_err(|_not_authentic| Error::WrongPassword {
            location: store.location(),
        })?;
    format.check(now)?;
    let blobs = match get_small(store, BLOBCFG, MAX_BLOBCFG_LENGTH)? {
        Some(sealed) => BlobConfiguration::open(&sealed, key, &blob.unique_id)?,
        None => BlobConfiguration::default(),
    };
    Ok(Settings {
        format: Arc::new(format),
        blobs,
        read_at,
    })
}
