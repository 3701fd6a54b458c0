//! When the next snapshot of a source is due by its policy (format 2 §7.8).

mod cron;
mod fields;

use jiff::tz::TimeZone;

pub use cron::{Cron, CronError};

use crate::local_time::{SECOND, civil, instant_of_wall, midnight, timestamp, wall_seconds};

/// A missed run is made up for only when the next one is further away than this; nanoseconds.
const MISSED_DISTANCE: i64 = 30 * 60 * SECOND;
/// Nanoseconds in a day of 24 hours.
const DAY: i64 = 24 * 3600 * SECOND;

/// A time of day on the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
}

/// A text that is no time of day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time of day: write HH:MM, from 00:00 to 23:59")]
pub struct InvalidTimeOfDay(String);

impl std::str::FromStr for TimeOfDay {
    type Err = InvalidTimeOfDay;

    /// Reads `H:MM` or `HH:MM`. Digits are decimal: `08:30` is half past eight.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str, most: i64| {
            let digits =
                matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
            digits
                .then(|| text.parse().ok())
                .flatten()
                .filter(|value| *value <= most)
        };
        let parse = || {
            let (hour, minute) = text.trim().split_once(':')?;
            Some(Self {
                hour: number(hour, 23)?,
                minute: number(minute, 59)?,
            })
        };
        parse().ok_or_else(|| InvalidTimeOfDay(text.to_owned()))
    }
}

impl std::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{:02}", self.hour, self.minute)
    }
}

/// When snapshots of a source are taken. Several rules may apply; the earliest counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Never by schedule.
    pub manual: bool,
    /// Distance of snapshots, seconds; 0 for none.
    pub interval_seconds: i64,
    /// Times of day.
    pub times: Vec<TimeOfDay>,
    /// Cron expressions; text behind `#` does not count, and what cannot be parsed never fires.
    pub cron: Vec<String>,
    /// Whether a missed time of day or cron time is made up for.
    pub run_missed: bool,
}

/// The part of a cron entry that is an expression; empty when all of it is a comment.
pub fn without_comment(entry: &str) -> &str {
    entry.split('#').next().unwrap_or("").trim()
}

impl Schedule {
    /// The next run, `None` when nothing is ever due.
    ///
    /// `previous` is the start of the last snapshot or attempt, 1970 without one. Instants are nanoseconds since 1970.
    pub fn next_run(&self, previous: i64, now: i64, zone: &TimeZone) -> Option<i64> {
        if self.manual {
            return None;
        }
        let interval = (self.interval_seconds != 0)
            .then(|| interval_run(previous, self.interval_seconds).max(now));
        let timed = [self.next_time_of_day(now, zone), self.next_cron(now, zone)];
        let next = timed.into_iter().flatten().chain(interval).min()?;
        if self.run_missed && next > now.saturating_add(MISSED_DISTANCE) {
            // A second later, so that the run that was taken is not found again.
            let after = previous.saturating_add(SECOND);
            let missed = [
                self.next_time_of_day(after, zone),
                self.next_cron(after, zone),
            ];
            if missed.into_iter().flatten().chain([next]).min() < Some(now)
                && missed.iter().any(Option::is_some)
            {
                return Some(now);
            }
        }
        Some(next)
    }

    fn next_time_of_day(&self, now: i64, zone: &TimeZone) -> Option<i64> {
        let today = midnight(civil(wall_seconds(timestamp(now), zone))?.date());
        let times = self.times.iter().filter_map(|time| {
            let of_day = time
                .hour
                .checked_mul(3600)?
                .checked_add(time.minute.checked_mul(60)?)?;
            let instant = instant_of_wall(today.checked_add(of_day)?, zone)?.checked_mul(SECOND)?;
            Some(if now > instant {
                instant.saturating_add(DAY)
            } else {
                instant
            })
        });
        times.min()
    }

    fn next_cron(&self, now: i64, zone: &TimeZone) -> Option<i64> {
        let entries = self
            .cron
            .iter()
            .filter_map(|entry| Cron::parse(without_comment(entry)).ok());
        entries.filter_map(|cron| cron.next_after(now, zone)).min()
    }
}

/// The first multiple of the interval, counted from the year 1, after the previous run.
fn interval_run(previous: i64, interval_seconds: i64) -> i64 {
    /// Seconds from the year 1 to 1970.
    const YEAR_ONE: i128 = 62_135_596_800;
    let interval = i128::from(interval_seconds) * i128::from(SECOND);
    let due = i128::from(previous) + interval;
    if interval <= 0 {
        return i64::try_from(due).unwrap_or(i64::MIN);
    }
    let since_year_one = due + YEAR_ONE * i128::from(SECOND);
    let aligned = due - since_year_one.rem_euclid(interval);
    i64::try_from(aligned).unwrap_or(i64::MAX)
}
