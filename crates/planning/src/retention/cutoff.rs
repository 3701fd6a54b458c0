//! How far back each kind reaches.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Keep, Kind};
use crate::local_time::{SECOND, civil, instant_of_wall, midnight, timestamp, wall_seconds};

/// Before these instants a kind keeps nothing; nanoseconds since 1970.
pub(super) struct Cutoffs([i64; Kind::ALL.len()]);

/// More years than snapshots can span.
const ALL_TIME_YEARS: i64 = 2000;

impl Cutoffs {
    /// Counts back from the newest complete snapshot.
    pub(super) fn new(keep: &Keep, newest: i64, zone: &TimeZone) -> Self {
        Self(Kind::ALL.map(|kind| {
            let count = keep.of(kind).unwrap_or(0);
            match kind {
                Kind::Latest => i64::MIN,
                Kind::Annual => months_before(newest, count.saturating_mul(12), zone),
                Kind::Monthly => months_before(newest, count, zone),
                Kind::Weekly => days_before(newest, count.saturating_mul(7), zone),
                Kind::Daily => days_before(newest, count, zone),
                Kind::Hourly => newest.saturating_sub(count.saturating_mul(3600 * SECOND)),
            }
        }))
    }

    pub(super) fn is_before(&self, kind: Kind, start: i64) -> bool {
        start < self.0[kind as usize]
    }
}

/// The same wall clock time on the same day some months before; a day that the month lacks runs into the next one.
fn months_before(newest: i64, months: i64, zone: &TimeZone) -> i64 {
    if !(0..ALL_TIME_YEARS * 12).contains(&months) {
        return all_or_nothing(months);
    }
    let wall = wall_seconds(timestamp(newest), zone);
    let Some(time) = civil(wall) else {
        return i64::MIN;
    };
    let month = i64::from(time.year()) * 12 + i64::from(time.month()) - 1 - months;
    let first = i16::try_from(month.div_euclid(12)).ok().and_then(|year| {
        let month = i8::try_from(month.rem_euclid(12) + 1).ok()?;
        Date::new(year, month, 1).ok()
    });
    let Some(first) = first else {
        return i64::MIN;
    };
    let days = i64::from(time.day()) - 1;
    let of_day = wall - midnight(time.date());
    at_wall(midnight(first) + days * DAY + of_day, newest, zone)
}

/// The same wall clock time some days before.
fn days_before(newest: i64, days: i64, zone: &TimeZone) -> i64 {
    if !(0..ALL_TIME_YEARS * 366).contains(&days) {
        return all_or_nothing(days);
    }
    at_wall(
        wall_seconds(timestamp(newest), zone) - days * DAY,
        newest,
        zone,
    )
}

/// Seconds in a day on a wall clock.
const DAY: i64 = 24 * 3600;

fn at_wall(wall: i64, newest: i64, zone: &TimeZone) -> i64 {
    let fraction = newest.rem_euclid(SECOND);
    instant_of_wall(wall, zone)
        .and_then(|seconds| seconds.checked_mul(SECOND)?.checked_add(fraction))
        .unwrap_or(i64::MIN)
}

/// A count beyond all time reaches back for ever; a negative one keeps nothing anyway.
fn all_or_nothing(count: i64) -> i64 {
    if count < 0 { i64::MAX } else { i64::MIN }
}
