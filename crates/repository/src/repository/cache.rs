//! What users of a repository keep of it on the local disk, and could make again at any time.

use std::path::PathBuf;
use std::sync::Arc;

use ring::aead::{AES_256_GCM, LessSafeKey};

use super::Repository;
use crate::crypto::{self, NotAuthentic};
use crate::error::Result;

/// Seals what is kept for one purpose, so that a copy of the disk tells nothing and a changed file is noticed.
#[derive(Clone)]
pub struct CacheSeal {
    key: Arc<LessSafeKey>,
}

impl std::fmt::Debug for CacheSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CacheSeal(redacted)")
    }
}

impl CacheSeal {
    /// Seals a copy of `plaintext`. Whoever opens it must say the same `context`.
    ///
    /// # Errors
    /// [`Error::Random`](crate::Error::Random).
    pub fn seal(&self, context: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
        crypto::seal_to_vec(&self.key, context, plaintext)
    }

    /// Opens what [`Self::seal`] made, where it lies.
    ///
    /// # Errors
    /// [`NotAuthentic`]; `sealed` then holds nothing of use.
    pub fn open<'a>(&self, context: &[u8], sealed: &'a mut [u8]) -> Result<&'a [u8], NotAuthentic> {
        crypto::open(&self.key, context, sealed).map(|plain| &*plain)
    }
}

impl Repository {
    /// A folder of this repository's own below the cache directory it was opened with, private to this user; nothing
    /// without such a directory, or, with a warning, when it cannot be made.
    #[must_use]
    pub fn cache_folder(&self, name: &str) -> Option<PathBuf> {
        self.cache.as_ref()?.folder_beside(name)
    }

    /// The seal for what is kept for this purpose. It outlives a change of the password.
    #[must_use]
    pub fn cache_seal(&self, purpose: &str) -> CacheSeal {
        let key = self.key.cache(&self.format(), &self.unique_id, purpose);
        CacheSeal {
            key: Arc::new(crypto::less_safe_key(&AES_256_GCM, key.expose())),
        }
    }
}
