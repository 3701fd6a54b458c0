//! What is due, before windows and spread.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::cron::JobCron;
use super::wall::{next_of_day, next_shown};

/// What is due.
#[derive(Clone, Debug)]
pub enum Rule {
    /// Each real hour, at a minute.
    Hourly {
        /// 0 to 59.
        minute: i8,
    },
    /// Each day, at a time.
    Daily {
        /// Time of day.
        time: Time,
    },
    /// On some days of the week, at a time.
    Weekly {
        /// The days; none of them is never.
        weekdays: Vec<Weekday>,
        /// Time of day.
        time: Time,
    },
    /// On a day of each month, at a time.
    Monthly {
        /// 1 to 31; in a shorter month its last day.
        day: i8,
        /// Time of day.
        time: Time,
    },
    /// By a cron expression.
    Cron(JobCron),
}

impl Rule {
    /// The first instant after another at which it is due; `None` when it never is again.
    pub(super) fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let each_hour = match self {
            Self::Hourly { .. } => true,
            Self::Cron(cron) => cron.is_each_hour(),
            _ => false,
        };
        if each_hour {
            next_shown(after, zone, |wall| self.next_wall(wall))
        } else {
            next_of_day(after, zone, |wall| self.next_wall(wall))
        }
    }

    /// The first wanted time on the wall clock from a given one on, that included.
    fn next_wall(&self, from: DateTime) -> Option<DateTime> {
        match self {
            Self::Hourly { minute } => {
                let hour = from.date().at(from.hour(), *minute, 0, 0);
                if hour >= from {
                    Some(hour)
                } else {
                    hour.checked_add(SignedDuration::from_hours(1)).ok()
                }
            }
            Self::Daily { time } => first_day(from, *time, |_| true),
            Self::Weekly { weekdays, time } if !weekdays.is_empty() => {
                first_day(from, *time, |date| weekdays.contains(&date.weekday()))
            }
            Self::Weekly { .. } => None,
            Self::Monthly { day, time } => first_day(from, *time, |date| {
                date.day() == (*day).clamp(1, date.days_in_month())
            }),
            Self::Cron(cron) => cron.next_wall(from),
        }
    }
}

/// The first time of day from a moment on whose date is wanted; some date of each month must be.
fn first_day(from: DateTime, time: Time, wanted: impl Fn(Date) -> bool) -> Option<DateTime> {
    let mut date = from.date();
    loop {
        let found = date.to_datetime(time);
        if found >= from && wanted(date) {
            return Some(found);
        }
        date = date.tomorrow().ok()?;
    }
}
