//! Packs of one writer that are on their way to the store.

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};

/// Counts packs under way and keeps the first error.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    count: usize,
    error: Option<Error>,
}

impl InFlight {
    /// One more is under way.
    pub(super) fn begin(&self) {
        self.state.lock().count += 1;
    }

    /// One has arrived, or failed.
    pub(super) fn end(&self, result: Result<()>) {
        let mut state = self.state.lock();
        state.count -= 1;
        if let Err(error) = result {
            state.error.get_or_insert(error);
        }
        self.changed.notify_all();
    }

    /// The first error so far.
    pub(super) fn check(&self) -> Result<()> {
        self.state.lock().error.take().map_or(Ok(()), Err)
    }

    /// Waits until none is under way; returns the first error.
    pub(super) fn wait(&self) -> Result<()> {
        let mut state = self.state.lock();
        while state.count > 0 {
            self.changed.wait(&mut state);
        }
        state.error.take().map_or(Ok(()), Err)
    }
}
