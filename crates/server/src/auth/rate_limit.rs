//! Slows guessing: failed sign-ins are counted by account and by address.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Failures within [`WINDOW`] after which further attempts wait.
const FREE_FAILURES: usize = 10;

/// How far back failures count.
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// How long one waits after the last failure.
const WAIT: Duration = Duration::from_secs(60);

/// Failures by key.
#[derive(Debug, Default)]
pub(crate) struct RateLimit(Mutex<HashMap<String, Vec<Instant>>>);

impl RateLimit {
    /// Seconds to wait before the next attempt under any of these keys, if there were too many failures.
    pub(crate) fn wait_seconds(&self, keys: &[String]) -> Option<u64> {
        self.wait_seconds_at(keys, Instant::now())
    }

    fn wait_seconds_at(&self, keys: &[String], now: Instant) -> Option<u64> {
        let mut failures = self.0.lock();
        let mut longest = None;
        for key in keys {
            let Some(times) = failures.get_mut(key) else {
                continue;
            };
            times.retain(|time| now.duration_since(*time) < WINDOW);
            let last = times
                .last()
                .copied()
                .filter(|_| times.len() >= FREE_FAILURES);
            let left = last.and_then(|last| WAIT.checked_sub(now.duration_since(last)));
            longest = longest.max(left.map(|left| left.as_secs() + 1));
        }
        longest
    }

    /// Counts a failure under each key.
    pub(crate) fn failed(&self, keys: &[String]) {
        self.failed_at(keys, Instant::now());
    }

    fn failed_at(&self, keys: &[String], now: Instant) {
        let mut failures = self.0.lock();
        if failures.len() > 100_000 {
            failures.retain(|_, times| {
                times
                    .last()
                    .is_some_and(|last| now.duration_since(*last) < WINDOW)
            });
        }
        for key in keys {
            failures.entry(key.clone()).or_default().push(now);
        }
    }

    /// Forgets the failures of a key: its owner signed in.
    pub(crate) fn succeeded(&self, key: &str) {
        self.0.lock().remove(key);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{FREE_FAILURES, RateLimit, WAIT};

    #[test]
    fn waits_after_too_many_failures_and_forgets() {
        let limit = RateLimit::default();
        let keys = ["a".to_owned(), "b".to_owned()];
        let start = Instant::now();
        for _ in 0..FREE_FAILURES - 1 {
            limit.failed_at(&keys, start);
        }
        assert_eq!(limit.wait_seconds_at(&keys, start), None);
        limit.failed_at(&keys[..1], start);
        assert_eq!(
            limit.wait_seconds_at(&keys, start),
            Some(WAIT.as_secs() + 1)
        );
        assert_eq!(limit.wait_seconds_at(&keys[1..], start), None);
        assert_eq!(
            limit.wait_seconds_at(&keys, start + WAIT + Duration::from_secs(1)),
            None
        );
        limit.succeeded("a");
        assert_eq!(limit.wait_seconds_at(&keys, start), None);
    }
}
