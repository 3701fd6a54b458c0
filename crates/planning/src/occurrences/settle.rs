//! What becomes of occurrences whose time has come.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::{Occurrence, Timetable};

/// Most occurrences of one step, the newest ones: a job that is due each minute and whose server was away for a month
/// needs no line for each of them.
const MOST: usize = 1000;

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
    /// Settles the occurrences from `due` on, which is the first that nothing was decided about.
    ///
    /// Only the newest whose start has come may start: in time, or late when the schedule catches up; never after its run
    /// would have to stop, and never inside a forbidden window, at whose end it is looked at again.
    pub fn settle(&self, due: Timestamp, now: Timestamp) -> Step {
        let mut come = VecDeque::new();
        let mut next = Some(self.at(due));
        while let Some(occurrence) = next.filter(|next| next.start <= now) {
            if come.len() == MOST {
                come.pop_front();
            }
            come.push_back(occurrence);
            next = self.next(occurrence.due);
        }
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
}
