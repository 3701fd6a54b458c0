//! Opening a repository with its password.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use holdfast_host::{Clock, SystemClock};
use holdfast_storage::BlobStore;
use parking_lot::{Mutex, RwLock};
use secrecy::SecretString;

use super::Repository;
use super::settings::{self, StoredFormat};
use crate::committed::{CommittedIndex, IndexCache};
use crate::crypto::ContentCipher;
use crate::error::Result;
use crate::format::FormatKey;
use crate::hash::Hasher;

/// How a client works with a repository.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Directory for decrypted index blobs, private to this user; without one they are kept in memory.
    pub cache_dir: Option<PathBuf>,
    /// Index blobs below this are kept in that directory only if there is no room for them in memory, in bytes; 0 keeps
    /// all, which saves requests.
    pub cache_min_length: u64,
    /// Source of all times.
    pub clock: Arc<dyn Clock>,
    /// User part of this client's identity.
    pub user: String,
    /// Host part of this client's identity.
    pub host: String,
}

impl Default for OpenOptions {
    /// This machine's clock, user and host, no cache directory.
    fn default() -> Self {
        Self {
            cache_dir: None,
            cache_min_length: 0,
            clock: Arc::new(SystemClock::new()),
            user: holdfast_host::user_name(),
            host: holdfast_host::host_name(),
        }
    }
}

impl Repository {
    /// Opens the repository in `store`: checks the password and the format, and loads the index.
    ///
    /// # Errors
    /// [`RepositoryMissing`](crate::Error::RepositoryMissing),
    /// [`RepositoryHalfWritten`](crate::Error::RepositoryHalfWritten), [`WrongPassword`](crate::Error::WrongPassword),
    /// [`NewerFormat`](crate::Error::NewerFormat), [`NotSupportedYet`](crate::Error::NotSupportedYet),
    /// [`UpgradeLocked`](crate::Error::UpgradeLocked), [`InvalidFormat`](crate::Error::InvalidFormat),
    /// and those of the store and of the index.
    pub fn open(
        store: Arc<dyn BlobStore>,
        password: &SecretString,
        options: &OpenOptions,
    ) -> Result<Arc<Self>> {
        let stored = settings::read_format_blob(store.as_ref())?;
        let key = stored.blob.derive_key(password)?;
        Self::open_blob(store, &stored, key, options)
    }

    /// Opens the repository in `store` with the key that [`FormatBlob::derive_key`] gave, which takes no time: for
    /// those who open one repository again and again.
    ///
    /// # Errors
    /// As [`Self::open`]; [`WrongPassword`](crate::Error::WrongPassword) when the password was changed since.
    ///
    /// [`FormatBlob::derive_key`]: crate::format::FormatBlob::derive_key
    pub fn open_with_key(
        store: Arc<dyn BlobStore>,
        key: &FormatKey,
        options: &OpenOptions,
    ) -> Result<Arc<Self>> {
        let stored = settings::read_format_blob(store.as_ref())?;
        Self::open_blob(store, &stored, key.clone(), options)
    }

    fn open_blob(
        store: Arc<dyn BlobStore>,
        stored: &StoredFormat,
        key: FormatKey,
        options: &OpenOptions,
    ) -> Result<Arc<Self>> {
        let repository = Self::with_key(store, stored, key, options)?;
        repository
            .load_index()
            .map_err(|error| repository.explain(error))?;
        repository.refuse_lost_index()?;
        Ok(Arc::new(repository))
    }

    /// The repository without its index.
    pub(super) fn with_key(
        store: Arc<dyn BlobStore>,
        stored: &StoredFormat,
        key: FormatKey,
        options: &OpenOptions,
    ) -> Result<Self> {
        let clock = options.clock.clone();
        let settings =
            settings::read_settings(store.as_ref(), stored, &key, clock.now(), clock.monotonic())?;
        let algorithms = settings.format.check(clock.now())?;
        Ok(Self {
            hasher: Hasher::new(algorithms.hash, settings.format.secret.expose())?,
            cipher: ContentCipher::new(algorithms.encryption, settings.format.master_key.expose())
                .with_error_correction(settings.format.error_correction()?),
            unique_id: stored.blob.unique_id.clone(),
            key,
            user: options.user.clone(),
            host: options.host.clone(),
            settings: RwLock::new(Arc::new(settings)),
            index: RwLock::new(Arc::new(CommittedIndex::new(Vec::new(), 0, Duration::ZERO))),
            set_aside: RwLock::default(),
            loading: Mutex::new(()),
            cache: options.cache_dir.as_deref().map(|directory| {
                IndexCache::new(directory, &stored.blob.unique_id, options.cache_min_length)
            }),
            store,
            clock,
        })
    }
}
