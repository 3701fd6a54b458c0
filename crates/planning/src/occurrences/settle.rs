//! What becomes of occurrences whose time has come.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::{MOMENT, Occurrence, Timetable};

/// Most occurrences of one step, the newest ones: a job that is due each minute and whose server was away for a month
/// needs no line for each of them.
const MOST: usize = 1000;

/// Where the search for the newest ones begins, before the present.
const FIRST_LOOK: SignedDuration = SignedDuration::from_hours(1);

/// What becomes of an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The job starts.
    Start,
    /// It was not started in time, and is not made up for.
    Missed,
    /// The run of a newer occurrence makes up for it.
    Skipped,
}

/// An occurrence with its fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The occurrence.
    pub occurrence: Occurrence,
    /// What becomes of it.
    pub fate: Fate,
}

/// What a look at the clock brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Occurrences that are settled now, earliest first; at most the last one starts.
    pub settled: Vec<Settled>,
    /// The next one, `None` when there is none; its start is when to look again.
    pub next: Option<Occurrence>,
}

impl Timetable {
    /// Settles the occurrences from `due` on, which is the first that nothing was decided about. Those that were due before
    /// `since` are forgotten.
    ///
    /// Only the newest whose start has come may start: in time, or late when the schedule catches up; never after its run
    /// would have to stop, and never inside a forbidden window, at whose end it is looked at again.
    pub fn settle(&self, due: Timestamp, since: Timestamp, now: Timestamp) -> Step {
        let (mut come, mut next) = self.newest(due, since, now);
        let Some(newest) = come.pop_back() else {
            return Step {
                settled: Vec::new(),
                next,
            };
        };
        let from = self.not_between.allowed_from(now, &self.zone);
        let may_start = (self.catch_up || now <= self.deadline(newest))
            && self.stop(newest).is_none_or(|stop| from < stop);
        let older = if may_start {
            Fate::Skipped
        } else {
            Fate::Missed
        };
        let mut settled: Vec<Settled> = come
            .into_iter()
            .map(|occurrence| Settled {
                occurrence,
                fate: older,
            })
            .collect();
        if may_start && from > now {
            next = Some(Occurrence {
                due: newest.due,
                start: from,
            });
        } else {
            settled.push(Settled {
                occurrence: newest,
                fate: if may_start { Fate::Start } else { Fate::Missed },
            });
        }
        Step { settled, next }
    }

    /// The newest occurrences whose start has come, at most [`MOST`], and the first whose start has not. However long ago
    /// `due` is, few more than those are looked at.
    fn newest(
        &self,
        due: Timestamp,
        since: Timestamp,
        now: Timestamp,
    ) -> (VecDeque<Occurrence>, Option<Occurrence>) {
        let mut look = FIRST_LOOK;
        loop {
            let from = now.saturating_sub(look).unwrap_or(now).max(since);
            let is_all = from <= due;
            let first = if is_all {
                Some(self.at(due))
            } else {
                let before = from.checked_sub(MOMENT);
                before.ok().and_then(|before| self.next(before))
            };
            let (come, next) = self.come(first, now);
            if is_all || come.len() == MOST || from == since {
                return (come, next);
            }
            look = look.saturating_mul(2);
        }
    }

    /// The newest occurrences from `first` on whose start has come, and the first whose start has not.
    fn come(
        &self,
        first: Option<Occurrence>,
        now: Timestamp,
    ) -> (VecDeque<Occurrence>, Option<Occurrence>) {
        let mut come = VecDeque::new();
        let mut next = first;
        while let Some(occurrence) = next.filter(|next| next.start <= now) {
            if come.len() == MOST {
                come.pop_front();
            }
            come.push_back(occurrence);
            next = self.next(occurrence.due);
        }
        (come, next)
    }
}
