//! Times of directory entries and manifests: signed 64-bit nanoseconds since 1970 (format 2 §0.2, §0.3).

use std::fmt;

use jiff::Timestamp;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Nanoseconds since 1970-01-01T00:00:00Z, from 1677-09-21 to 2262-04-11.
///
/// Instants outside that range wrap around, in the reference implementation and here, so that a file of the year
/// 2300 gets the same stored time from both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixNanos(pub i64);

/// A text that is not a time of the accepted form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time with zone")]
pub struct InvalidTime;

const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

impl UnixNanos {
    /// 1970-01-01T00:00:00Z, which directory entries leave out.
    pub const EPOCH: Self = Self(0);

    /// What a `null` time reads as: the year 1 wrapped to 64-bit nanoseconds.
    pub const FROM_NULL: Self = Self(-6_795_364_578_871_345_152);

    /// The instant of `seconds` since 1970 and `nanoseconds` within that second, wrapping.
    pub fn from_parts(seconds: i64, nanoseconds: i64) -> Self {
        Self(seconds.wrapping_mul(NANOS).wrapping_add(nanoseconds))
    }

    /// The same instant as a timestamp.
    pub fn to_timestamp(self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Appends the RFC 3339 text in UTC, fraction without trailing zeros, not quoted.
    pub fn push_text(self, out: &mut Vec<u8>) {
        let seconds = self.0.div_euclid(NANOS);
        let fraction = self.0.rem_euclid(NANOS) as u32;
        let (year, month, day) = civil_from_days(seconds.div_euclid(DAY));
        let second_of_day = seconds.rem_euclid(DAY);
        push_digits(out, year as u32, 4);
        out.push(b'-');
        push_digits(out, month, 2);
        out.push(b'-');
        push_digits(out, day, 2);
        out.push(b'T');
        push_digits(out, (second_of_day / 3600) as u32, 2);
        out.push(b':');
        push_digits(out, (second_of_day / 60 % 60) as u32, 2);
        out.push(b':');
        push_digits(out, (second_of_day % 60) as u32, 2);
        if fraction != 0 {
            out.push(b'.');
            push_digits(out, fraction, 9);
            while out.last() == Some(&b'0') {
                out.pop();
            }
        }
        out.push(b'Z');
    }

    /// Reads a time as the reference implementation does: any offset, `.` or `,` before the fraction, digits past
    /// nanoseconds dropped, an hour of one digit allowed.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidTime> {
        let mut at = Scanner { text };
        let year = at.number(4, 4)?;
        at.expect(b'-')?;
        let month = at.number(2, 2)?;
        at.expect(b'-')?;
        let day = at.number(2, 2)?;
        at.expect(b'T')?;
        let hour = at.number(1, 2)?;
        at.expect(b':')?;
        let minute = at.number(2, 2)?;
        at.expect(b':')?;
        let second = at.number(2, 2)?;
        if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
            return Err(InvalidTime);
        }
        if hour > 23 || minute > 59 || second > 59 {
            return Err(InvalidTime);
        }
        let fraction = at.fraction()?;
        let offset = at.offset()?;
        let days = days_from_civil(year, month, day);
        let seconds = days * DAY + hour * 3600 + minute * 60 + second - offset;
        Ok(Self::from_parts(seconds, fraction))
    }
}

impl From<Timestamp> for UnixNanos {
    fn from(time: Timestamp) -> Self {
        // The cast keeps the low 64 bits: the wrapping that the format prescribes.
        Self(time.as_nanosecond() as i64)
    }
}

impl fmt::Display for UnixNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(30);
        self.push_text(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl fmt::Debug for UnixNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for UnixNanos {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UnixNanos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimeVisitor;
        impl Visitor<'_> for TimeVisitor {
            type Value = UnixNanos;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<UnixNanos, E> {
                UnixNanos::parse(text.as_bytes())
                    .map_err(|error| E::custom(format_args!("{text:?} is {error}")))
            }

            fn visit_unit<E>(self) -> Result<UnixNanos, E> {
                Ok(UnixNanos::FROM_NULL)
            }
        }
        deserializer
            .deserialize_any(TimeVisitor)
            .map_err(D::Error::custom)
    }
}

fn push_digits(out: &mut Vec<u8>, value: u32, width: u32) {
    for place in (0..width).rev() {
        out.push(b'0' + (value / 10_u32.pow(place) % 10) as u8);
    }
}

struct Scanner<'a> {
    text: &'a [u8],
}

impl Scanner<'_> {
    fn expect(&mut self, byte: u8) -> Result<(), InvalidTime> {
        match self.text.split_first() {
            Some((&first, rest)) if first == byte => {
                self.text = rest;
                Ok(())
            }
            _ => Err(InvalidTime),
        }
    }

    fn digit(&mut self) -> Option<i64> {
        let (&first, rest) = self.text.split_first()?;
        first.is_ascii_digit().then(|| {
            self.text = rest;
            i64::from(first - b'0')
        })
    }

    fn number(&mut self, least: usize, most: usize) -> Result<i64, InvalidTime> {
        let mut value = 0;
        for count in 0..most {
            match self.digit() {
                Some(digit) => value = value * 10 + digit,
                None if count >= least => break,
                None => return Err(InvalidTime),
            }
        }
        Ok(value)
    }

    fn fraction(&mut self) -> Result<i64, InvalidTime> {
        if !matches!(self.text, [b'.' | b',', b'0'..=b'9', ..]) {
            return Ok(0);
        }
        self.text = &self.text[1..];
        let (mut value, mut scale) = (0, NANOS / 10);
        while let Some(digit) = self.digit() {
            value += digit * scale;
            scale /= 10;
        }
        Ok(value)
    }

    fn offset(&mut self) -> Result<i64, InvalidTime> {
        let sign = match self.text.split_first() {
            Some((b'Z', [])) => return Ok(0),
            Some((b'+', rest)) => {
                self.text = rest;
                1
            }
            Some((b'-', rest)) => {
                self.text = rest;
                -1
            }
            _ => return Err(InvalidTime),
        };
        let hours = self.number(2, 2)?;
        self.expect(b':')?;
        let minutes = self.number(2, 2)?;
        if hours > 24 || minutes > 60 || !self.text.is_empty() {
            return Err(InvalidTime);
        }
        Ok(sign * (hours * 3600 + minutes * 60))
    }
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar. Years are counted from March, so that the
/// leap day is the last day of a year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date of a day counted from 1970-01-01: the inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_year_outside_the_range_wraps() {
        let time: Timestamp = "2300-01-01T00:00:00Z".parse().expect("time");
        assert_eq!(
            UnixNanos::from(time).to_string(),
            "1715-06-13T00:25:26.290448384Z"
        );
        assert_eq!(
            UnixNanos::parse(b"2300-01-01T00:00:00Z"),
            Ok(UnixNanos::from(time))
        );
        assert_eq!(
            UnixNanos::parse(b"0001-01-01T00:00:00Z"),
            Ok(UnixNanos::FROM_NULL)
        );
    }

    proptest! {
        #[test]
        fn text_and_value_round_trip(nanos: i64) {
            let time = UnixNanos(nanos);
            let text = time.to_string();
            prop_assert_eq!(UnixNanos::parse(text.as_bytes()), Ok(time));
            prop_assert_eq!(&text, &time.to_timestamp().to_string());
        }

        #[test]
        fn arbitrary_text_never_panics(text: Vec<u8>) {
            let _ = UnixNanos::parse(&text);
        }
    }
}
