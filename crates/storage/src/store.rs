//! The trait that every place for a repository implements.

use std::fmt::Debug;
use std::io::IoSlice;
use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;

use crate::{BlobId, BlobInfo, Result, Retention, TransferCounters};

/// A flat set of named blobs (format 1 §1.1).
///
/// Calls block the thread and may be made from any number of threads at once, but not from inside
/// an async task: wrap them in `spawn_blocking`.
pub trait BlobStore: Send + Sync + Debug {
    /// Stores a blob, replacing one of the same name. Readers see the old one or the new one as a
    /// whole, and it is durable when this returns.
    fn put(&self, id: &BlobId, data: Bytes, options: &PutOptions) -> Result<()>;

    /// Starts a blob that is written piece by piece. Nothing is visible before
    /// [`BlobWriter::commit`]. Stores without `streaming_writes` keep it in memory until then.
    fn create(&self, id: &BlobId, options: &PutOptions) -> Result<Box<dyn BlobWriter>>;

    /// Reads a whole blob.
    fn get(&self, id: &BlobId) -> Result<Bytes>;

    /// Fills `buffer` with the bytes from `offset` on. A blob that ends earlier is an error of the
    /// kind `InvalidRange`; an empty buffer is full already, so the store is not asked.
    fn get_range(&self, id: &BlobId, offset: u64, buffer: &mut [u8]) -> Result<()>;

    /// Looks a blob up without reading it.
    fn stat(&self, id: &BlobId) -> Result<BlobInfo>;

    /// Removes a blob. One that is not there is no error. A locked one only vanishes: from then on nobody finds it under
    /// its name, and its bytes stay in the store as an older version until the lock ends.
    fn delete(&self, id: &BlobId) -> Result<()>;

    /// Locks a blob that is there: afterwards nobody can destroy it before `retention.until`. One that is locked more
    /// strictly or for longer stays so. Stores without `object_lock` refuse it with the kind `Unsupported`.
    fn extend_retention(&self, id: &BlobId, retention: Retention) -> Result<()>;

    /// The lock of a blob, which may have ended already; nothing when it never had one. Where the credentials may not know
    /// it the error is of the kind `AccessDenied`: the blob may be locked then.
    fn retention(&self, id: &BlobId) -> Result<Option<Retention>>;

    /// Calls `each` for every blob whose name begins with `prefix` until it breaks. In the order of
    /// names only with the capability `ordered_list`. Blobs stored or removed meanwhile may be
    /// seen or not.
    fn list(&self, prefix: &str, each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>) -> Result<()>;

    /// What this store can do.
    fn capabilities(&self) -> Capabilities;

    /// The place in words, for messages, without secrets.
    fn location(&self) -> String;

    /// The work on this handle was cancelled and puts itself in order: calls that begin within `time` from now are served
    /// again, and end when it is over. Stores that obey no [`holdfast_host::Cancel`] have nothing to do.
    fn finish_within(&self, _time: Duration) {}

    /// What went through this handle so far.
    fn counters(&self) -> &TransferCounters;
}

impl dyn BlobStore {
    /// Every blob whose name begins with `prefix`, in the order of names.
    pub fn list_all(&self, prefix: &str) -> Result<Vec<BlobInfo>> {
        let mut blobs = Vec::new();
        self.list(prefix, &mut |info| {
            blobs.push(info);
            ControlFlow::Continue(())
        })?;
        if !self.capabilities().ordered_list {
            blobs.sort_by(|a, b| a.id.cmp(&b.id));
        }
        Ok(blobs)
    }
}

/// A blob in the making. Dropping it before the commit leaves nothing behind.
pub trait BlobWriter: Send {
    /// Appends all bytes of all parts, in order.
    fn write(&mut self, parts: &[IoSlice<'_>]) -> Result<()>;

    /// Makes the blob visible, durable when this returns.
    fn commit(self: Box<Self>) -> Result<()>;
}

/// How a blob is to be stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// Nobody may destroy these bytes before this ends; a later put of the same name hides them and keeps them.
    /// Stores without `object_lock` refuse it.
    pub retention: Option<Retention>,
}

/// What a store can do; callers and the conformance suite look here instead of asking for its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// [`BlobStore::create`] writes through instead of keeping the blob in memory.
    pub streaming_writes: bool,
    /// [`BlobStore::list`] yields names in byte order.
    pub ordered_list: bool,
    /// Blobs can be locked. A bucket may still turn out to have no object lock, which the first lock tells with the
    /// kind `Unsupported`.
    pub object_lock: bool,
    /// Blobs can be stored and removed.
    pub writable: bool,
}
