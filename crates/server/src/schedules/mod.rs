//! Schedules of jobs: what their documents mean, and the task that starts runs by them.
//!
//! The rules are `holdfast_planning::occurrences`. Each job carries when it is due next; a look at the clock settles, job by
//! job and each in one transaction, what has come since: occurrences, the run that one of them starts, and the next time.

mod absence;
mod agreement;
mod change;
mod document;
mod gate;
mod scheduler;

pub(crate) use absence::new_plan;
pub(crate) use change::carry_over;
pub(crate) use document::{next_of, timetable, timetable_of, zone_of};
pub(crate) use gate::{held_until, may_begin};
pub(crate) use scheduler::{Follower, HORIZON_MS, LOOK_PAUSE};

use jiff::Timestamp;

/// An instant of the database.
fn instant(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or_default()
}
