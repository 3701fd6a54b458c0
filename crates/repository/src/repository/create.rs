//! Creating a repository (format 1 §2.6, §14 A).

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_storage::BlobStore;
use secrecy::{ExposeSecret, SecretString};

use super::settings::{self, StoredFormat};
use super::{OpenOptions, Repository, Settings};
use crate::blob_names::{BLOBCFG, FORMAT};
use crate::crypto::{self, EncryptionAlgorithm};
use crate::ecc::{ErrorCorrection, REED_SOLOMON_CRC32};
use crate::error::{Error, Result};
use crate::format::{
    BlobConfiguration, FormatBlob, FormatKey, PACK_SIZES, RepositoryFormat, SecretBytes, VERSIONS,
};
use crate::hash::HashAlgorithm;
use crate::kdf::KeyDerivation;
use crate::splitter::{DEFAULT_SPLITTER, SplitterKind};

/// Version and algorithms of a new repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateOptions {
    /// Version of the format, 1 to 3. Version 1 is for clients of long ago: its password cannot be changed, contents
    /// are not compressed in packs, and its index is not kept in epochs.
    pub format_version: u32,
    /// Hash of contents.
    pub hash: HashAlgorithm,
    /// Encryption of contents.
    pub encryption: EncryptionAlgorithm,
    /// Redundancy against damaged bytes in percent, 1 to 100; 0 for none.
    pub ecc_overhead_percent: u32,
    /// Default splitter.
    pub splitter: String,
    /// Derivation of the key from the password.
    pub key_derivation: KeyDerivation,
    /// When packs are finished, in bytes, 10 to 120 MiB.
    pub max_pack_size: u64,
    /// Object lock of all data.
    pub blobs: BlobConfiguration,
}

impl Default for CreateOptions {
    /// The format's present defaults.
    fn default() -> Self {
        Self {
            format_version: *VERSIONS.end(),
            hash: HashAlgorithm::default(),
            encryption: EncryptionAlgorithm::default(),
            ecc_overhead_percent: 0,
            splitter: DEFAULT_SPLITTER.to_owned(),
            key_derivation: KeyDerivation::default(),
            max_pack_size: crate::format::DEFAULT_MAX_PACK_SIZE,
            blobs: BlobConfiguration::default(),
        }
    }
}

const SECRET_LENGTH: usize = 32;

impl Repository {
    /// Writes the two blobs that make an empty repository, blob configuration first, and opens it. Policies and
    /// maintenance parameters are not written here.
    ///
    /// # Errors
    /// [`Error::LocationNotEmpty`], [`Error::RepositoryHalfWritten`], [`Error::InvalidParameter`], [`Error::LockNotKept`],
    /// and those of the store.
    pub fn initialize(
        store: Arc<dyn BlobStore>,
        password: &SecretString,
        options: &CreateOptions,
        open: &OpenOptions,
    ) -> Result<Arc<Self>> {
        check_options(password, options)?;
        check_empty(store.as_ref())?;
        let unique_id = random_secret()?;
        let mut format = RepositoryFormat::new(
            SecretBytes::new(random_secret()?),
            SecretBytes::new(random_secret()?),
        )
        .with_version(options.format_version);
        format.hash = options.hash.name().to_owned();
        format.encryption = options.encryption.name().to_owned();
        if options.ecc_overhead_percent > 0 {
            format.ecc = REED_SOLOMON_CRC32.to_owned();
            format.ecc_overhead_percent = options.ecc_overhead_percent;
        }
        format.splitter.clone_from(&options.splitter);
        format.max_pack_size = options.max_pack_size;
        let key = FormatKey::new(options.key_derivation.derive(password, &unique_id)?);

        let blob = FormatBlob::seal(&format, &key, unique_id.clone(), options.key_derivation)?;
        let stored = StoredFormat {
            bytes: Bytes::from(blob.to_bytes()),
            blob,
        };
        let settings = Settings {
            format: Arc::new(format),
            format_bytes: stored.bytes.clone(),
            blobs: options.blobs,
            configuration_settled: true,
            read_at: open.clock.monotonic(),
        };
        let blobcfg = Bytes::from(options.blobs.seal(&key, &unique_id)?);
        for (name, bytes) in [(BLOBCFG, blobcfg), (FORMAT, stored.bytes.clone())] {
            let id = settings::known_id(name)?;
            store.put(&id, bytes, &settings.put_options(&id, open.clock.now())?)?;
            // The first blob is the probe: where it is not locked nothing shall stay.
            if name == BLOBCFG
                && options.blobs.retention.is_some()
                && let Err(error) = settings::require_lock(store.as_ref(), &id)
            {
                store.delete(&id)?;
                return Err(error);
            }
        }

        let repository = Self::with_key(store, &stored, key, open)?;
        repository.load_index()?;
        Ok(Arc::new(repository))
    }
}

fn check_options(password: &SecretString, options: &CreateOptions) -> Result<()> {
    if password.expose_secret().is_empty() {
        return Err(Error::InvalidParameter {
            what: "password",
            reason: "it is empty".to_owned(),
        });
    }
    if !VERSIONS.contains(&options.format_version) {
        return Err(Error::InvalidParameter {
            what: "format version",
            reason: format!(
                "there are versions {} to {}",
                VERSIONS.start(),
                VERSIONS.end()
            ),
        });
    }
    if !PACK_SIZES.contains(&options.max_pack_size) {
        return Err(Error::InvalidParameter {
            what: "pack size",
            reason: "it is not within 10 to 120 MiB".to_owned(),
        });
    }
    if let Some(setting) = options.blobs.retention {
        setting.check()?;
    }
    if options.ecc_overhead_percent > 0 && options.format_version == 1 {
        return Err(Error::InvalidParameter {
            what: "error correction",
            reason: "format version 1 has none".to_owned(),
        });
    }
    if options.ecc_overhead_percent > 0 {
        ErrorCorrection::new(options.ecc_overhead_percent)?;
    }
    if SplitterKind::by_name(&options.splitter).is_none() {
        return Err(Error::InvalidParameter {
            what: "splitter",
            reason: format!(
                "{:?} is none of {}",
                options.splitter,
                SplitterKind::NAMES.join(", ")
            ),
        });
    }
    Ok(())
}

fn check_empty(store: &dyn BlobStore) -> Result<()> {
    let (mut first, mut format, mut blobcfg) = (None, false, false);
    store.list("", &mut |blob| {
        format |= blob.id.as_str() == FORMAT;
        blobcfg |= blob.id.as_str() == BLOBCFG;
        first.get_or_insert(blob.id);
        if format {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let location = store.location();
    match first {
        None => Ok(()),
        Some(_) if format => Err(Error::LocationNotEmpty {
            location,
            found: "a repository".to_owned(),
        }),
        Some(_) if blobcfg => Err(Error::RepositoryHalfWritten { location }),
        Some(id) => Err(Error::LocationNotEmpty {
            location,
            found: format!("the blob {id}"),
        }),
    }
}

fn random_secret() -> Result<Vec<u8>> {
    let mut bytes = vec![0; SECRET_LENGTH];
    crypto::random_bytes(&mut bytes)?;
    Ok(bytes)
}
