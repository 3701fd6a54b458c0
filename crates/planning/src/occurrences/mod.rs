//! When jobs start by themselves: the occurrences of a job's schedule, and what becomes of each.
//!
//! A schedule speaks of the wall clock of a zone. A time of day that a change of the clock skips is due at the first instant
//! after the gap; one that occurs twice is due at its first pass. What is due in every hour of the day follows the wall
//! clock minute by minute instead, so that each real hour has its run.
//!
//! An occurrence inside a forbidden window moves to the window's end, and several that meet there are one.

mod cron;
mod rule;
mod settle;
mod wall;
mod windows;
mod wire;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub use cron::{JobCron, JobCronError};
pub use rule::Rule;
pub use settle::{Fate, Settled, Step};
pub use windows::{NoTimeLeft, Window, Windows};

/// An occurrence that was not started so long after it was due (and its job's spread) is missed.
pub const START_GRACE: SignedDuration = SignedDuration::from_mins(15);

/// The shortest time there is.
const MOMENT: SignedDuration = SignedDuration::from_nanos(1);

/// One start that a schedule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// When it is due; tells the occurrences of a job apart.
    pub due: Timestamp,
    /// When the job starts: later than `due` by the job's share of the spread, and never inside a forbidden window.
    pub start: Timestamp,
}

/// When a job starts by itself.
#[derive(Clone, Debug)]
pub struct Timetable {
    /// What is due.
    pub rule: Rule,
    /// Whose wall clock counts.
    pub zone: TimeZone,
    /// When nothing starts.
    pub not_between: Windows,
    /// Time of day at which a run that was started by the schedule ends.
    pub stop_at: Option<jiff::civil::Time>,
    /// Length of the stretch over which the starts of many jobs are spread.
    pub spread: SignedDuration,
    /// This job's share of the spread.
    pub offset: SignedDuration,
    /// Whether the newest of the missed occurrences is made up for.
    pub catch_up: bool,
}

impl Timetable {
    /// The first occurrence that is due after an instant; `None` when the rule never comes true again.
    pub fn next(&self, after: Timestamp) -> Option<Occurrence> {
        // What is due inside the stretch in which `after` lies moves to its end, and is still to come.
        let stretch = self.not_between.stretch_of(after, &self.zone);
        let mut nominal = if stretch == after {
            after
        } else {
            stretch.checked_sub(MOMENT).ok()?
        };
        loop {
            nominal = self.rule.next(nominal, &self.zone)?;
            let due = self.not_between.allowed_from(nominal, &self.zone);
            if due > after {
                return Some(self.at(due));
            }
        }
    }

    /// The occurrences that are due after an instant, earliest first.
    pub fn upcoming(&self, after: Timestamp) -> impl Iterator<Item = Occurrence> + '_ {
        std::iter::successors(self.next(after), |last| self.next(last.due))
    }

    /// The occurrence that is due at an instant.
    pub fn at(&self, due: Timestamp) -> Occurrence {
        let spread = due.checked_add(self.offset).unwrap_or(due);
        Occurrence {
            due,
            start: self.not_between.allowed_from(spread, &self.zone),
        }
    }

    /// Whether something starts from one moment to another, both included.
    pub fn starts_between(&self, from: Timestamp, to: Timestamp) -> bool {
        let Ok(before) = from.checked_sub(MOMENT) else {
            return false;
        };
        // What would start inside the stretch that lies before `from` starts at its end.
        let first = match self.not_between.stretch_of(before, &self.zone) {
            stretch if stretch == before => from,
            stretch => stretch,
        };
        first
            .checked_sub(self.offset + MOMENT)
            .ok()
            .and_then(|before| self.next(before))
            .is_some_and(|next| next.start <= to)
    }

    /// Whether the occurrence was moved out of a forbidden window.
    pub fn is_moved(&self, occurrence: Occurrence) -> bool {
        let before = occurrence.due.checked_sub(SignedDuration::from_secs(1));
        let nominal = before
            .ok()
            .and_then(|before| self.rule.next(before, &self.zone));
        nominal != Some(occurrence.due)
    }

    /// When an occurrence counts as missed unless it was started.
    pub fn deadline(&self, occurrence: Occurrence) -> Timestamp {
        let spread = occurrence.due.saturating_add(self.spread);
        let latest = spread.unwrap_or(occurrence.due).max(occurrence.start);
        latest.saturating_add(START_GRACE).unwrap_or(latest)
    }

    /// When a run that belongs to an occurrence must end; `None` when it may take as long as it likes.
    pub fn stop(&self, occurrence: Occurrence) -> Option<Timestamp> {
        let time = self.stop_at?;
        Rule::Daily { time }.next(occurrence.start, &self.zone)
    }
}

/// A job's share of the spread, in whole seconds: always the same for one job, and evenly spread over many.
pub fn share_of_spread(job: &[u8], spread: SignedDuration) -> SignedDuration {
    // FNV-1a.
    let hash = job.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    match u64::try_from(spread.as_secs()) {
        Ok(length @ 1..) => SignedDuration::from_secs((hash % length) as i64),
        _ => SignedDuration::ZERO,
    }
}
