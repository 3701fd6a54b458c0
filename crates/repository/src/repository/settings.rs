//! Format blob and blob configuration, read at open and again every 15 minutes.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_storage::{BlobId, BlobStore, PutOptions, Retention};
use jiff::{SignedDuration, Timestamp};

use crate::blob_names::{BLOBCFG, BlobFamily, FORMAT, encryption_id};
use crate::error::{Error, Result};
use crate::format::{BlobConfiguration, FormatBlob, FormatKey, RepositoryFormat};
use crate::object_lock::is_locked;

/// Longest blob configuration that is read, in bytes.
const MAX_BLOBCFG_LENGTH: u64 = 64 << 10;

/// How many blobs are looked at to find out why there is no format blob.
const MAX_LISTED: usize = 10_000;

/// What the repository demands of its clients at present.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) format: Arc<RepositoryFormat>,
    /// The bytes of the format blob, which packs of some repositories begin with.
    pub(crate) format_bytes: Bytes,
    pub(crate) blobs: BlobConfiguration,
    /// Whether the blob configuration is where it belongs, rather than only a copy in the format blob.
    pub(crate) configuration_settled: bool,
    /// Monotonic time at which it was read.
    pub(crate) read_at: Duration,
}

impl Settings {
    /// Options for storing a blob.
    pub(crate) fn put_options(&self, id: &BlobId, now: Timestamp) -> Result<PutOptions> {
        put_options(&self.blobs, id, now)
    }
}

/// Options for storing a blob: with a retention for the families that format 1 §1.4 names.
pub(super) fn put_options(
    blobs: &BlobConfiguration,
    id: &BlobId,
    now: Timestamp,
) -> Result<PutOptions> {
    let Some(setting) = blobs.retention.filter(|_| is_locked(id)) else {
        return Ok(PutOptions::default());
    };
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

/// Fails when a blob that was to be locked is not: some services take the wish and forget it.
pub(super) fn require_lock(store: &dyn BlobStore, id: &BlobId) -> Result<()> {
    match store.retention(id)? {
        Some(_) => Ok(()),
        None => Err(Error::LockNotKept {
            location: store.location(),
        }),
    }
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

/// The format blob as it lies in the store.
pub(super) struct StoredFormat {
    pub(super) blob: FormatBlob,
    pub(super) bytes: Bytes,
}

/// Reads the format blob; says precisely what is there when it is missing.
pub(super) fn read_format_blob(store: &dyn BlobStore) -> Result<StoredFormat> {
    match get_small(store, FORMAT, crate::format::MAX_FORMAT_BLOB_LENGTH)? {
        Some(bytes) => Ok(StoredFormat {
            blob: FormatBlob::parse(&bytes)?,
            bytes,
        }),
        None => Err(missing(store)?),
    }
}

/// Why there is no format blob.
fn missing(store: &dyn BlobStore) -> Result<Error> {
    let (mut configuration, mut data, mut seen) = (false, None, 0);
    store.list("", &mut |blob| {
        seen += 1;
        let name = blob.id.as_str();
        // Anything may lie in a bucket; only names with a hash in them are those of a repository.
        let own = name.starts_with("kopia.") || encryption_id(name).is_some();
        match BlobFamily::of(name).filter(|_| own) {
            Some(BlobFamily::BlobConfiguration) => configuration = true,
            Some(_) => data = Some(blob.id),
            None => {}
        }
        match data.is_none() && seen < MAX_LISTED {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    let location = store.location();
    Ok(match data {
        Some(found) => Error::RepositoryIncomplete {
            location,
            found: format!("the blob {found}"),
            missing: format!("the format blob {FORMAT}"),
        },
        None if configuration => Error::RepositoryHalfWritten { location },
        None => Error::RepositoryMissing { location },
    })
}

/// The blob configuration as it lies in the store, if there is one.
pub(super) fn read_sealed_configuration(store: &dyn BlobStore) -> Result<Option<Bytes>> {
    get_small(store, BLOBCFG, MAX_BLOBCFG_LENGTH)
}

/// The blob configuration, and whether it was read from its own blob.
fn read_configuration(
    store: &dyn BlobStore,
    blob: &FormatBlob,
    key: &FormatKey,
) -> Result<(BlobConfiguration, bool)> {
    let copy = blob.configuration_copy(key)?;
    let Some(sealed) = read_sealed_configuration(store)? else {
        return Ok((copy.unwrap_or_default(), copy.is_none()));
    };
    match (
        BlobConfiguration::open(&sealed, key, &blob.unique_id)?,
        copy,
    ) {
        (Ok(blobs), _) => Ok((blobs, true)),
        (Err(_), Some(copy)) => Ok((copy, false)),
        (Err(_), None) => Err(Error::ConfigurationUnreadable {
            location: store.location(),
        }),
    }
}

/// Decrypts the format, applies the refusal rules, and reads the blob configuration.
pub(super) fn read_settings(
    store: &dyn BlobStore,
    stored: &StoredFormat,
    key: &FormatKey,
    now: Timestamp,
    read_at: Duration,
) -> Result<Settings> {
    let blob = &stored.blob;
    let format = blob
        .open(key)?
        .map_err(|_not_authentic| Error::WrongPassword {
            location: store.location(),
        })?;
    format.check(now)?;
    let (blobs, configuration_settled) = read_configuration(store, blob, key)?;
    Ok(Settings {
        format: Arc::new(format),
        format_bytes: stored.bytes.clone(),
        blobs,
        configuration_settled,
        read_at,
    })
}
