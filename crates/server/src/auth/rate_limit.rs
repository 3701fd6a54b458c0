//! Slows guessing: attempts are counted before they are checked, by whatever the caller names, and one that succeeds is
//! taken back.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use holdfast_protocol::errors::ErrorCode;
use parking_lot::Mutex;
use ring::digest::{SHA256, digest};

use crate::problem::ApiError;

/// Failures within [`WINDOW`] after which further attempts wait.
const FREE_FAILURES: usize = 10;

/// How far back failures count.
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// How long one waits after the last failure.
const WAIT: Duration = Duration::from_secs(60);

/// With more keys than this, those whose failures no longer count are dropped, once a minute at most.
const MANY_KEYS: usize = 100_000;

/// What attempts are counted under, as its hash: the text comes from strangers and may be long.
type Key = [u8; 32];

/// Failures by key.
#[derive(Debug, Default)]
pub(crate) struct RateLimit(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    failures: HashMap<Key, Vec<Instant>>,
    swept_at: Option<Instant>,
}

/// An attempt that was counted as a failure until it is known to be none.
#[must_use = "an attempt counts as a failure until it is taken back"]
pub(crate) struct Attempt<'a> {
    limit: &'a RateLimit,
    keys: Vec<Key>,
    at: Instant,
}

impl RateLimit {
    /// Counts an attempt under each key, unless there were too many failures under one of them.
    ///
    /// # Errors
    /// `too_many_attempts`, with the seconds to wait.
    pub(crate) fn attempt(&self, keys: &[String]) -> Result<Attempt<'_>, ApiError> {
        self.attempt_at(keys, Instant::now()).map_err(|seconds| {
            ApiError::from(ErrorCode::TooManyAttempts)
                .detail(format!("It is possible again in {seconds} s."))
                .retry_after(seconds)
        })
    }

    fn attempt_at(&self, keys: &[String], now: Instant) -> Result<Attempt<'_>, u64> {
        let keys: Vec<Key> = keys.iter().map(|key| hash(key)).collect();
        let mut counts = self.0.lock();
        let wait = keys
            .iter()
            .filter_map(|key| counts.wait_seconds(key, now))
            .max();
        if let Some(seconds) = wait {
            return Err(seconds);
        }
        counts.sweep(now);
        for key in &keys {
            counts.failures.entry(*key).or_default().push(now);
        }
        Ok(Attempt {
            limit: self,
            keys,
            at: now,
        })
    }
}

impl Counts {
    fn wait_seconds(&mut self, key: &Key, now: Instant) -> Option<u64> {
        let times = self.failures.get_mut(key)?;
        times.retain(|time| now.duration_since(*time) < WINDOW);
        let last = times.last().filter(|_| times.len() >= FREE_FAILURES)?;
        let left = WAIT.checked_sub(now.duration_since(*last))?;
        Some(left.as_secs() + 1)
    }

    fn sweep(&mut self, now: Instant) {
        let due = self
            .swept_at
            .is_none_or(|swept| now.duration_since(swept) > WAIT);
        if self.failures.len() > MANY_KEYS && due {
            self.swept_at = Some(now);
            self.failures.retain(|_, times| {
                times
                    .last()
                    .is_some_and(|last| now.duration_since(*last) < WINDOW)
            });
        }
    }
}

impl Attempt<'_> {
    /// It was no failure: it no longer counts.
    pub(crate) fn succeeded(self) {
        let mut counts = self.limit.0.lock();
        for key in &self.keys {
            if let Some(times) = counts.failures.get_mut(key) {
                if let Some(own) = times.iter().position(|time| *time == self.at) {
                    times.remove(own);
                }
                if times.is_empty() {
                    counts.failures.remove(key);
                }
            }
        }
    }

    /// It was no failure, and its keys belong to who made it: what failed under them before no longer counts either.
    pub(crate) fn forgives(self) {
        let mut counts = self.limit.0.lock();
        for key in &self.keys {
            counts.failures.remove(key);
        }
    }
}

fn hash(key: &str) -> Key {
    let mut hash = Key::default();
    hash.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
    hash
}

/// The part of an address that one visitor cannot change at will: of an IPv6 address its network of 64 bits.
pub(crate) fn place(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(mapped) => mapped.to_string(),
            None => {
                let network = &address.segments()[..4];
                format!(
                    "{:x}:{:x}:{:x}:{:x}::/64",
                    network[0], network[1], network[2], network[3]
                )
            }
        },
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{FREE_FAILURES, RateLimit, WAIT, place};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn waits_after_too_many_failures() {
        let limit = RateLimit::default();
        let (both, one, other) = (names(&["a", "b"]), names(&["a"]), names(&["b"]));
        let start = Instant::now();
        for _ in 0..FREE_FAILURES - 1 {
            assert!(limit.attempt_at(&both, start).is_ok());
        }
        assert!(limit.attempt_at(&one, start).is_ok(), "the last free one");
        assert_eq!(
            limit.attempt_at(&one, start).err(),
            Some(WAIT.as_secs() + 1)
        );
        assert_eq!(
            limit.attempt_at(&both, start).err(),
            Some(WAIT.as_secs() + 1),
            "one key is enough"
        );
        assert!(limit.attempt_at(&other, start).is_ok());
        let later = start + WAIT + Duration::from_secs(1);
        assert!(limit.attempt_at(&one, later).is_ok(), "one a minute");
        assert!(limit.attempt_at(&one, later).is_err());
    }

    #[test]
    fn an_attempt_counts_before_it_is_checked() {
        let limit = RateLimit::default();
        let (key, now) = (names(&["a"]), Instant::now());
        let under_way: Vec<_> = (0..FREE_FAILURES)
            .map(|_| limit.attempt_at(&key, now).expect("is free"))
            .collect();
        assert!(
            limit.attempt_at(&key, now).is_err(),
            "many at once are no way around"
        );
        under_way.into_iter().for_each(super::Attempt::succeeded);
        assert!(limit.attempt_at(&key, now).is_ok());
        assert_eq!(limit.0.lock().failures.len(), 1);
    }

    #[test]
    fn a_success_of_the_owner_forgives() {
        let limit = RateLimit::default();
        let (key, now) = (names(&["a"]), Instant::now());
        for _ in 0..FREE_FAILURES - 1 {
            assert!(limit.attempt_at(&key, now).is_ok());
        }
        limit.attempt_at(&key, now).expect("is free").forgives();
        assert!(limit.0.lock().failures.is_empty());
    }

    #[test]
    fn a_network_is_one_place() {
        assert_eq!(place("192.0.2.7"), "192.0.2.7");
        assert_eq!(place("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(place("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(place("2001:db8:1:2::1"), place("2001:db8:1:2:ffff::"));
        assert_eq!(place("unknown"), "unknown");
    }
}
