//! A store that fails when it is told to, and remembers what was asked of it.

use std::io::IoSlice;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_storage::{
    BlobId, BlobInfo, BlobStore, BlobWriter, Capabilities, Error, ErrorKind, PutOptions, Result,
    Retry, TransferCounters,
};
use parking_lot::Mutex;

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlobOperation {
    /// A blob was stored, whole or by the commit of a stream.
    Put,
    /// A blob was read.
    Get,
    /// A part of a blob was read.
    GetRange,
    /// A blob was looked up.
    Stat,
    /// A blob was removed.
    Delete,
    /// Blobs were listed.
    List,
}

/// One call, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobCall {
    /// What was asked.
    pub operation: BlobOperation,
    /// The blob, or the prefix of a listing.
    pub name: String,
    /// Bytes stored or asked for.
    pub bytes: u64,
}

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The call fails; nothing is changed.
    Fail(ErrorKind),
    /// A put is done and reported as failed all the same.
    LoseAnswer,
    /// A put stores only the first half of the blob and fails, as a store would that is not atomic.
    Tear,
    /// This call and every later one fail, as if the process had been killed before it.
    Kill,
}

/// A store around another one.
#[derive(Debug, Clone)]
pub struct FaultyStore {
    store: Arc<dyn BlobStore>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<BlobCall>,
    plans: Vec<Plan>,
    dead: bool,
}

#[derive(Debug)]
struct Plan {
    operation: Option<BlobOperation>,
    prefix: String,
    /// How many matching calls pass first; `None` when it is over.
    countdown: Option<usize>,
    trigger: Trigger,
}

impl FaultyStore {
    /// A store that does what `store` does until something is planned.
    pub fn new(store: Arc<dyn BlobStore>) -> Self {
        Self {
            store,
            state: Arc::default(),
        }
    }

    /// Plans `trigger` for the `nth` call, counted from 1 and from now, of `operation` (any when
    /// `None`) on names that begin with `prefix`.
    pub fn plan(
        &self,
        operation: Option<BlobOperation>,
        prefix: &str,
        nth: usize,
        trigger: Trigger,
    ) {
        self.state.lock().plans.push(Plan {
            operation,
            prefix: prefix.to_owned(),
            countdown: Some(nth.checked_sub(1).expect("calls are counted from 1")),
            trigger,
        });
    }

    /// The calls so far, the failed ones too.
    pub fn calls(&self) -> Vec<BlobCall> {
        self.state.lock().calls.clone()
    }

    /// The names of the blobs that were stored, in order.
    pub fn puts(&self) -> Vec<String> {
        let state = self.state.lock();
        let puts = state
            .calls
            .iter()
            .filter(|call| call.operation == BlobOperation::Put);
        puts.map(|call| call.name.clone()).collect()
    }

    /// Forgets the calls, the plans and that it is dead.
    pub fn reset(&self) {
        *self.state.lock() = State::default();
    }

    /// Notes a call; says what hits it.
    fn note(&self, operation: BlobOperation, name: &str, bytes: usize) -> Result<Option<Trigger>> {
        let mut state = self.state.lock();
        state.calls.push(BlobCall {
            operation,
            name: name.to_owned(),
            bytes: bytes as u64,
        });
        if state.dead {
            return Err(planned(ErrorKind::Other, name));
        }
        let mut hit = None;
        for plan in &mut state.plans {
            let fits = plan.operation.is_none_or(|wanted| wanted == operation)
                && name.starts_with(&plan.prefix);
            match plan.countdown {
                Some(0) if fits && hit.is_none() => {
                    plan.countdown = None;
                    hit = Some(plan.trigger);
                }
                Some(left @ 1..) if fits => plan.countdown = Some(left - 1),
                _ => {}
            }
        }
        match hit {
            Some(Trigger::Kill) => {
                state.dead = true;
                Err(planned(ErrorKind::Other, name))
            }
            Some(Trigger::Fail(kind)) => Err(planned(kind, name)),
            other => Ok(other),
        }
    }
}

fn planned(kind: ErrorKind, name: &str) -> Error {
    let error =
        Error::new(kind, "use", "the faulty store", "failed on order").retry(Retry::Permanent);
    match BlobId::new(name) {
        Ok(id) => error.blob(&id),
        Err(_) => error,
    }
}

impl BlobStore for FaultyStore {
    fn put(&self, id: &BlobId, data: Bytes, options: &PutOptions) -> Result<()> {
        match self.note(BlobOperation::Put, id.as_str(), data.len())? {
            None => self.store.put(id, data, options),
            Some(Trigger::Tear) => {
                self.store.put(id, data.slice(..data.len() / 2), options)?;
                Err(planned(ErrorKind::Other, id.as_str()))
            }
            Some(_) => {
                self.store.put(id, data, options)?;
                Err(planned(ErrorKind::Unreachable, id.as_str()))
            }
        }
    }

    fn create(&self, id: &BlobId, options: &PutOptions) -> Result<Box<dyn BlobWriter>> {
        // What the store behind refuses is refused here too.
        drop(self.store.create(id, options)?);
        Ok(Box::new(FaultyWriter {
            store: self.clone(),
            id: id.clone(),
            options: options.clone(),
            data: Vec::new(),
        }))
    }

    fn get(&self, id: &BlobId) -> Result<Bytes> {
        self.note(BlobOperation::Get, id.as_str(), 0)?;
        self.store.get(id)
    }

    fn get_range(&self, id: &BlobId, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.note(BlobOperation::GetRange, id.as_str(), buffer.len())?;
        self.store.get_range(id, offset, buffer)
    }

    fn stat(&self, id: &BlobId) -> Result<BlobInfo> {
        self.note(BlobOperation::Stat, id.as_str(), 0)?;
        self.store.stat(id)
    }

    fn delete(&self, id: &BlobId) -> Result<()> {
        self.note(BlobOperation::Delete, id.as_str(), 0)?;
        self.store.delete(id)
    }

    fn list(&self, prefix: &str, each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>) -> Result<()> {
        self.note(BlobOperation::List, prefix, 0)?;
        self.store.list(prefix, each)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            streaming_writes: false,
            ..self.store.capabilities()
        }
    }

    fn location(&self) -> String {
        self.store.location()
    }

    fn counters(&self) -> &TransferCounters {
        self.store.counters()
    }
}

/// Keeps a stream until its commit, so that it is hit like a put.
struct FaultyWriter {
    store: FaultyStore,
    id: BlobId,
    options: PutOptions,
    data: Vec<u8>,
}

impl BlobWriter for FaultyWriter {
    fn write(&mut self, parts: &[IoSlice<'_>]) -> Result<()> {
        for part in parts {
            self.data.extend_from_slice(part);
        }
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<()> {
        self.store.put(&self.id, self.data.into(), &self.options)
    }
}
