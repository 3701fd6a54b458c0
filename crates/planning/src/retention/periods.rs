//! Names of the periods in which a snapshot lies.

use jiff::tz::TimeZone;
use jiff::{Zoned, civil};

use super::{Kind, Point};
use crate::local_time::timestamp;

/// The name of a period. The format's rules know periods by texts such as `2026`, `2026-11` and `2026-11-05 13`; two of these
/// numbers are equal exactly when the texts are, and are had in less time.
pub(super) type Name = u64;

/// A point with the names of its periods.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    pub(super) point: Point,
    periods: [Name; Kind::ALL.len()],
}

impl Named {
    pub(super) fn new(point: Point, zone: &TimeZone) -> Self {
        let instant = timestamp(point.start);
        let utc = instant.to_zoned(TimeZone::UTC);
        let local = instant.to_zoned(zone.clone()).date();
        Self {
            point,
            periods: Kind::ALL.map(|kind| period(kind, &utc, local)),
        }
    }

    /// The period of a kind; [`Kind::Latest`] has none, its periods are positions.
    pub(super) fn period(&self, kind: Kind) -> Name {
        self.periods[kind as usize]
    }
}

/// The period of the newest ones, which are named by their position: the 2026th is named like the year.
pub(super) fn position_name(position: usize) -> Name {
    name(&[position as u64])
}

fn period(kind: Kind, utc: &Zoned, local: civil::Date) -> Name {
    let part = |value: i64| value.unsigned_abs();
    let (year, month) = (part(utc.year().into()), part(utc.month().into()));
    let (day, hour) = (part(utc.day().into()), part(utc.hour().into()));
    match kind {
        Kind::Latest => 0,
        Kind::Annual => name(&[year]),
        Kind::Monthly => name(&[year, month]),
        Kind::Daily => name(&[year, month, day]),
        Kind::Hourly => name(&[year, month, day, hour]),
        Kind::Weekly => {
            let week = local.iso_week_date();
            name(&[part(week.year().into()), part(week.week().into())])
        }
    }
}

/// The number of a name with these parts. Instants of 64-bit nanoseconds lie in years of four digits.
fn name(parts: &[u64]) -> Name {
    const BASE: u64 = 10_000;
    let length = parts.len() as u64;
    parts.iter().fold(length, |name, part| name * BASE + part)
}
