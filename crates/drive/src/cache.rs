//! Values that were loaded, up to a number of bytes; each is loaded once, however many ask for it at the same time.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::failure::Failure;

/// What a value takes.
pub(crate) trait Weigh {
    /// Bytes of memory.
    fn weight(&self) -> u64;
}

/// The values used last. The very last stays whatever it weighs: it is about to be used again.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    limit: u64,
    state: Mutex<State<K, V>>,
}

#[derive(Debug)]
struct State<K, V> {
    slots: HashMap<K, Slot<V>>,
    /// Keys of what is there by the time of their last use.
    order: BTreeMap<u64, K>,
    time: u64,
    bytes: u64,
}

#[derive(Debug)]
enum Slot<V> {
    Loading(Arc<Pending<V>>),
    Ready { value: V, weight: u64, used: u64 },
}

/// A load that others wait for.
#[derive(Debug)]
struct Pending<V> {
    result: Mutex<Answer<V>>,
    ended: Condvar,
}

#[derive(Clone, Debug)]
enum Answer<V> {
    Waiting,
    Result(Result<V, Failure>),
    /// Whoever loaded it panicked.
    Given,
}

impl<K: Clone + Eq + Hash, V: Clone + Weigh> Cache<K, V> {
    /// A cache of at most `limit` bytes.
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            state: Mutex::new(State {
                slots: HashMap::new(),
                order: BTreeMap::new(),
                time: 0,
                bytes: 0,
            }),
        }
    }

    /// The value of a key, loaded by this call or by another one that is under way. Failures are not kept.
    pub(crate) fn get(
        &self,
        key: &K,
        load: impl FnOnce() -> Result<V, Failure>,
    ) -> Result<V, Failure> {
        loop {
            let pending = match self.find(key) {
                Found::Value(value) => return Ok(value),
                Found::Nobody(pending) => return self.load(key, &pending, load),
                Found::Somebody(pending) => pending,
            };
            let mut result = pending.result.lock();
            pending
                .ended
                .wait_while(&mut result, |result| matches!(result, Answer::Waiting));
            if let Answer::Result(result) = &*result {
                return result.clone();
            }
        }
    }

    fn find(&self, key: &K) -> Found<V> {
        let mut state = self.state.lock();
        let state = &mut *state;
        match state.slots.get_mut(key) {
            Some(Slot::Ready { value, used, .. }) => {
                state.order.remove(used);
                state.time += 1;
                *used = state.time;
                state.order.insert(state.time, key.clone());
                Found::Value(value.clone())
            }
            Some(Slot::Loading(pending)) => Found::Somebody(Arc::clone(pending)),
            None => {
                let pending = Arc::new(Pending {
                    result: Mutex::new(Answer::Waiting),
                    ended: Condvar::new(),
                });
                let slot = Slot::Loading(Arc::clone(&pending));
                state.slots.insert(key.clone(), slot);
                Found::Nobody(pending)
            }
        }
    }

    fn load(
        &self,
        key: &K,
        pending: &Pending<V>,
        load: impl FnOnce() -> Result<V, Failure>,
    ) -> Result<V, Failure> {
        let guard = Loader {
            cache: self,
            key,
            pending,
        };
        let result = load();
        if let Ok(value) = &result {
            self.keep(key, value.clone());
        }
        *pending.result.lock() = Answer::Result(result.clone());
        drop(guard);
        result
    }

    fn keep(&self, key: &K, value: V) {
        let weight = value.weight();
        let mut state = self.state.lock();
        let state = &mut *state;
        state.time += 1;
        let used = state.time;
        let slot = Slot::Ready {
            value,
            weight,
            used,
        };
        state.slots.insert(key.clone(), slot);
        state.order.insert(used, key.clone());
        state.bytes += weight;
        while state.bytes > self.limit && state.order.len() > 1 {
            let Some((_, oldest)) = state.order.pop_first() else {
                break;
            };
            if let Some(Slot::Ready { weight, .. }) = state.slots.remove(&oldest) {
                state.bytes -= weight;
            }
        }
    }
}

enum Found<V> {
    Value(V),
    Somebody(Arc<Pending<V>>),
    Nobody(Arc<Pending<V>>),
}

/// Tells those that wait that a load has ended, also by a panic.
struct Loader<'a, K: Clone + Eq + Hash, V> {
    cache: &'a Cache<K, V>,
    key: &'a K,
    pending: &'a Pending<V>,
}

impl<K: Clone + Eq + Hash, V> Drop for Loader<'_, K, V> {
    fn drop(&mut self) {
        let mut state = self.cache.state.lock();
        if let Some(Slot::Loading(_)) = state.slots.get(self.key) {
            state.slots.remove(self.key);
        }
        drop(state);
        let mut result = self.pending.result.lock();
        if matches!(*result, Answer::Waiting) {
            *result = Answer::Given;
        }
        drop(result);
        self.pending.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    impl Weigh for u64 {
        fn weight(&self) -> u64 {
            *self
        }
    }

    fn kept(cache: &Cache<u32, u64>) -> Vec<u32> {
        let mut kept: Vec<u32> = cache.state.lock().order.values().copied().collect();
        kept.sort_unstable();
        kept
    }

    #[test]
    fn the_least_recently_used_go_first() {
        let cache = Cache::new(10);
        for key in [1, 2, 3] {
            cache.get(&key, || Ok(3)).expect("load");
        }
        assert_eq!(cache.get(&1, || panic!("it is there")), Ok(3));
        cache.get(&4, || Ok(3)).expect("load");
        assert_eq!(kept(&cache), [1, 3, 4]);
        // Too heavy for all others, but the last one.
        cache.get(&5, || Ok(100)).expect("load");
        assert_eq!(kept(&cache), [5]);
        assert_eq!(cache.get(&5, || panic!("it is there")), Ok(100));
        cache.get(&6, || Ok(1)).expect("load");
        assert_eq!(kept(&cache), [6]);
    }

    #[test]
    fn failures_are_not_kept() {
        let cache: Cache<u32, u64> = Cache::new(10);
        assert_eq!(
            cache.get(&1, || Err(Failure::NotFound)),
            Err(Failure::NotFound)
        );
        assert_eq!(cache.get(&1, || Ok(2)), Ok(2));
    }

    #[test]
    fn all_who_ask_meanwhile_get_one_load() {
        let cache = Cache::new(10);
        let (loads, barrier) = (AtomicU32::new(0), Barrier::new(8));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let load = || {
                        loads.fetch_add(1, Ordering::SeqCst);
                        Ok(7)
                    };
                    barrier.wait();
                    assert_eq!(cache.get(&1, load), Ok(7));
                });
            }
        });
        assert_eq!(loads.into_inner(), 1);
    }

    #[test]
    fn a_load_that_panics_leaves_the_key_to_the_next() {
        let cache: Cache<u32, u64> = Cache::new(10);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            cache.get(&1, || panic!("broken"))
        }));
        assert!(panicked.is_err());
        assert_eq!(cache.get(&1, || Ok(2)), Ok(2));
    }
}
