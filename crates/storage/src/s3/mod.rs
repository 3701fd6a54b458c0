//! A repository in an S3 bucket (format 1 §1.4), through the AWS SDK.
//!
//! The SDK signs and speaks HTTP. Everything about when to try again, how long to wait and when to
//! give up is here, because it must follow [`Cancel`] and the format's rules.

mod body;
mod client;
mod errors;
mod idle;
mod operations;
mod pace;
mod retention;
mod retry;
mod storage_class;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use bytes::Bytes;
use holdfast_host::Cancel;
use secrecy::SecretString;

use self::storage_class::StorageClasses;
use crate::rate::RateLimit;
use crate::stop::Stop;
use crate::writer::BufferedWriter;
use crate::{
    BlobId, BlobInfo, BlobStore, BlobWriter, Capabilities, PutOptions, Result, Retention,
    S3Location, TransferCounters,
};

/// What proves to the service who we are.
#[derive(Debug, Clone)]
pub struct S3Credentials {
    /// The access key's id; not secret.
    pub access_key_id: String,
    /// The key that signs requests.
    pub secret_access_key: SecretString,
    /// Belongs to keys that were lent for some hours.
    pub session_token: Option<SecretString>,
}

/// How to use a bucket.
#[derive(Debug, Clone)]
pub struct S3Options {
    /// Ends requests in flight, and waits between attempts.
    pub cancel: Cancel,
    /// At most so many bytes of blobs a second to the service.
    pub upload_limit: Option<u64>,
    /// At most so many bytes of blobs a second from the service.
    pub download_limit: Option<u64>,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a request may go without a byte in either direction.
    pub idle_timeout: Duration,
    /// How often a request is tried; the format says 10.
    pub attempts: u32,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            cancel: Cancel::new(),
            upload_limit: None,
            download_limit: None,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            attempts: 10,
        }
    }
}

/// A store in a bucket. Clones share connections, limits and counters.
#[derive(Clone)]
pub struct S3Store {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    location: S3Location,
    options: S3Options,
    stop: Stop,
    upload_limit: Option<Arc<RateLimit>>,
    download_limit: Option<Arc<RateLimit>>,
    storage_classes: StorageClasses,
    counters: Arc<TransferCounters>,
}

impl S3Store {
    /// Connects, and reads the settings that the bucket may hold for us. Wrong keys, a missing
    /// bucket and an unreachable service are therefore found here.
    pub fn open(
        location: &S3Location,
        credentials: &S3Credentials,
        options: S3Options,
    ) -> Result<Self> {
        let mut inner = Inner {
            client: client::build(location, credentials, &options),
            location: location.clone(),
            upload_limit: options
                .upload_limit
                .map(|limit| Arc::new(RateLimit::new(limit))),
            download_limit: options
                .download_limit
                .map(|limit| Arc::new(RateLimit::new(limit))),
            stop: Stop::new(options.cancel.clone()),
            options,
            storage_classes: StorageClasses::default(),
            counters: Arc::default(),
        };
        inner.storage_classes = inner.load_storage_classes()?;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }
}

impl std::fmt::Debug for S3Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("S3Store")
            .field(&self.inner.location)
            .finish()
    }
}

impl BlobStore for S3Store {
    fn put(&self, id: &BlobId, data: Bytes, options: &PutOptions) -> Result<()> {
        self.inner.put(id, &data, options)
    }

    fn create(&self, id: &BlobId, options: &PutOptions) -> Result<Box<dyn BlobWriter>> {
        Ok(Box::new(BufferedWriter::new(
            Arc::new(self.clone()),
            id.clone(),
            options.clone(),
        )))
    }

    fn get(&self, id: &BlobId) -> Result<Bytes> {
        self.inner.get(id)
    }

    fn get_range(&self, id: &BlobId, offset: u64, buffer: &mut [u8]) -> Result<()> {
        if buffer.is_empty() {
            return Ok(());
        }
        self.inner.get_range(id, offset, buffer)
    }

    fn stat(&self, id: &BlobId) -> Result<BlobInfo> {
        self.inner.stat(id)
    }

    fn delete(&self, id: &BlobId) -> Result<()> {
        self.inner.delete(id)
    }

    fn extend_retention(&self, id: &BlobId, retention: Retention) -> Result<()> {
        self.inner.extend_retention(id, retention)
    }

    fn retention(&self, id: &BlobId) -> Result<Option<Retention>> {
        self.inner.retention(id)
    }

    fn list(&self, prefix: &str, each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>) -> Result<()> {
        self.inner.list(prefix, each)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            streaming_writes: false,
            ordered_list: true,
            object_lock: true,
            writable: true,
        }
    }

    fn location(&self) -> String {
        self.inner.name()
    }

    fn finish_within(&self, time: Duration) {
        self.inner.stop.finish_within(time);
    }

    fn counters(&self) -> &TransferCounters {
        &self.inner.counters
    }
}

impl Inner {
    /// The place in words.
    fn name(&self) -> String {
        let S3Location {
            bucket,
            prefix,
            endpoint,
            ..
        } = &self.location;
        match endpoint {
            Some(endpoint) => format!("bucket {bucket}/{prefix} at {endpoint}"),
            None => format!("bucket {bucket}/{prefix}"),
        }
    }

    fn key(&self, id: &BlobId) -> String {
        format!("{}{id}", self.location.prefix)
    }
}
