//! From a location to a store.

use std::sync::Arc;

use holdfast_host::Cancel;

use crate::{
    BlobStore, Error, ErrorKind, Governed, LocalStore, ReadOnly, Result, S3Credentials, S3Options,
    S3Store, StoreLocation,
};

/// How to open a store.
#[derive(Debug, Clone, Default)]
pub struct OpenStore {
    /// The keys for a bucket; directories need none.
    pub credentials: Option<S3Credentials>,
    /// Ends the work on this handle, requests in flight included.
    pub cancel: Cancel,
    /// At most so many bytes of blobs a second into the store.
    pub upload_limit_bytes_per_second: Option<u64>,
    /// At most so many bytes of blobs a second out of it.
    pub download_limit_bytes_per_second: Option<u64>,
    /// Refuse to change anything.
    pub read_only: bool,
    /// Create a directory that is missing. Buckets are never created.
    pub create_directory: bool,
}

impl StoreLocation {
    /// Opens the store. A missing directory or bucket, wrong keys and an unreachable service are found here.
    pub fn open(&self, options: &OpenStore) -> Result<Arc<dyn BlobStore>> {
        let store: Arc<dyn BlobStore> = match self {
            Self::Local(path) => {
                let store = if options.create_directory && !options.read_only {
                    LocalStore::create_directory(path)?
                } else {
                    LocalStore::open(path)?
                };
                Arc::new(Governed::new(
                    Arc::new(store),
                    options.cancel.clone(),
                    options.upload_limit_bytes_per_second,
                    options.download_limit_bytes_per_second,
                ))
            }
            Self::S3(location) => {
                let credentials = options.credentials.as_ref().ok_or_else(|| {
                    Error::new(
                        ErrorKind::Invalid,
                        "open",
                        self.to_string(),
                        "the keys for the bucket are missing",
                    )
                    .hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
                })?;
                let s3_options = S3Options {
                    cancel: options.cancel.clone(),
                    upload_limit: options.upload_limit_bytes_per_second,
                    download_limit: options.download_limit_bytes_per_second,
                    ..S3Options::default()
                };
                Arc::new(S3Store::open(location, credentials, s3_options)?)
            }
        };
        Ok(if options.read_only {
            Arc::new(ReadOnly::new(store))
        } else {
            store
        })
    }
}
