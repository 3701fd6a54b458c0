//! When the calls of a store end because its work was cancelled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_host::{Cancel, Cancelled};
use parking_lot::Mutex;

/// A [`Cancel`] that leaves a last moment: what is stored can still be published after the work was cancelled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    cancel: Cancel,
    last_moment: Arc<Mutex<Option<Instant>>>,
}

impl Stop {
    pub(crate) fn new(cancel: Cancel) -> Self {
        Self {
            cancel,
            last_moment: Arc::default(),
        }
    }

    /// Serves calls that begin within `time` from now even though the work was cancelled.
    pub(crate) fn finish_within(&self, time: Duration) {
        *self.last_moment.lock() = Some(Instant::now() + time);
    }

    /// Whether a call may begin or go on.
    pub(crate) fn check(&self) -> Result<(), Cancelled> {
        match self.cancel.check() {
            Err(Cancelled) if self.time_left().is_zero() => Err(Cancelled),
            _ => Ok(()),
        }
    }

    /// Waits; an error when the work is cancelled before the wait is over, or the last moment is.
    pub(crate) fn pause(&self, wait: Duration) -> Result<(), Cancelled> {
        if !wait.is_zero() && self.cancel.wait_timeout(wait) {
            std::thread::sleep(wait.min(self.time_left()));
        }
        self.check()
    }

    pub(crate) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// What is left of the last moment.
    pub(crate) fn time_left(&self) -> Duration {
        let last_moment = *self.last_moment.lock();
        last_moment.map_or(Duration::ZERO, |end| {
            end.saturating_duration_since(Instant::now())
        })
    }
}
