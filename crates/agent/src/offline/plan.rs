//! What is to be started now, without the server. No input or output here.

use holdfast_planning::occurrences::{Fate, Occurrence, Timetable};
use jiff::{SignedDuration, Timestamp};

/// An occurrence whose start is later than the last contact with the server was due no longer before it than this: the
/// longest spread, and the longest stretch of windows.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(12 + 72);

/// The first occurrence that is this agent's to start, because the server is away.
///
/// `settled` is when the newest one was due that was handed out, or passed, or that this agent has started by itself: what
/// came after it waits, even if it was queued. Where nothing is known, what had come at the last contact is the server's.
pub(super) fn first_open(
    timetable: &Timetable,
    last_contact: Timestamp,
    settled: Option<Timestamp>,
) -> Option<Occurrence> {
    let from = last_contact.saturating_sub(LONGEST_WAIT).ok()?;
    match settled {
        Some(settled) => timetable.next(settled.max(from)),
        None => timetable
            .upcoming(from)
            .find(|next| next.start > last_contact),
    }
}

/// Until when everything has come: the starts of what was due until then are over, and what is due later starts later.
pub(super) fn come_until(timetable: &Timetable, now: Timestamp) -> Option<Timestamp> {
    let from = now.saturating_sub(LONGEST_WAIT).ok()?;
    let first = timetable.next(from)?;
    let next = if first.start > now {
        first
    } else {
        timetable.settle(first.due, from, now).next?
    };
    next.due.checked_sub(SignedDuration::from_millis(1)).ok()
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

    use super::{come_until, first_open, look};

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
        let open = |offset, contact: &str, settled: Option<&str>| {
            let first = first_open(&hourly(offset), at(contact), settled.map(at));
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
    fn what_was_queued_and_not_handed_out_starts() {
        let open = |contact: &str, settled: &str| {
            first_open(&hourly(0), at(contact), Some(at(settled)))
                .unwrap()
                .due
        };
        assert_eq!(open("10:30", "10:00"), at("11:00"));
        assert_eq!(open("10:30", "09:00"), at("10:00"));
        // Of what was due days ago nothing is left to start but the newest.
        let long_ago = at("10:30") - SignedDuration::from_hours(24 * 20);
        let first = first_open(&hourly(0), at("10:30"), Some(long_ago)).unwrap();
        assert!(first.due >= at("10:30") - super::LONGEST_WAIT);
        let now = look(&hourly(0), first, at("10:36"));
        assert_eq!(now.start.unwrap().due, at("10:00"));
    }

    #[test]
    fn what_has_come_is_over_and_what_waits_for_its_share_of_the_spread_is_not() {
        let first = |now| {
            let until = come_until(&hourly(20), at(now)).unwrap();
            first_open(&hourly(20), at(now), Some(until)).unwrap().due
        };
        assert_eq!(first("10:10"), at("10:00"));
        assert_eq!(first("10:20"), at("11:00"));
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
