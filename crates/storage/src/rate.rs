//! Limits of speed.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Spreads bytes over time. Shared by all transfers of one direction.
#[derive(Debug)]
pub(crate) struct RateLimit {
    bytes_per_second: u64,
    /// When the bytes that were granted so far are through.
    busy_until: Mutex<Option<Instant>>,
}

impl RateLimit {
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            busy_until: Mutex::new(None),
        }
    }

    /// Grants `bytes` that are still to be sent, and says how long to wait before they may go.
    /// Waiters queue in the order of their calls. Time in which nobody asked is not saved up.
    pub(crate) fn before(&self, bytes: usize) -> Duration {
        self.book(bytes).0
    }

    /// Takes note of `bytes` that were received, and says how long to wait before more may come.
    pub(crate) fn after(&self, bytes: usize) -> Duration {
        self.book(bytes).1
    }

    /// When the bytes may begin and when they are through, from now.
    fn book(&self, bytes: usize) -> (Duration, Duration) {
        let now = Instant::now();
        let mut busy_until = self.busy_until.lock();
        let start = busy_until.map_or(now, |until| until.max(now));
        let seconds = bytes as f64 / self.bytes_per_second as f64;
        let end = start + Duration::from_secs_f64(seconds);
        *busy_until = Some(end);
        (start - now, end - now)
    }

    /// How much to ask for at once, so that the speed is smooth: at most what goes in 50 ms.
    pub(crate) fn step(&self) -> usize {
        usize::try_from(self.bytes_per_second / 20)
            .unwrap_or(usize::MAX)
            .clamp(1024, 64 << 10)
    }
}
