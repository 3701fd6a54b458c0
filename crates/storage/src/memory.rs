//! Blobs in memory, for tests and for trying things out.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use bytes::Bytes;
use holdfast_host::{Clock, SystemClock};
use jiff::Timestamp;
use parking_lot::RwLock;

use crate::retention::{no_object_lock, refuse_retention};
use crate::{
    BlobId, BlobInfo, BlobStore, BlobWriter, Capabilities, Error, ErrorKind, PutOptions, Result,
    Retention, TransferCounters,
};

/// A store whose blobs live as long as it does. Clones share them.
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    object_lock: bool,
    blobs: RwLock<Blobs>,
    counters: TransferCounters,
}

#[derive(Clone, Default)]
struct Blobs {
    newest: BTreeMap<BlobId, Stored>,
    /// What a later put or a delete took out of sight while it was locked.
    hidden: Vec<(BlobId, Stored)>,
}

#[derive(Clone)]
struct Stored {
    data: Bytes,
    modified: Timestamp,
    retention: Option<Retention>,
}

impl Stored {
    /// The lock, unless it has ended.
    fn lock(&self, now: Timestamp) -> Option<Retention> {
        self.retention.filter(|lock| lock.until > now)
    }

    fn info(&self, id: &BlobId) -> BlobInfo {
        BlobInfo {
            id: id.clone(),
            length: self.data.len() as u64,
            modified: self.modified,
        }
    }
}

impl Blobs {
    /// Puts the newest version of a blob away.
    fn hide(&mut self, id: &BlobId, now: Timestamp) {
        if let Some(stored) = self.newest.remove(id)
            && stored.lock(now).is_some()
        {
            self.hidden.push((id.clone(), stored));
        }
    }
}

impl MemoryStore {
    /// An empty store on the system's clock.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock::new()))
    }

    /// An empty store whose modification times come from `clock`.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self::empty(clock, false)
    }

    /// An empty store that locks blobs by `clock`, as a bucket with object lock does: a locked blob that is replaced or
    /// removed stays behind as a hidden version, until its lock ends.
    pub fn with_object_lock(clock: Arc<dyn Clock>) -> Self {
        Self::empty(clock, true)
    }

    fn empty(clock: Arc<dyn Clock>, object_lock: bool) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                object_lock,
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
                object_lock: self.inner.object_lock,
                blobs: RwLock::new(self.inner.blobs.read().clone()),
                counters: TransferCounters::default(),
            }),
        }
    }

    /// The hidden versions that are still locked: what was replaced or removed before its time and takes room.
    pub fn hidden(&self) -> Vec<BlobInfo> {
        let now = self.inner.clock.now();
        let blobs = self.inner.blobs.read();
        let locked = blobs
            .hidden
            .iter()
            .filter(|(_, stored)| stored.lock(now).is_some());
        locked.map(|(id, stored)| stored.info(id)).collect()
    }

    fn blob(&self, operation: &'static str, id: &BlobId) -> Result<Stored> {
        self.inner.counters.add_gets(1);
        let found = self.inner.blobs.read().newest.get(id).cloned();
        found.ok_or_else(|| missing(operation, id))
    }
}

fn missing(operation: &'static str, id: &BlobId) -> Error {
    Error::new(
        ErrorKind::NotFound,
        operation,
        "memory",
        "it does not exist",
    )
    .blob(id)
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore")
            .field("blobs", &self.inner.blobs.read().newest.len())
            .finish()
    }
}

impl Inner {
    fn store(&self, id: &BlobId, data: Bytes, options: &PutOptions) {
        let now = self.clock.now();
        self.counters.add_uploaded(data.len() as u64);
        self.counters.add_puts(1);
        let stored = Stored {
            data,
            modified: now,
            retention: options.retention,
        };
        let mut blobs = self.blobs.write();
        blobs.hide(id, now);
        blobs.newest.insert(id.clone(), stored);
    }

    fn check(&self, id: &BlobId, options: &PutOptions) -> Result<()> {
        match self.object_lock {
            true => Ok(()),
            false => refuse_retention(id, options, "memory"),
        }
    }
}

impl BlobStore for MemoryStore {
    fn put(&self, id: &BlobId, data: Bytes, options: &PutOptions) -> Result<()> {
        self.inner.check(id, options)?;
        self.inner.store(id, data, options);
        Ok(())
    }

    fn create(&self, id: &BlobId, options: &PutOptions) -> Result<Box<dyn BlobWriter>> {
        self.inner.check(id, options)?;
        Ok(Box::new(Writer {
            inner: Arc::clone(&self.inner),
            id: id.clone(),
            options: options.clone(),
            data: Vec::new(),
        }))
    }

    fn get(&self, id: &BlobId) -> Result<Bytes> {
        let data = self.blob("read", id)?.data;
        self.inner.counters.add_downloaded(data.len() as u64);
        Ok(data)
    }

    fn get_range(&self, id: &BlobId, offset: u64, buffer: &mut [u8]) -> Result<()> {
        if buffer.is_empty() {
            return Ok(());
        }
        let data = self.blob("read", id)?.data;
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
        Ok(self.blob("look up", id)?.info(id))
    }

    fn delete(&self, id: &BlobId) -> Result<()> {
        self.inner.counters.add_deletes(1);
        let now = self.inner.clock.now();
        self.inner.blobs.write().hide(id, now);
        Ok(())
    }

    fn extend_retention(&self, id: &BlobId, retention: Retention) -> Result<()> {
        if !self.inner.object_lock {
            return Err(no_object_lock("lock", id, "memory"));
        }
        self.inner.counters.add_puts(1);
        let now = self.inner.clock.now();
        let mut blobs = self.inner.blobs.write();
        let stored = blobs
            .newest
            .get_mut(id)
            .ok_or_else(|| missing("lock", id))?;
        let present = stored.lock(now);
        stored.retention = Some(present.map_or(retention, |lock| lock.joined(retention)));
        Ok(())
    }

    fn retention(&self, id: &BlobId) -> Result<Option<Retention>> {
        Ok(self.blob("look up", id)?.retention)
    }

    fn list(&self, prefix: &str, each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>) -> Result<()> {
        self.inner.counters.add_lists(1);
        // A copy, so that `each` may call the store.
        let found: Vec<_> = self
            .inner
            .blobs
            .read()
            .newest
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(|(id, _)| id.as_str().starts_with(prefix))
            .map(|(id, stored)| stored.info(id))
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
            object_lock: self.inner.object_lock,
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
    options: PutOptions,
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
        self.inner.store(&self.id, self.data.into(), &self.options);
        Ok(())
    }
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
