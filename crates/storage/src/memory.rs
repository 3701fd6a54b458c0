//! Blobs in memory, for tests and for trying things out.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use bytes::Bytes;
use holdfast_host::{Clock, SystemClock};
use jiff::Timestamp;
use parking_lot::RwLock;

use crate::{
    BlobId, BlobInfo, BlobStore, BlobWriter, Capabilities, Error, ErrorKind, PutOptions, Result,
    TransferCounters,
};

/// A store whose blobs live as long as it does. Clones share them.
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    blobs: RwLock<BTreeMap<BlobId, (Bytes, Timestamp)>>,
    counters: TransferCounters,
}

impl MemoryStore {
    /// An empty store on the system's clock.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock::new()))
    }

    /// An empty store whose modification times come from `clock`.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                blobs: RwLock::default(),
                counters: TransferCounters::default(),
            }),
        }
    }

    /// A store of its own that begins with the blobs of this one, their times included.
    #[must_use]
    pub fn fork(&self, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                blobs: RwLock::new(self.inner.blobs.read().clone()),
                counters: TransferCounters::default(),
            }),
        }
    }

    fn blob(&self, operation: &'static str, id: &BlobId) -> Result<(Bytes, Timestamp)> {
        self.inner.counters.add_gets(1);
        self.inner.blobs.read().get(id).cloned().ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                operation,
                "memory",
                "it does not exist",
            )
            .blob(id)
        })
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore")
            .field("blobs", &self.inner.blobs.read().len())
            .finish()
    }
}

impl Inner {
    fn store(&self, id: &BlobId, data: Bytes) {
        let now = self.clock.now();
        self.counters.add_uploaded(data.len() as u64);
        self.counters.add_puts(1);
        self.blobs.write().insert(id.clone(), (data, now));
    }
}

impl BlobStore for MemoryStore {
    fn put(&self, id: &BlobId, data: Bytes, options: &PutOptions) -> Result<()> {
        refuse_retention(id, options, "memory")?;
        self.inner.store(id, data);
        Ok(())
    }

    fn create(&self, id: &BlobId, options: &PutOptions) -> Result<Box<dyn BlobWriter>> {
        refuse_retention(id, options, "memory")?;
        Ok(Box::new(Writer {
            inner: Arc::clone(&self.inner),
            id: id.clone(),
            data: Vec::new(),
        }))
    }

    fn get(&self, id: &BlobId) -> Result<Bytes> {
        let (data, _) = self.blob("read", id)?;
        self.inner.counters.add_downloaded(data.len() as u64);
        Ok(data)
    }

    fn get_range(&self, id: &BlobId, offset: u64, buffer: &mut [u8]) -> Result<()> {
        if buffer.is_empty() {
            return Ok(());
        }
        let (data, _) = self.blob("read", id)?;
        let range = usize::try_from(offset)
            .ok()
            .and_then(|start| data.get(start..start.checked_add(buffer.len())?));
        match range {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                self.inner.counters.add_downloaded(bytes.len() as u64);
                Ok(())
            }
            None => Err(out_of_range(
                id,
                "memory",
                offset,
                buffer.len(),
                data.len() as u64,
            )),
        }
    }

    fn stat(&self, id: &BlobId) -> Result<BlobInfo> {
        let (data, modified) = self.blob("look up", id)?;
        Ok(BlobInfo {
            id: id.clone(),
            length: data.len() as u64,
            modified,
        })
    }

    fn delete(&self, id: &BlobId) -> Result<()> {
        self.inner.counters.add_deletes(1);
        self.inner.blobs.write().remove(id);
        Ok(())
    }

    fn list(&self, prefix: &str, each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>) -> Result<()> {
        self.inner.counters.add_lists(1);
        // A copy, so that `each` may call the store.
        let found: Vec<_> = self
            .inner
            .blobs
            .read()
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(|(id, _)| id.as_str().starts_with(prefix))
            .map(|(id, (data, modified))| BlobInfo {
                id: id.clone(),
                length: data.len() as u64,
                modified: *modified,
            })
            .collect();
        for info in found {
            if each(info).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            streaming_writes: false,
            ordered_list: true,
            object_lock: false,
            writable: true,
        }
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn counters(&self) -> &TransferCounters {
        &self.inner.counters
    }
}

struct Writer {
    inner: Arc<Inner>,
    id: BlobId,
    data: Vec<u8>,
}

impl BlobWriter for Writer {
    fn write(&mut self, parts: &[IoSlice<'_>]) -> Result<()> {
        for part in parts {
            self.data.extend_from_slice(part);
        }
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<()> {
        self.inner.store(&self.id, self.data.into());
        Ok(())
    }
}

/// Refuses what a store without object lock cannot promise.
pub(crate) fn refuse_retention(id: &BlobId, options: &PutOptions, location: &str) -> Result<()> {
    if options.retention.is_none() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        "write",
        location,
        "this kind of store cannot lock blobs against deletion",
    )
    .blob(id)
    .hint("use a bucket with object lock, or switch retention off"))
}

/// The error for a range that reaches beyond the end.
pub(crate) fn out_of_range(
    id: &BlobId,
    location: &str,
    offset: u64,
    wanted: usize,
    length: u64,
) -> Error {
    Error::new(
        ErrorKind::InvalidRange,
        "read",
        location,
        format!("{wanted} bytes from offset {offset} reach beyond its end at {length}"),
    )
    .blob(id)
}
