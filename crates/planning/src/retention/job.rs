//! Retention of a job's restore points, as the server plans it: by times that it stamped itself, so that a machine which
//! somebody else controls cannot push out what is older by points of its own making.

use jiff::tz::TimeZone;

use super::periods::Named;
use super::{Keep, Kind, Point, Reason, plan_named};

/// A restore point of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobPoint {
    /// When its run began by the server's clock, nanoseconds since 1970.
    pub stamp: i64,
    /// Order of entering; of points with one stamp the first counts as the newest.
    pub sequence: i64,
    /// Whether nothing is missing in it.
    pub whole: bool,
    /// Whether anything pins it.
    pub pinned: bool,
    /// Whether the server started its run and it is the first that the run told of. Other points never take the place of such
    /// a one.
    pub by_server: bool,
}

/// What becomes of one point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobVerdict {
    /// The rules that keep it, in the order of display.
    pub reasons: Vec<Reason>,
    /// Whether it stays in any case, because it is the newest one in which nothing is missing.
    pub newest_whole: bool,
    /// Whether it is to be deleted: no reason, no pin, not the newest whole one.
    pub delete: bool,
}

impl JobVerdict {
    /// The rule that keeps it longest.
    pub fn longest(&self) -> Option<Kind> {
        let kinds = self.reasons.iter().filter_map(|reason| match reason {
            Reason::Kept(kind, _) => Some(*kind),
            Reason::Incomplete => None,
        });
        // `Latest` comes first in the order of kinds, `Annual` last.
        kinds.max()
    }
}

/// Which of a job's runs have a time that cannot be: `stamps` are when they began by the server's clock, nanoseconds since
/// 1970, in the order in which the runs were made.
///
/// A clock that is wrong for a while gives a run a time after `now`, or one that does not fit between those of the runs before
/// and after it. Times that every longest row of rising times has are believed, no others. What is not believed must not decide
/// about other points, nor be judged itself: a point of next year would push out all of this year's.
pub fn impossible_times(stamps: &[i64], now: i64) -> Vec<bool> {
    let latest = now.saturating_add(CLOCKS_DIFFER);
    let possible: Vec<usize> = (0..stamps.len())
        .filter(|&at| stamps[at] <= latest)
        .collect();
    let up = rising(possible.iter().map(|&at| stamps[at]));
    let mut down = rising(possible.iter().rev().map(|&at| -i128::from(stamps[at])));
    down.reverse();
    let longest = up.iter().max().copied().unwrap_or(0);
    // A row has one time at each place; where several may stand, none is certain.
    let mut at_place = vec![0; longest + 1];
    let in_a_longest = |number: usize| up[number] + down[number] == longest + 1;
    for number in (0..possible.len()).filter(|&number| in_a_longest(number)) {
        at_place[up[number]] += 1;
    }
    let mut impossible = vec![true; stamps.len()];
    for (number, &at) in possible.iter().enumerate() {
        impossible[at] = !(in_a_longest(number) && at_place[up[number]] == 1);
    }
    impossible
}

/// For each value the length of the longest row of values that never fall and ends with it.
fn rising<V: PartialOrd>(values: impl Iterator<Item = V>) -> Vec<usize> {
    // The smallest value with which a row of each length ends.
    let mut ends: Vec<V> = Vec::new();
    values
        .map(|value| {
            let shorter = ends.partition_point(|end| *end <= value);
            match ends.get_mut(shorter) {
                Some(end) => *end = value,
                None => ends.push(value),
            }
            shorter + 1
        })
        .collect()
}

/// A time may be later than the present one by so many nanoseconds: clocks are put right in small steps.
const CLOCKS_DIFFER: i64 = 5 * 60 * 1_000_000_000;

/// Decides about all points of one job, in the order in which they are given.
pub fn judge(points: &[JobPoint], keep: &Keep, zone: &TimeZone) -> Vec<JobVerdict> {
    let named: Vec<Judged> = points
        .iter()
        .map(|point| Judged::new(*point, zone))
        .collect();
    judge_named(&named, keep, zone)
}

/// A point with the names of its periods.
#[derive(Clone, Copy, Debug)]
struct Judged {
    job: JobPoint,
    named: Named,
}

impl Judged {
    fn new(job: JobPoint, zone: &TimeZone) -> Self {
        let point = Point {
            start: job.stamp,
            end: i64::MAX.saturating_sub(job.sequence),
            complete: true,
            pinned: job.pinned,
        };
        Self {
            job,
            named: Named::new(point, zone),
        }
    }
}

fn judge_named(points: &[Judged], keep: &Keep, zone: &TimeZone) -> Vec<JobVerdict> {
    let mut verdicts = vec![JobVerdict::default(); points.len()];
    let stamped: Vec<usize> = (0..points.len())
        .filter(|&at| points[at].job.by_server)
        .collect();
    let own: Vec<Named> = stamped.iter().map(|&at| points[at].named).collect();
    for (&at, verdict) in stamped.iter().zip(plan_named(&own, keep, zone)) {
        verdicts[at].reasons = verdict.reasons;
    }
    if stamped.len() < points.len() {
        let all: Vec<Named> = points.iter().map(|judged| judged.named).collect();
        for (at, verdict) in plan_named(&all, keep, zone).into_iter().enumerate() {
            if !points[at].job.by_server {
                verdicts[at].reasons = verdict.reasons;
            }
        }
    }
    let newest = |of: &dyn Fn(&JobPoint) -> bool| {
        let found = points.iter().enumerate();
        found
            .filter(|(_, judged)| judged.job.whole && of(&judged.job))
            .max_by_key(|(_, judged)| (judged.named.point.start, judged.named.point.end))
            .map(|(at, _)| at)
    };
    let protected = [newest(&|_| true), newest(&|job| job.by_server)];
    for at in protected.into_iter().flatten() {
        verdicts[at].newest_whole = true;
    }
    for (verdict, judged) in verdicts.iter_mut().zip(points) {
        verdict.delete = verdict.reasons.is_empty() && !judged.job.pinned && !verdict.newest_whole;
    }
    verdicts
}

/// What a simulation leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// The points that are left, with what keeps them, oldest first.
    pub left: Vec<(JobPoint, JobVerdict)>,
    /// The stamp up to which it went; nothing when it was done before the first run.
    pub until: Option<i64>,
    /// Whether it ended because it would have taken too long.
    pub cut_short: bool,
}

/// Applies a retention now and after each coming run, one at a time, as it will be; `runs` are their stamps in rising order, each
/// of a run that succeeds. `budget` bounds the points that are judged, counted each time.
pub fn simulate(
    present: &[JobPoint],
    runs: impl IntoIterator<Item = i64>,
    keep: &Keep,
    zone: &TimeZone,
    budget: usize,
) -> Simulated {
    let mut points: Vec<Judged> = present
        .iter()
        .map(|point| Judged::new(*point, zone))
        .collect();
    points.sort_by_key(|judged| (judged.named.point.start, judged.job.sequence));
    let last = present.iter().map(|point| point.sequence).max();
    let sequences = last.unwrap_or(0) + 1..;
    let mut verdicts = apply(&mut points, keep, zone);
    let mut left = budget;
    let mut until = None;
    let mut cut_short = false;
    for (sequence, stamp) in sequences.zip(runs) {
        let Some(rest) = left.checked_sub(points.len() + 1) else {
            cut_short = true;
            break;
        };
        left = rest;
        let point = JobPoint {
            stamp,
            sequence,
            whole: true,
            pinned: false,
            by_server: true,
        };
        points.push(Judged::new(point, zone));
        verdicts = apply(&mut points, keep, zone);
        until = Some(stamp);
    }
    let points = points.into_iter().map(|judged| judged.job);
    Simulated {
        left: points.zip(verdicts).collect(),
        until,
        cut_short,
    }
}

/// Drops what is to be deleted; the verdicts are those of the points that stay.
fn apply(points: &mut Vec<Judged>, keep: &Keep, zone: &TimeZone) -> Vec<JobVerdict> {
    let mut verdicts = judge_named(points, keep, zone);
    let mut stay = verdicts.iter().map(|verdict| !verdict.delete);
    points.retain(|_| stay.next().unwrap_or(true));
    verdicts.retain(|verdict| !verdict.delete);
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60 * 1_000_000_000;

    fn doubted(stamps: &[i64], now: i64) -> Vec<i64> {
        let stamps: Vec<i64> = stamps.iter().map(|minutes| minutes * MINUTE).collect();
        impossible_times(&stamps, now * MINUTE)
            .into_iter()
            .zip(stamps)
            .filter_map(|(impossible, stamp)| impossible.then_some(stamp / MINUTE))
            .collect()
    }

    #[test]
    fn times_of_a_wrong_clock_are_doubted_and_no_others() {
        assert_eq!(doubted(&[], 0), [0; 0]);
        assert_eq!(doubted(&[10, 20, 20, 30], 30), [0; 0]);
        // Some minutes ahead of the clock may be.
        assert_eq!(doubted(&[10, 34], 30), [0; 0]);
        assert_eq!(doubted(&[10, 36], 30), [36]);
        // A clock that was a year ahead for one run, seen at once and when that time has come.
        assert_eq!(doubted(&[10, 500, 20], 30), [500]);
        assert_eq!(doubted(&[10, 500, 20, 30], 600), [500]);
        // One that had lost its battery.
        assert_eq!(doubted(&[10, 20, 0], 30), [0]);
        assert_eq!(doubted(&[10, 20, 25, 0, 1, 30], 30), [0, 1]);
        // Nobody can say which of two is wrong.
        assert_eq!(doubted(&[500, 20], 600), [500, 20]);
        assert_eq!(doubted(&[10, 500, 20, 30, 40], 600), [500]);
    }
}
