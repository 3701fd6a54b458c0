//! What is to be started now, without the server. No input or output here.

use holdfast_planning::occurrences::{Fate, Occurrence, Timetable};
use jiff::{SignedDuration, Timestamp};

/// An occurrence whose start is later than the last contact with the server was due no longer before it than this: the
/// longest spread, and the longest stretch of windows.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(12 + 72);

/// The first occurrence that the server had not started when it was last heard from, and that was not started since.
///
/// `started` is when the newest one was due that this agent has started by itself.
pub(super) fn first_open(
    timetable: &Timetable,
    last_contact: Timestamp,
    started: Option<Timestamp>,
) -> Option<Occurrence> {
    let from = last_contact.saturating_sub(LONGEST_WAIT).ok()?;
    timetable
        .upcoming(from)
        .find(|next| next.start > last_contact && started.is_none_or(|started| next.due > started))
}

/// What is to be done about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// The occurrence that starts now.
    pub(super) start: Option<Occurrence>,
    /// The first one that is looked at after that.
    pub(super) next: Option<Occurrence>,
}

/// Looks at a job whose first open occurrence is `open`. Windows, spread, and whether something is made up for are those of
/// the server; of several the newest starts.
pub(super) fn look(timetable: &Timetable, open: Occurrence, now: Timestamp) -> Look {
    if open.start > now {
        return Look {
            start: None,
            next: Some(open),
        };
    }
    let since = open.due.min(now);
    let step = timetable.settle(open.due, since, now);
    let start = step.settled.last().filter(|last| last.fate == Fate::Start);
    Look {
        start: start.map(|settled| settled.occurrence),
        next: step.next,
    }
}

#[cfg(test)]
mod tests {
    use holdfast_planning::occurrences::{Rule, Timetable, Windows};
    use jiff::tz::TimeZone;
    use jiff::{SignedDuration, Timestamp};

    use super::{first_open, look};

    fn at(text: &str) -> Timestamp {
        format!("2026-11-24T{text}:00Z").parse().unwrap()
    }

    fn hourly(offset: i64) -> Timetable {
        Timetable {
            rule: Rule::Hourly { minute: 0 },
            zone: TimeZone::UTC,
            not_between: Windows::default(),
            stop_at: None,
            spread: SignedDuration::from_mins(30),
            offset: SignedDuration::from_mins(offset),
            catch_up: true,
        }
    }

    #[test]
    fn what_the_server_has_started_is_not_started_again() {
        let open = |offset, contact: &str, started: Option<&str>| {
            let first = first_open(&hourly(offset), at(contact), started.map(at));
            first.unwrap().due
        };
        assert_eq!(open(0, "10:00", None), at("11:00"));
        assert_eq!(open(0, "09:59", None), at("10:00"));
        // It waited for its share of the spread when the server went.
        assert_eq!(open(20, "10:10", None), at("10:00"));
        assert_eq!(open(20, "10:20", None), at("11:00"));
        assert_eq!(open(0, "09:59", Some("12:00")), at("13:00"));
    }

    #[test]
    fn the_newest_starts_when_its_time_has_come() {
        let timetable = hourly(20);
        let open = first_open(&timetable, at("10:00"), None).unwrap();
        let early = look(&timetable, open, at("10:19"));
        assert_eq!((early.start, early.next), (None, Some(open)));
        let now = look(&timetable, open, at("10:20"));
        assert_eq!(now.start, Some(open));
        assert_eq!(now.next.unwrap().due, at("11:00"));
        let late = look(&timetable, open, at("12:30"));
        assert_eq!(late.start.unwrap().due, at("12:00"));
        let lazy = Timetable {
            catch_up: false,
            ..timetable
        };
        let late = look(&lazy, open, at("10:59"));
        assert_eq!((late.start, late.next.unwrap().due), (None, at("11:00")));
    }
}
