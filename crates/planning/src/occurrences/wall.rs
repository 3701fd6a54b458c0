//! From the wall clock of a zone to instants.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// The instant at which the wall clock shows a time: the first pass of one that occurs twice, the first instant after the
/// gap for one that is skipped. Never falls when the time rises. `None` beyond the calendar.
pub(super) fn instant(wall: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(wall).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(wall).ok(),
        AmbiguousOffset::Gap { after, .. } => {
            // Read with the offset that comes, the time lies before the change.
            let before = after.to_timestamp(wall).ok()?;
            zone.following(before)
                .map(|change| change.timestamp())
                .find(|change| zone.to_offset(*change) == after)
        }
    }
}

/// The first instant after another at which the wall clock shows a wanted time. `next_wall` answers with the first wanted
/// time from a given one on, that included.
pub(super) fn next_shown(
    after: Timestamp,
    zone: &TimeZone,
    next_wall: impl Fn(DateTime) -> Option<DateTime>,
) -> Option<Timestamp> {
    let mut from = next_second(after)?;
    // Between two changes of the clock the wall time only rises.
    loop {
        let offset = zone.to_offset(from);
        let change = zone.following(from).next().map(|change| change.timestamp());
        let found = next_wall(offset.to_datetime(from))?;
        let found = offset.to_timestamp(found).ok()?;
        match change {
            Some(change) if change <= found => from = passed_over(from, change, found),
            _ => return Some(found),
        }
    }
}

/// No clock is set by more than this.
const LARGEST_CHANGE: SignedDuration = SignedDuration::from_hours(48);

/// From where to look on when nothing was wanted from `from` up to `change`, and the clock of `from` shows the next wanted
/// time at `found`. What the clock shows after a change was looked at before, or comes close to `found`.
fn passed_over(from: Timestamp, change: Timestamp, found: Timestamp) -> Timestamp {
    if change.duration_since(from) <= LARGEST_CHANGE {
        return change;
    }
    found
        .checked_sub(LARGEST_CHANGE)
        .map_or(change, |near| near.max(change))
}

/// The first instant after another that belongs to a wanted time of day. `next_wall` as for [`next_shown`].
pub(super) fn next_of_day(
    after: Timestamp,
    zone: &TimeZone,
    next_wall: impl Fn(DateTime) -> Option<DateTime>,
) -> Option<Timestamp> {
    let mut wall = zone.to_offset(after).to_datetime(after);
    // Times of the second pass of an hour lie before `after`.
    loop {
        let wanted = next_wall(wall)?;
        let found = instant(wanted, zone)?;
        if found > after {
            return Some(found);
        }
        wall = wanted.checked_add(SignedDuration::from_secs(1)).ok()?;
    }
}

/// The whole second after an instant.
fn next_second(after: Timestamp) -> Option<Timestamp> {
    let second = after.as_nanosecond().div_euclid(1_000_000_000) + 1;
    Timestamp::from_second(i64::try_from(second).ok()?).ok()
}
