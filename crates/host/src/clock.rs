//! Time as a value, so that tests own it.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use jiff::Timestamp;

/// Where the time comes from.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The wall clock, UTC.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment; never goes back, whatever happens to the wall clock, and goes on while the machine
    /// sleeps.
    fn monotonic(&self) -> Duration;
    /// Lets `duration` pass.
    fn sleep(&self, duration: Duration);
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Duration,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    pub fn new() -> Self {
        Self { start: steady() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        steady().saturating_sub(self.start)
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// Time since the machine was started. That of [`std::time::Instant`] stands still on Linux while the machine sleeps: what
/// was read before would pass for fresh after a night.
#[cfg(target_os = "linux")]
fn steady() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Time since the first call; counts sleep on Windows.
#[cfg(not(target_os = "linux"))]
fn steady() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

/// A clock that stands still until it is moved. Sleeping on it moves it and returns at once.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<(Timestamp, Duration)>,
}

impl ManualClock {
    /// A clock that shows `now`; its monotonic time is zero.
    pub fn new(now: Timestamp) -> Self {
        Self {
            state: Mutex::new((now, Duration::ZERO)),
        }
    }

    /// Another clock that shows the same times and goes its own way from here on.
    #[must_use]
    pub fn fork(&self) -> Self {
        let state = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            state: Mutex::new(state),
        }
    }

    /// Moves wall clock and monotonic time forward. Panics beyond the year 9999.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 += jiff::SignedDuration::try_from(by).expect("duration fits");
        state.1 += by;
    }

    /// Sets the wall clock alone, forward or back, as an administrator would.
    pub fn set_wall_clock(&self, now: Timestamp) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn monotonic(&self) -> Duration {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_moves_on() {
        let clock = SystemClock::new();
        let before = clock.monotonic();
        clock.sleep(Duration::from_millis(2));
        let passed = clock.monotonic() - before;
        assert!((2..60_000).contains(&passed.as_millis()), "{passed:?}");
    }
}
