//! Whether the wall clock goes steadily: as the monotonic clock does, which nobody sets.

use std::time::Duration;

use jiff::Timestamp;

/// The wall clock was set when it is off by more than this, in milliseconds. Clocks that are slewed stay far below it.
const SET_MS: i64 = 60_000;

/// Since when the two clocks agree.
#[derive(Debug, Default)]
pub(super) struct Agreement(Option<Since>);

#[derive(Debug)]
struct Since {
    wall: Timestamp,
    steady: Duration,
    /// Nothing is known of the wall clock before.
    is_set: bool,
}

impl Agreement {
    /// How long the clocks have agreed, or nothing has been renewed, now that they show these times. Zero on the first
    /// look, and when the wall clock was set since the last one.
    pub(super) fn see(&mut self, wall: Timestamp, steady: Duration) -> Duration {
        if let Some(since) = &self.0 {
            let agreed = steady.saturating_sub(since.steady);
            let shown = wall.as_millisecond() - since.wall.as_millisecond();
            let passed = i64::try_from(agreed.as_millis()).unwrap_or(i64::MAX);
            if shown.abs_diff(passed) <= SET_MS.unsigned_abs() {
                return agreed;
            }
        }
        self.0 = Some(Since {
            wall,
            steady,
            is_set: true,
        });
        Duration::ZERO
    }

    /// What the wall clock showed on the first look, or after it was set; `None` when that was renewed.
    pub(super) fn set_at(&self) -> Option<Timestamp> {
        let since = self.0.as_ref().filter(|since| since.is_set)?;
        Some(since.wall)
    }

    /// The agreement so far is used up; it counts anew from these times on.
    pub(super) fn renew(&mut self, wall: Timestamp, steady: Duration) {
        self.0 = Some(Since {
            wall,
            steady,
            is_set: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use holdfast_host::{Clock, ManualClock};
    use jiff::ToSpan;

    use super::*;

    #[test]
    fn a_clock_that_is_set_begins_anew() {
        let true_time: Timestamp = "2026-10-24T10:00:00Z".parse().unwrap();
        let clock = ManualClock::new("2000-01-01T00:00:00Z".parse().unwrap());
        let mut agreement = Agreement::default();
        let mut see = || agreement.see(clock.now(), clock.monotonic()).as_secs();
        assert_eq!(see(), 0);
        clock.advance(Duration::from_secs(20));
        assert_eq!(see(), 20);
        clock.set_wall_clock(true_time);
        assert_eq!(see(), 0, "set forward");
        clock.advance(Duration::from_secs(500));
        // Slewed by a few seconds.
        clock.set_wall_clock(clock.now() - 5.seconds());
        assert_eq!(see(), 500);
        clock.set_wall_clock(clock.now() - 1.hour());
        assert_eq!(see(), 0, "set back");
        let set_at = clock.now();
        clock.advance(Duration::from_secs(600));
        assert_eq!(see(), 600);
        assert_eq!(agreement.set_at(), Some(set_at));
        agreement.renew(clock.now(), clock.monotonic());
        assert_eq!(agreement.set_at(), None);
        clock.advance(Duration::from_secs(7));
        assert_eq!(agreement.see(clock.now(), clock.monotonic()).as_secs(), 7);
    }
}
