//! Which snapshots of one source are kept, and why (format 2 §7.7).
//!
//! The rules have quirks: periods are counted in UTC but weeks in the local zone, and all kinds share one set of period
//! names, so that a month hides the ISO week of the same number. They are kept to the letter, because two programs that
//! disagree about what to delete are worse than either rule.

mod cutoff;
mod job;
mod periods;
mod reason;

use std::collections::HashSet;

use jiff::tz::TimeZone;

pub use job::{JobPoint, JobVerdict, Simulated, impossible_times, judge, simulate};
pub use reason::{Kind, Reason, compact};

use self::cutoff::Cutoffs;
use self::periods::{Name, Named, position_name};
use crate::local_time::SECOND;

/// Incomplete snapshots younger than this, measured from the newest snapshot, are kept; nanoseconds.
const INCOMPLETE_AGE: i64 = 4 * 3600 * SECOND;
/// So many of the newest incomplete snapshots are kept whatever their age.
const INCOMPLETE_COUNT: usize = 3;

/// What retention looks at in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// When the upload began, nanoseconds since 1970.
    pub start: i64,
    /// When it ended, nanoseconds since 1970; decides among equal starts.
    pub end: i64,
    /// Whether the upload ran to its end.
    pub complete: bool,
    /// Whether anything pins it; a pinned snapshot is never deleted, but takes its places like any other.
    pub pinned: bool,
}

/// How many snapshots of each kind are kept; what is not set keeps none and counts none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Newest snapshots.
    pub latest: Option<i64>,
    /// Newest snapshot of each hour.
    pub hourly: Option<i64>,
    /// Newest snapshot of each day.
    pub daily: Option<i64>,
    /// Newest snapshot of each ISO week.
    pub weekly: Option<i64>,
    /// Newest snapshot of each month.
    pub monthly: Option<i64>,
    /// Newest snapshot of each year.
    pub annual: Option<i64>,
}

impl Keep {
    /// How many are kept of a kind.
    pub fn of(&self, kind: Kind) -> Option<i64> {
        match kind {
            Kind::Latest => self.latest,
            Kind::Hourly => self.hourly,
            Kind::Daily => self.daily,
            Kind::Weekly => self.weekly,
            Kind::Monthly => self.monthly,
            Kind::Annual => self.annual,
        }
    }

    /// Whether everything is kept: all counts are 0, not set, or cancel out.
    pub fn is_unlimited(&self) -> bool {
        let counts = Kind::ALL.map(|kind| i128::from(self.of(kind).unwrap_or(0)));
        counts.iter().sum::<i128>() == 0
    }
}

/// What becomes of one snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Why it is kept; empty when no rule keeps it.
    pub reasons: Vec<Reason>,
    /// Whether it is to be deleted: no reason and no pin.
    pub delete: bool,
}

/// Decides about all snapshots of one source, in the order in which they are given.
///
/// Nothing depends on the present time: ages are counted from the newest complete snapshot, so a source that is no longer
/// backed up loses nothing.
pub fn plan(points: &[Point], keep: &Keep, zone: &TimeZone) -> Vec<Verdict> {
    let named: Vec<Named> = points
        .iter()
        .map(|point| Named::new(*point, zone))
        .collect();
    plan_named(&named, keep, zone)
}

/// The same for points whose periods are named already.
fn plan_named(points: &[Named], keep: &Keep, zone: &TimeZone) -> Vec<Verdict> {
    let mut verdicts = vec![Verdict::default(); points.len()];
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse((points[at].point.start, points[at].point.end)));
    let complete = points.iter().filter(|named| named.point.complete);
    if let Some(newest) = complete.map(|named| named.point.start).max() {
        let mut periods = Periods::new(keep, newest, zone);
        for (position, &at) in order.iter().enumerate() {
            if points[at].point.complete {
                verdicts[at].reasons = periods.reasons(position, &points[at]);
            }
        }
    }
    for at in kept_incomplete(points, &order) {
        verdicts[at].reasons.push(Reason::Incomplete);
    }
    for (verdict, named) in verdicts.iter_mut().zip(points) {
        verdict.delete = verdict.reasons.is_empty() && !named.point.pinned;
    }
    verdicts
}

/// The incomplete snapshots newer than every complete one that are young or few enough.
fn kept_incomplete<'p>(
    points: &'p [Named],
    order: &'p [usize],
) -> impl Iterator<Item = usize> + 'p {
    let newest = order.first().map_or(0, |&at| points[at].point.start);
    order
        .iter()
        .enumerate()
        .take_while(move |&(position, &at)| {
            let point = &points[at].point;
            let age = newest.saturating_sub(point.start);
            !point.complete && (age < INCOMPLETE_AGE || position < INCOMPLETE_COUNT)
        })
        .map(|(_, &at)| at)
}

/// Periods that have their snapshot already.
struct Periods<'a> {
    keep: &'a Keep,
    cutoffs: Cutoffs,
    latest: i64,
    /// Shared by all kinds.
    taken: HashSet<Name>,
    counts: [i64; Kind::ALL.len()],
}

/// The order in which kinds take their periods.
const TAKING: [Kind; 6] = [
    Kind::Latest,
    Kind::Annual,
    Kind::Monthly,
    Kind::Weekly,
    Kind::Daily,
    Kind::Hourly,
];

impl<'a> Periods<'a> {
    fn new(keep: &'a Keep, newest: i64, zone: &TimeZone) -> Self {
        let latest = keep.latest.filter(|_| !keep.is_unlimited());
        Self {
            keep,
            cutoffs: Cutoffs::new(keep, newest, zone),
            latest: latest.unwrap_or(if keep.is_unlimited() { i64::MAX } else { 0 }),
            taken: HashSet::new(),
            counts: [0; Kind::ALL.len()],
        }
    }

    /// Why the complete snapshot at this position of the descending list is kept.
    fn reasons(&mut self, position: usize, named: &Named) -> Vec<Reason> {
        let mut reasons = Vec::new();
        for kind in TAKING {
            let most = match kind {
                Kind::Latest => self.latest,
                _ => self.keep.of(kind).unwrap_or(0),
            };
            let start = named.point.start;
            if self.counts[kind as usize] >= most || self.cutoffs.is_before(kind, start) {
                continue;
            }
            let name = match kind {
                Kind::Latest => position_name(position),
                _ => named.period(kind),
            };
            if self.taken.insert(name) {
                self.counts[kind as usize] += 1;
                reasons.push(Reason::Kept(kind, self.counts[kind as usize]));
            }
        }
        reasons.sort();
        reasons
    }
}
