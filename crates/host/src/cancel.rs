//! Cancellation that is passed in as a value and seen by plain threads and by async code alike.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

/// The work was cancelled by whoever asked for it; nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// A request to stop, shared by everyone who holds a clone. It is raised once and never lowered.
#[derive(Clone, Default)]
pub struct Cancel {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    raised: AtomicBool,
    next_id: AtomicU64,
    callbacks: Mutex<Vec<(u64, Callback)>>,
    changed: Condvar,
    /// Keeps the link to the parent for as long as the child lives.
    parent: OnceLock<CancelCallback>,
}

type Callback = Box<dyn Fn() + Send + Sync>;

impl Inner {
    fn callbacks(&self) -> MutexGuard<'_, Vec<(u64, Callback)>> {
        // A callback that panicked leaves the list itself intact.
        self.callbacks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cancel {
    /// A request that nobody has made yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the request: wakes all waiters and runs the callbacks on this thread. Repeating it does nothing.
    pub fn cancel(&self) {
        let callbacks = {
            let mut callbacks = self.inner.callbacks();
            self.inner.raised.store(true, Ordering::SeqCst);
            std::mem::take(&mut *callbacks)
        };
        self.inner.changed.notify_all();
        for (_, callback) in callbacks {
            callback();
        }
    }

    /// Whether the request was made.
    pub fn is_cancelled(&self) -> bool {
        self.inner.raised.load(Ordering::Relaxed)
    }

    /// Fails once the request was made; call it between steps of long work.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }

    /// Sleeps for `duration` or until the request is made; says whether it was made.
    pub fn wait_timeout(&self, duration: Duration) -> bool {
        let deadline = Instant::now().checked_add(duration);
        let mut guard = self.inner.callbacks();
        while !self.is_cancelled() {
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            if left.is_zero() {
                return false;
            }
            guard = self
                .inner
                .changed
                .wait_timeout(guard, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    /// Runs `callback` when the request is made, at once if it already was. Dropping the returned
    /// handle forgets the callback. The callback must be quick and must not block.
    pub fn on_cancel(&self, callback: impl Fn() + Send + Sync + 'static) -> CancelCallback {
        let id = self.inner.next_id.fetch_add(1, Ordering::Relaxed);
        let mut callbacks = self.inner.callbacks();
        if self.is_cancelled() {
            drop(callbacks);
            callback();
        } else {
            callbacks.push((id, Box::new(callback)));
        }
        CancelCallback {
            inner: Arc::downgrade(&self.inner),
            id,
        }
    }

    /// A request that is made with this one, and can also be made alone.
    pub fn child(&self) -> Self {
        let child = Self::new();
        let weak = Arc::downgrade(&child.inner);
        let link = self.on_cancel(move || {
            if let Some(inner) = weak.upgrade() {
                Self { inner }.cancel();
            }
        });
        // The cell of a new child is empty.
        let _ = child.inner.parent.set(link);
        child
    }
}

impl std::fmt::Debug for Cancel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}

/// Keeps a callback of [`Cancel::on_cancel`] registered until dropped.
#[must_use = "the callback is forgotten when this is dropped"]
pub struct CancelCallback {
    inner: Weak<Inner>,
    id: u64,
}

impl Drop for CancelCallback {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            // The callback itself is dropped outside of the lock: it may hold the last handle of another request.
            let mut callbacks = inner.callbacks();
            let removed = callbacks
                .iter()
                .position(|(id, _)| *id == self.id)
                .map(|at| callbacks.swap_remove(at));
            drop(callbacks);
            drop(removed);
        }
    }
}
