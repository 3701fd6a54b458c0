//! How a vault grows, and when it will be full: a range, from what was measured day by day.
//!
//! A vault does not grow evenly: backups add each day, maintenance frees now and then, weekends are quiet. So the rate is
//! taken between all pairs of days that are at least a week apart, and told as the middle half of these rates (25th to
//! 75th percentile). One large import or one great clean-up does not move it.

/// Days that must have been measured before anything is said of the future.
pub const DAYS_NEEDED: usize = 14;

/// Days that a forecast looks back.
pub const DAYS_LOOKED_AT: i64 = 90;

/// What lies further away than this, in days, is told as this.
pub const FURTHEST_DAYS: u64 = 3650;

/// Two days nearer to each other say more about the weekday than about growth.
const LEAST_DISTANCE: i64 = 7;

/// What a vault held on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The day, counted from any one; each at most once.
    pub day: i64,
    /// Bytes in the vault.
    pub bytes: u64,
}

/// What can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forecast {
    /// Too few days were measured so far.
    TooShort {
        /// How many were.
        days: usize,
    },
    /// How it grows.
    Growth(Growth),
}

/// How a vault grows, in bytes a day; less than zero: it shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// A quarter of the rates is below.
    pub low: i64,
    /// The middle one.
    pub middle: i64,
    /// A quarter of the rates is above.
    pub high: i64,
    /// From the first day that was looked at to the last one.
    pub over_days: i64,
}

/// When a vault is full, in days from the last one that was measured, at most [`FURTHEST_DAYS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullIn {
    /// If it grows fast.
    pub soonest: u64,
    /// If it grows as usual; absent: then it never is.
    pub likely: Option<u64>,
    /// If it grows slowly; absent: then it never is.
    pub latest: Option<u64>,
}

/// What `history`, in the order of its days, says of growth. Days before the last [`DAYS_LOOKED_AT`] are left out.
pub fn forecast(history: &[Measured]) -> Forecast {
    let newest = history.last().map_or(0, |last| last.day);
    let old = history.partition_point(|measured| measured.day <= newest - DAYS_LOOKED_AT);
    let history = &history[old..];
    if history.len() < DAYS_NEEDED {
        return Forecast::TooShort {
            days: history.len(),
        };
    }
    let mut rates = Vec::new();
    for (index, later) in history.iter().enumerate() {
        for earlier in &history[..index] {
            let days = later.day - earlier.day;
            if days >= LEAST_DISTANCE {
                let more = i128::from(later.bytes) - i128::from(earlier.bytes);
                rates.push(more as f64 / days as f64);
            }
        }
    }
    rates.sort_by(f64::total_cmp);
    let rate = |share: f64| percentile(&rates, share).round() as i64;
    Forecast::Growth(Growth {
        low: rate(0.25),
        middle: rate(0.5),
        high: rate(0.75),
        over_days: history[history.len() - 1].day - history[0].day + 1,
    })
}

/// When a place that has `room` bytes left is full; absent: it does not grow.
pub fn full_in(growth: &Growth, room: u64) -> Option<FullIn> {
    let days = |rate: i64| {
        let rate = u64::try_from(rate).ok().filter(|rate| *rate > 0)?;
        Some((room / rate).min(FURTHEST_DAYS))
    };
    if room == 0 {
        return Some(FullIn {
            soonest: 0,
            likely: Some(0),
            latest: Some(0),
        });
    }
    Some(FullIn {
        soonest: days(growth.high)?,
        likely: days(growth.middle),
        latest: days(growth.low),
    })
}

/// The value below which `share` of the sorted, non-empty `values` lie; between two of them in proportion.
fn percentile(values: &[f64], share: f64) -> f64 {
    let place = share * (values.len() - 1) as f64;
    let below = place.floor();
    let (low, high) = (values[below as usize], values[place.ceil() as usize]);
    low + (high - low) * (place - below)
}

#[cfg(test)]
mod tests;
