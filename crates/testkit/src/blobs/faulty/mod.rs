//! A store that fails when it is told to, and remembers what was asked of it.

mod history;
mod plan;

use std::io::IoSlice;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_host::Clock;
use holdfast_storage::{
    BlobId, BlobInfo, BlobStore, BlobWriter, Capabilities, Error, ErrorKind, PutOptions, Result,
    Retention, Retry, TransferCounters,
};
use parking_lot::Mutex;

use self::history::History;
pub use self::plan::Trigger;
use self::plan::{Action, Met, Plan};

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
    /// The lock of a blob was extended.
    Extend,
    /// The lock of a blob was looked up.
    Retention,
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

/// One client's view of a store. Clones are the same client.
#[derive(Debug, Clone)]
pub struct FaultyStore {
    store: Arc<dyn BlobStore>,
    history: Option<Arc<History>>,
    state: Arc<Mutex<State>>,
}

/// What a listing shows of a blob.
type Bend = Arc<dyn Fn(BlobInfo) -> Option<BlobInfo> + Send + Sync>;

#[derive(Default)]
struct State {
    calls: Vec<BlobCall>,
    plans: Vec<Plan>,
    held: Vec<Held>,
    hits: Vec<BlobCall>,
    bend: Option<Bend>,
    dead: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("calls", &self.calls.len())
            .field("plans", &self.plans)
            .field("hits", &self.hits)
            .field("dead", &self.dead)
            .finish_non_exhaustive()
    }
}

/// A put that was reported as done and is not visible yet.
#[derive(Debug)]
struct Held {
    calls_left: usize,
    id: BlobId,
    data: Bytes,
    options: PutOptions,
}

impl FaultyStore {
    /// A store that does what `store` does until something is planned.
    pub fn new(store: Arc<dyn BlobStore>) -> Self {
        Self {
            store,
            history: None,
            state: Arc::default(),
        }
    }

    /// As [`FaultyStore::new`], and time can be part of a plan: [`Trigger::Delay`] moves `clock`, and
    /// [`Trigger::Stale`] shows what changed through this client and those [`FaultyStore::beside`] it.
    pub fn with_clock(store: Arc<dyn BlobStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            history: Some(Arc::new(History::new(clock))),
            ..Self::new(store)
        }
    }

    /// Another client of the same store, with plans and calls of its own.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            history: self.history.clone(),
            state: Arc::default(),
        }
    }

    /// The first client of a copy of the store, whose clock shows the same time: with the same past for
    /// [`Trigger::Stale`], without plans and calls.
    #[must_use]
    pub fn fork(&self, store: Arc<dyn BlobStore>, clock: Arc<dyn Clock>) -> Self {
        let history = match &self.history {
            Some(history) => history.fork(clock),
            None => History::new(clock),
        };
        Self {
            history: Some(Arc::new(history)),
            ..Self::new(store)
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
        self.add_plan(operation, prefix, nth, 1, Action::Trigger(trigger));
    }

    /// As [`FaultyStore::plan`], for the `nth` call and every matching one after it.
    pub fn plan_from(
        &self,
        operation: Option<BlobOperation>,
        prefix: &str,
        nth: usize,
        trigger: Trigger,
    ) {
        self.add_plan(operation, prefix, nth, usize::MAX, Action::Trigger(trigger));
    }

    /// Lets `what` happen right before the `nth` matching call.
    pub fn interrupt(
        &self,
        operation: Option<BlobOperation>,
        prefix: &str,
        nth: usize,
        what: impl FnOnce() + Send + 'static,
    ) {
        self.add_plan(operation, prefix, nth, 1, Action::Run(Some(Box::new(what))));
    }

    /// Lets every listing show only what `bend` makes of each blob, as to a client that does not look at some blobs, or
    /// takes them for older than they are.
    pub fn bend_listings(
        &self,
        bend: impl Fn(BlobInfo) -> Option<BlobInfo> + Send + Sync + 'static,
    ) {
        self.state.lock().bend = Some(Arc::new(bend));
    }

    fn add_plan(
        &self,
        operation: Option<BlobOperation>,
        prefix: &str,
        nth: usize,
        times: usize,
        action: Action,
    ) {
        self.state.lock().plans.push(Plan {
            operation,
            prefix: prefix.to_owned(),
            skip: nth.checked_sub(1).expect("calls are counted from 1"),
            times,
            action,
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

    /// The calls that were hit by a trigger, in order.
    pub fn hits(&self) -> Vec<BlobCall> {
        self.state.lock().hits.clone()
    }

    /// Forgets the calls, the plans and that it is dead. What is held back becomes visible.
    pub fn reset(&self) {
        self.settle();
        *self.state.lock() = State::default();
    }

    /// Makes visible what is held back.
    pub fn settle(&self) {
        let held = std::mem::take(&mut self.state.lock().held);
        for put in held {
            self.release(put);
        }
    }

    fn release(&self, put: Held) {
        self.change(&put.id);
        // Nobody is left to hear of a failure; the blob is then lost, as the plan may have wanted.
        let _ = self.store.put(&put.id, put.data, &put.options);
    }

    fn change(&self, id: &BlobId) {
        if let Some(history) = &self.history {
            history.about_to_change(self.store.as_ref(), id);
        }
    }

    /// Notes a call; says what hits it.
    fn note(&self, operation: BlobOperation, name: &str, bytes: usize) -> Result<Option<Trigger>> {
        let (dead, met, due) = {
            let mut state = self.state.lock();
            state.calls.push(BlobCall {
                operation,
                name: name.to_owned(),
                bytes: bytes as u64,
            });
            let dead = state.dead;
            let mut met = Vec::new();
            if !dead {
                met.extend(
                    state
                        .plans
                        .iter_mut()
                        .filter_map(|plan| plan.meet(operation, name)),
                );
            }
            // Behind a kill only `settle` makes visible what is held back.
            for put in state.held.iter_mut().filter(|_| !dead) {
                put.calls_left = put.calls_left.saturating_sub(1);
            }
            let due: Vec<Held> = state
                .held
                .extract_if(.., |put| put.calls_left == 0)
                .collect();
            (dead, met, due)
        };
        for put in due {
            self.release(put);
        }
        if dead {
            return Err(planned(ErrorKind::Other, name));
        }
        let mut hit = None;
        for met in met {
            match met {
                Met::Run(what) => what(),
                Met::Trigger(trigger) => hit = hit.or(Some(trigger)),
            }
        }
        let call = BlobCall {
            operation,
            name: name.to_owned(),
            bytes: bytes as u64,
        };
        self.hit(call, hit)
    }

    /// What is left of a trigger for the call itself, when it did not end here.
    fn hit(&self, call: BlobCall, trigger: Option<Trigger>) -> Result<Option<Trigger>> {
        let Some(trigger) = trigger else {
            return Ok(None);
        };
        let (operation, name) = (call.operation, call.name.as_str());
        let mut state = self.state.lock();
        state.hits.push(call.clone());
        state.dead |= matches!(
            trigger,
            Trigger::Kill | Trigger::KillAfter | Trigger::TearAndKill
        );
        drop(state);
        match trigger {
            Trigger::Kill => Err(planned(ErrorKind::Other, name)),
            Trigger::Fail(kind) => Err(planned(kind, name)),
            Trigger::Delay(time) => {
                self.history
                    .as_ref()
                    .expect("delays need a clock")
                    .pass(time);
                Ok(None)
            }
            other if other.applies_to(operation) => Ok(Some(other)),
            Trigger::Tear | Trigger::TearAndKill | Trigger::LoseAnswer | Trigger::KillAfter => {
                Err(planned(ErrorKind::Unreachable, name))
            }
            _ => Ok(None),
        }
    }

    fn read<T: AsMut<[u8]>>(&self, trigger: Option<Trigger>, mut data: T) -> T {
        if let Some(Trigger::Flip(bit)) = trigger {
            let bytes = data.as_mut();
            if !bytes.is_empty() {
                let bit = bit % (8 * bytes.len() as u64);
                bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
            }
        }
        data
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
        let trigger = self.note(BlobOperation::Put, id.as_str(), data.len())?;
        let name = id.as_str();
        match trigger {
            Some(Trigger::Swallow) => return Ok(()),
            Some(Trigger::Late(calls_left)) => {
                self.state.lock().held.push(Held {
                    calls_left,
                    id: id.clone(),
                    data,
                    options: options.clone(),
                });
                return Ok(());
            }
            _ => self.change(id),
        }
        match trigger {
            Some(Trigger::Tear | Trigger::TearAndKill) => {
                self.store.put(id, data.slice(..data.len() / 2), options)?;
                Err(planned(ErrorKind::Other, name))
            }
            Some(Trigger::LoseAnswer | Trigger::KillAfter) => {
                self.store.put(id, data, options)?;
                Err(planned(ErrorKind::Unreachable, name))
            }
            Some(Trigger::Twice) => {
                self.store.put(id, data.clone(), options)?;
                self.store.put(id, data, options)
            }
            _ => self.store.put(id, data, options),
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
        let trigger = self.note(BlobOperation::Get, id.as_str(), 0)?;
        let data = self.store.get(id)?;
        Ok(match trigger {
            None => data,
            hit => self.read(hit, data.to_vec()).into(),
        })
    }

    fn get_range(&self, id: &BlobId, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let trigger = self.note(BlobOperation::GetRange, id.as_str(), buffer.len())?;
        self.store.get_range(id, offset, buffer)?;
        self.read(trigger, buffer);
        Ok(())
    }

    fn stat(&self, id: &BlobId) -> Result<BlobInfo> {
        self.note(BlobOperation::Stat, id.as_str(), 0)?;
        self.store.stat(id)
    }

    fn delete(&self, id: &BlobId) -> Result<()> {
        let trigger = self.note(BlobOperation::Delete, id.as_str(), 0)?;
        if trigger == Some(Trigger::Swallow) {
            return Ok(());
        }
        self.change(id);
        self.store.delete(id)?;
        match trigger {
            Some(Trigger::LoseAnswer | Trigger::KillAfter) => {
                Err(planned(ErrorKind::Unreachable, id.as_str()))
            }
            Some(Trigger::Twice) => self.store.delete(id),
            _ => Ok(()),
        }
    }

    fn extend_retention(&self, id: &BlobId, retention: Retention) -> Result<()> {
        let trigger = self.note(BlobOperation::Extend, id.as_str(), 0)?;
        self.store.extend_retention(id, retention)?;
        match trigger {
            Some(Trigger::LoseAnswer | Trigger::KillAfter) => {
                Err(planned(ErrorKind::Unreachable, id.as_str()))
            }
            _ => Ok(()),
        }
    }

    fn retention(&self, id: &BlobId) -> Result<Option<Retention>> {
        self.note(BlobOperation::Retention, id.as_str(), 0)?;
        self.store.retention(id)
    }

    fn list(&self, prefix: &str, each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>) -> Result<()> {
        let trigger = self.note(BlobOperation::List, prefix, 0)?;
        let bend = self.state.lock().bend.clone();
        let mut each = |info| match &bend {
            Some(bend) => bend(info).map_or(ControlFlow::Continue(()), &mut *each),
            None => each(info),
        };
        let Some(Trigger::Stale(age)) = trigger else {
            return self.store.list(prefix, &mut each);
        };
        let history = self.history.as_ref().expect("old listings need a clock");
        for info in history.list(self.store.as_ref(), prefix, age)? {
            if each(info).is_break() {
                break;
            }
        }
        Ok(())
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

    fn finish_within(&self, time: Duration) {
        self.store.finish_within(time);
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
