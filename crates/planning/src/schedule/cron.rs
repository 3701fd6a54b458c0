//! Cron expressions in the dialect of stored policies.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::fields::{self, Field, Item};
use crate::local_time::{SECOND, civil, midnight, timestamp, wall_seconds};

/// Why a text is no cron expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Fewer than five fields.
    #[error(
        "it has fewer than five fields; write minute, hour, day of month, month and day of week"
    )]
    MissingFields,
    /// A field that cannot be read.
    #[error("{text:?} is no {field}")]
    Field {
        /// The field.
        field: &'static str,
        /// What stands there.
        text: String,
    },
}

/// A parsed expression. An instant matches when the wall clock shows a matching time, so a time that a change of the clock
/// skips does not fire and one that occurs twice fires twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    /// Sorted; at most 60.
    seconds: Vec<u16>,
    minutes: Vec<u16>,
    hours: Vec<u16>,
    months: Vec<u16>,
    years: Option<Vec<u16>>,
    days: Option<Vec<Item>>,
    weekdays: Option<Vec<Item>>,
}

const ALIASES: [(&str, &str); 6] = [
    ("@yearly", "0 0 0 1 1 * *"),
    ("@annually", "0 0 0 1 1 * *"),
    ("@monthly", "0 0 0 1 * * *"),
    ("@weekly", "0 0 0 * * 0 *"),
    ("@daily", "0 0 0 * * * *"),
    ("@hourly", "0 0 * * * * *"),
];

impl Cron {
    /// Reads five fields (minute, hour, day of month, month, day of week), six with a year behind them, or seven with
    /// seconds before them; fields behind those do not count.
    ///
    /// # Errors
    /// [`CronError`] names the field.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let alias = ALIASES.iter().find(|(name, _)| *name == text);
        let text = alias.map_or(text, |(_, expression)| expression);
        let fields: Vec<&str> = text.split_ascii_whitespace().take(7).collect();
        let (seconds, rest) = match fields.as_slice() {
            [seconds, rest @ ..] if rest.len() == 6 => (list(&fields::SECOND, seconds)?, rest),
            rest => (vec![0], rest),
        };
        let [minute, hour, day, month, weekday, year @ ..] = rest else {
            return Err(CronError::MissingFields);
        };
        Ok(Self {
            seconds,
            minutes: list(&fields::MINUTE, minute)?,
            hours: list(&fields::HOUR, hour)?,
            days: restricted(fields::DAY_OF_MONTH.items(day)?),
            months: list(&fields::MONTH, month)?,
            weekdays: restricted(fields::DAY_OF_WEEK.items(weekday)?),
            years: match year.first() {
                Some(year) => fields::YEAR.values(year)?,
                None => None,
            },
        })
    }

    /// The first matching second after an instant; nanoseconds since 1970. `None` when there is none until 2099.
    pub fn next_after(&self, instant: i64, zone: &TimeZone) -> Option<i64> {
        let mut from = timestamp(
            instant
                .div_euclid(SECOND)
                .checked_add(1)?
                .checked_mul(SECOND)?,
        );
        // Between two changes of the clock the wall time only rises.
        loop {
            let change = zone.following(from).next().map(|change| change.timestamp());
            let wall = wall_seconds(from, zone);
            let end = change.map_or(i64::MAX, |change| {
                wall.saturating_add(change.as_second() - from.as_second())
            });
            if let Some(found) = self.next_wall(wall, end) {
                return (from.as_second() + (found - wall)).checked_mul(SECOND);
            }
            from = change.filter(|change| *change > from && *change < last_instant())?;
        }
    }

    /// The first match on the wall clock in `from..end`.
    fn next_wall(&self, from: i64, end: i64) -> Option<i64> {
        let mut date = civil(from)?.date();
        while date.year() <= LAST_YEAR && midnight(date) < end {
            if self.matches_date(date)
                && let Some(found) = self.next_of_day(midnight(date), from)
            {
                return (found < end).then_some(found);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn next_of_day(&self, day: i64, from: i64) -> Option<i64> {
        for hour in &self.hours {
            let hour = day + i64::from(*hour) * 3600;
            if hour + 3600 <= from {
                continue;
            }
            for minute in &self.minutes {
                for second in &self.seconds {
                    let time = hour + i64::from(*minute) * 60 + i64::from(*second);
                    if time >= from {
                        return Some(time);
                    }
                }
            }
        }
        None
    }

    /// A day matches by either field when both are restricted.
    fn matches_date(&self, date: Date) -> bool {
        let year = date.year().unsigned_abs();
        let years = self.years.as_ref();
        if years.is_some_and(|years| !years.contains(&year))
            || !self
                .months
                .contains(&u16::from(date.month().unsigned_abs()))
        {
            return false;
        }
        match (&self.days, &self.weekdays) {
            (None, None) => true,
            (days, weekdays) => {
                let by_day = |items: &Vec<Item>| items.iter().any(|item| matches_day(*item, date));
                let by_week =
                    |items: &Vec<Item>| items.iter().any(|item| matches_weekday(*item, date));
                days.as_ref().is_some_and(by_day) || weekdays.as_ref().is_some_and(by_week)
            }
        }
    }
}

/// The format knows no later year.
const LAST_YEAR: i16 = 2099;

fn last_instant() -> Timestamp {
    // 2100-01-02, after the last local time of 2099 anywhere.
    Timestamp::from_second(4_102_531_200).unwrap_or(Timestamp::MAX)
}

fn list(field: &Field, text: &str) -> Result<Vec<u16>, CronError> {
    let mut values = match field.values(text)? {
        Some(values) => values,
        None => (field.least..=field.most).collect(),
    };
    values.sort_unstable();
    values.dedup();
    Ok(values)
}

/// The entries of a field, `None` when one of them is for all days.
fn restricted(items: Vec<Item>) -> Option<Vec<Item>> {
    (!items.contains(&Item::All)).then_some(items)
}

fn matches_day(item: Item, date: Date) -> bool {
    let day = u16::from(date.day().unsigned_abs());
    let last = u16::from(date.days_in_month().unsigned_abs());
    match item {
        Item::LastDay => day == last,
        Item::LastWorkday => day == nearest_workday(date, last, last),
        Item::NearestWorkday(wanted) => {
            wanted <= last && day == nearest_workday(date, wanted, last)
        }
        item => item.values().any(|value| value == day),
    }
}

/// The day from Monday to Friday of the date's month that is nearest to `wanted`.
fn nearest_workday(date: Date, wanted: u16, last: u16) -> u16 {
    let of_month = i8::try_from(wanted)
        .ok()
        .and_then(|day| Date::new(date.year(), date.month(), day).ok());
    match of_month.map(Date::weekday) {
        Some(Weekday::Saturday) if wanted > 1 => wanted - 1,
        Some(Weekday::Saturday) => wanted + 2,
        Some(Weekday::Sunday) if wanted < last => wanted + 1,
        Some(Weekday::Sunday) => wanted - 2,
        _ => wanted,
    }
}

fn matches_weekday(item: Item, date: Date) -> bool {
    let weekday = u16::from(date.weekday().to_sunday_zero_offset().unsigned_abs());
    let day = date.day();
    match item {
        Item::LastWeekday(wanted) => weekday == wanted && day + 7 > date.days_in_month(),
        Item::NthWeekday(wanted, number) => {
            weekday == wanted && u16::from((day.unsigned_abs() - 1) / 7) + 1 == number
        }
        // A range that ends on Sunday ends on Saturday instead.
        Item::Span(first, 0, step) => Item::Span(first, 6, step)
            .values()
            .any(|value| value == weekday),
        item => item.values().any(|value| value == weekday),
    }
}
