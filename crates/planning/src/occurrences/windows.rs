//! Windows of the day in which nothing starts.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// No forbidden stretch is longer: windows leave a minute of each day, and clocks change by a day at most.
const LONGEST: SignedDuration = SignedDuration::from_hours(72);

/// Minutes of a day.
const DAY_MINUTES: i16 = 24 * 60;

/// A stretch of each day on the wall clock, from its beginning up to its end, over midnight when the end is not later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first minute.
    pub from: Time,
    /// The minute after its last.
    pub to: Time,
}

impl Window {
    fn contains(self, time: Time) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&time)
        } else {
            time >= self.from || time < self.to
        }
    }
}

/// Windows that leave no minute of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("leaves no time of the day at which anything could start")]
pub struct NoTimeLeft;

/// Windows that leave at least a minute of each day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows(Vec<Window>);

impl Windows {
    /// Takes windows of whole minutes.
    ///
    /// # Errors
    /// When together they cover the day.
    pub fn new(windows: Vec<Window>) -> Result<Self, NoTimeLeft> {
        let is_free = |minute: i16| {
            let time = Time::midnight().wrapping_add(SignedDuration::from_mins(minute.into()));
            !windows.iter().any(|window| window.contains(time))
        };
        if (0..DAY_MINUTES).any(is_free) {
            Ok(Self(windows))
        } else {
            Err(NoTimeLeft)
        }
    }

    /// The windows.
    pub(super) fn list(&self) -> &[Window] {
        &self.0
    }

    /// The first instant from another on that lies in no window. Never falls when the instant rises.
    pub fn allowed_from(&self, from: Timestamp, zone: &TimeZone) -> Timestamp {
        let mut at = from;
        loop {
            let time = zone.to_offset(at).to_datetime(at).time();
            let Some(window) = self.0.iter().find(|window| window.contains(time)) else {
                return at;
            };
            let mut left = window.to.duration_since(time);
            if !left.is_positive() {
                left += SignedDuration::from_hours(24);
            }
            let Ok(end) = at.checked_add(left) else {
                return at;
            };
            // A change of the clock leads out of the window, or further into it.
            let change = zone.following(at).next().map(|change| change.timestamp());
            at = change.map_or(end, |change| change.min(end));
        }
    }

    /// The beginning, in whole seconds, of the forbidden stretch in which an instant lies; the instant itself when it lies in
    /// none.
    pub(super) fn stretch_of(&self, inside: Timestamp, zone: &TimeZone) -> Timestamp {
        let end = self.allowed_from(inside, zone);
        if end == inside {
            return inside;
        }
        // It never falls when the instant rises, so the stretch is where it is the same.
        let is_in = |second: i64| {
            Timestamp::from_second(second).is_ok_and(|at| self.allowed_from(at, zone) == end)
        };
        let (mut out, mut first) = (inside.as_second() - LONGEST.as_secs(), inside.as_second());
        while first - out > 1 {
            let middle = out + (first - out) / 2;
            if is_in(middle) {
                first = middle;
            } else {
                out = middle;
            }
        }
        Timestamp::from_second(first).unwrap_or(inside)
    }
}
