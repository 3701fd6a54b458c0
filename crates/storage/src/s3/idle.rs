//! Notices a request on which nothing moves any more.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When something last happened on a request.
#[derive(Debug, Clone)]
pub(super) struct Activity {
    start: Instant,
    last_millis: Arc<AtomicU64>,
    /// By how much the next silence may be longer than others.
    allowed_millis: Arc<AtomicU64>,
}

/// Nothing moved for this long.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("no byte moved for {} s", .0.as_secs_f64())]
pub(super) struct Idle(pub(super) Duration);

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            last_millis: Arc::default(),
            allowed_millis: Arc::default(),
        }
    }

    /// Time since the request began.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// The network is busy with what it was given: the silence that follows may be longer by `more`.
    pub(super) fn allow(&self, more: Duration) {
        let millis = u64::try_from(more.as_millis()).unwrap_or(u64::MAX);
        self.allowed_millis.store(millis, Ordering::Relaxed);
    }

    /// Something happened, or we ourselves hold the transfer back.
    pub(super) fn touch(&self) {
        self.last_millis
            .store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn idle_for(&self) -> Duration {
        let last = Duration::from_millis(self.last_millis.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(last)
    }

    /// Runs `future`, and gives up when nothing happened for `timeout` and what is allowed on top.
    pub(super) async fn guard<F: Future>(
        &self,
        timeout: Duration,
        future: F,
    ) -> Result<F::Output, Idle> {
        let watch = async {
            loop {
                let allowed = Duration::from_millis(self.allowed_millis.load(Ordering::Relaxed));
                let left = (timeout + allowed).saturating_sub(self.idle_for());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left).await;
            }
        };
        tokio::select! {
            output = future => Ok(output),
            () = watch => Err(Idle(self.idle_for())),
        }
    }
}
