//! Behaviour that is added to any store.

use std::io::IoSlice;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_host::Cancel;

use crate::rate::RateLimit;
use crate::stop::Stop;
use crate::{
    BlobId, BlobInfo, BlobStore, BlobWriter, Capabilities, Error, ErrorKind, PutOptions, Result,
    Retention, TransferCounters,
};

/// Refuses to change anything.
#[derive(Debug, Clone)]
pub struct ReadOnly {
    store: Arc<dyn BlobStore>,
}

impl ReadOnly {
    /// A view of `store` that only reads.
    pub fn new(store: Arc<dyn BlobStore>) -> Self {
        Self { store }
    }

    fn refuse<T>(&self, operation: &'static str, id: &BlobId) -> Result<T> {
        Err(Error::new(
            ErrorKind::ReadOnly,
            operation,
            self.location(),
            "the repository was opened for reading only",
        )
        .blob(id))
    }
}

impl BlobStore for ReadOnly {
    fn put(&self, id: &BlobId, _data: Bytes, _options: &PutOptions) -> Result<()> {
        self.refuse("write", id)
    }

    fn create(&self, id: &BlobId, _options: &PutOptions) -> Result<Box<dyn BlobWriter>> {
        self.refuse("write", id)
    }

    fn get(&self, id: &BlobId) -> Result<Bytes> {
        self.store.get(id)
    }

    fn get_range(&self, id: &BlobId, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.store.get_range(id, offset, buffer)
    }

    fn stat(&self, id: &BlobId) -> Result<BlobInfo> {
        self.store.stat(id)
    }

    fn delete(&self, id: &BlobId) -> Result<()> {
        self.refuse("delete", id)
    }

    fn extend_retention(&self, id: &BlobId, _retention: Retention) -> Result<()> {
        self.refuse("lock", id)
    }

    fn retention(&self, id: &BlobId) -> Result<Option<Retention>> {
        self.store.retention(id)
    }

    fn list(&self, prefix: &str, each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>) -> Result<()> {
        self.store.list(prefix, each)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            streaming_writes: false,
            writable: false,
            ..self.store.capabilities()
        }
    }

    fn location(&self) -> String {
        self.store.location()
    }

    fn finish_within(&self, time: Duration) {
        self.store.finish_within(time);
    }

    fn counters(&self) -> &TransferCounters {
        self.store.counters()
    }
}

/// Obeys [`Cancel`] before each call and inside long ones, and limits the speed of stores that have
/// no limit of their own.
#[derive(Debug, Clone)]
pub struct Governed {
    store: Arc<dyn BlobStore>,
    rules: Arc<Rules>,
}

#[derive(Debug)]
struct Rules {
    location: String,
    stop: Stop,
    upload: Option<RateLimit>,
    download: Option<RateLimit>,
}

impl Governed {
    /// Puts `store` under `cancel` and limits in bytes a second.
    pub fn new(
        store: Arc<dyn BlobStore>,
        cancel: Cancel,
        upload_limit: Option<u64>,
        download_limit: Option<u64>,
    ) -> Self {
        let rules = Rules {
            location: store.location(),
            stop: Stop::new(cancel),
            upload: upload_limit.map(RateLimit::new),
            download: download_limit.map(RateLimit::new),
        };
        Self {
            store,
            rules: Arc::new(rules),
        }
    }
}

impl Rules {
    fn check(&self, operation: &'static str) -> Result<()> {
        self.stop
            .check()
            .map_err(|_| Error::cancelled(operation, &self.location))
    }

    fn pause(&self, operation: &'static str, wait: Duration) -> Result<()> {
        self.stop
            .pause(wait)
            .map_err(|_| Error::cancelled(operation, &self.location))
    }

    fn after_download(&self, bytes: usize) -> Result<()> {
        match &self.download {
            Some(limit) => self.pause("read", limit.after(bytes)),
            None => Ok(()),
        }
    }
}

impl BlobStore for Governed {
    fn put(&self, id: &BlobId, data: Bytes, options: &PutOptions) -> Result<()> {
        if self.rules.upload.is_none() {
            self.rules.check("write")?;
            return self.store.put(id, data, options);
        }
        let mut writer = self.create(id, options)?;
        writer.write(&[IoSlice::new(&data)])?;
        writer.commit()
    }

    fn create(&self, id: &BlobId, options: &PutOptions) -> Result<Box<dyn BlobWriter>> {
        self.rules.check("write")?;
        Ok(Box::new(GovernedWriter {
            writer: self.store.create(id, options)?,
            rules: Arc::clone(&self.rules),
        }))
    }

    fn get(&self, id: &BlobId) -> Result<Bytes> {
        self.rules.check("read")?;
        let data = self.store.get(id)?;
        self.rules.after_download(data.len())?;
        Ok(data)
    }

    fn get_range(&self, id: &BlobId, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.rules.check("read")?;
        self.store.get_range(id, offset, buffer)?;
        self.rules.after_download(buffer.len())
    }

    fn stat(&self, id: &BlobId) -> Result<BlobInfo> {
        self.rules.check("look up")?;
        self.store.stat(id)
    }

    fn delete(&self, id: &BlobId) -> Result<()> {
        self.rules.check("delete")?;
        self.store.delete(id)
    }

    fn extend_retention(&self, id: &BlobId, retention: Retention) -> Result<()> {
        self.rules.check("lock")?;
        self.store.extend_retention(id, retention)
    }

    fn retention(&self, id: &BlobId) -> Result<Option<Retention>> {
        self.rules.check("look up")?;
        self.store.retention(id)
    }

    fn list(&self, prefix: &str, each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>) -> Result<()> {
        self.rules.check("list")?;
        self.store.list(prefix, &mut |info| {
            if self.rules.stop.check().is_err() {
                ControlFlow::Break(())
            } else {
                each(info)
            }
        })?;
        self.rules.check("list")
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn location(&self) -> String {
        self.store.location()
    }

    fn finish_within(&self, time: Duration) {
        self.rules.stop.finish_within(time);
        self.store.finish_within(time);
    }

    fn counters(&self) -> &TransferCounters {
        self.store.counters()
    }
}

struct GovernedWriter {
    writer: Box<dyn BlobWriter>,
    rules: Arc<Rules>,
}

impl BlobWriter for GovernedWriter {
    fn write(&mut self, parts: &[IoSlice<'_>]) -> Result<()> {
        let Some(limit) = &self.rules.upload else {
            self.rules.check("write")?;
            return self.writer.write(parts);
        };
        for part in parts {
            for piece in part.chunks(limit.step()) {
                self.rules.pause("write", limit.before(piece.len()))?;
                self.writer.write(&[IoSlice::new(piece)])?;
            }
        }
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<()> {
        self.rules.check("write")?;
        self.writer.commit()
    }
}
