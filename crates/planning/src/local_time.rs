//! Between instants and the wall clock of a zone, by the rule of the format's reference implementation.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Nanoseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// An instant, in seconds and nanoseconds since 1970; ends of the calendar are never reached by 64-bit nanoseconds.
pub(crate) fn timestamp(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What the wall clock of the zone shows, in seconds since 1970-01-01 00:00 on that clock.
pub(crate) fn wall_seconds(instant: Timestamp, zone: &TimeZone) -> i64 {
    instant.as_nanosecond().div_euclid(i128::from(SECOND)) as i64 + offset(instant, zone)
}

/// The instant at which the wall clock shows this, `None` beyond the calendar.
///
/// The offset in force at the wall time read as UTC is tried first; when it is not in force at the result, the one that is
/// there counts (format 2 §7.8). A time that does not exist becomes one before or after the gap, one that exists twice the
/// first or the second pass, as that rule has it.
pub(crate) fn instant_of_wall(wall: i64, zone: &TimeZone) -> Option<i64> {
    let guess = wall.checked_sub(offset(Timestamp::from_second(wall).ok()?, zone))?;
    wall.checked_sub(offset(Timestamp::from_second(guess).ok()?, zone))
}

/// The date and time of a number of seconds on a wall clock.
pub(crate) fn civil(wall: i64) -> Option<DateTime> {
    DateTime::constant(1970, 1, 1, 0, 0, 0, 0)
        .checked_add(SignedDuration::from_secs(wall))
        .ok()
}

/// Seconds on a wall clock at the beginning of a date.
pub(crate) fn midnight(date: Date) -> i64 {
    let epoch = Date::constant(1970, 1, 1);
    date.duration_since(epoch).as_secs()
}

fn offset(instant: Timestamp, zone: &TimeZone) -> i64 {
    i64::from(zone.to_offset(instant).seconds())
}
