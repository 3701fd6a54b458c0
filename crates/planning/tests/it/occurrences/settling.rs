//! What becomes of occurrences whose time has come.

use holdfast_planning::occurrences::{Fate, Rule, Step, Timetable};
use jiff::SignedDuration;
use proptest::prelude::*;

use super::{at, cron, daily, time, timetable, windows};
use crate::zone;

/// Fates as text, and when to look again.
fn read(step: &Step) -> (Vec<String>, String) {
    let settled = step.settled.iter().map(|settled| {
        let fate = match settled.fate {
            Fate::Start => "starts",
            Fate::Missed => "missed",
            Fate::Skipped => "skipped",
        };
        format!("{} {fate}", settled.occurrence.due.strftime("%d %H:%M"))
    });
    let next = step
        .next
        .map(|next| next.start.strftime("%d %H:%M").to_string());
    (settled.collect(), next.unwrap_or_default())
}

fn settle(timetable: &Timetable, due: &str, now: &str) -> (Vec<String>, String) {
    read(&timetable.settle(at(due), jiff::Timestamp::UNIX_EPOCH, at(now)))
}

#[test]
fn in_time_it_starts_once() {
    let nightly = timetable(daily("22:00"), &zone("UTC"));
    let due = "2026-11-24T22:00:00Z";
    assert_eq!(
        settle(&nightly, due, "2026-11-24T21:59:59Z"),
        (vec![], "24 22:00".to_owned())
    );
    assert_eq!(
        settle(&nightly, due, "2026-11-24T22:00:00Z"),
        (vec!["24 22:00 starts".to_owned()], "25 22:00".to_owned())
    );
}

#[test]
fn after_an_absence_the_newest_is_made_up_for() {
    let mut hourly = timetable(Rule::Hourly { minute: 0 }, &zone("UTC"));
    let (due, now) = ("2026-11-24T10:00:00Z", "2026-11-24T12:20:00Z");
    let starts = [
        "24 10:00 skipped".to_owned(),
        "24 11:00 skipped".to_owned(),
        "24 12:00 starts".to_owned(),
    ];
    assert_eq!(
        settle(&hourly, due, now),
        (starts.to_vec(), "24 13:00".to_owned())
    );
    hourly.catch_up = false;
    let missed = starts.map(|line| line[..9].to_owned() + "missed");
    assert_eq!(
        settle(&hourly, due, now),
        (missed.to_vec(), "24 13:00".to_owned())
    );
    // Back within the grace it is in time.
    assert_eq!(
        settle(&hourly, due, "2026-11-24T11:15:00Z"),
        (
            vec!["24 10:00 skipped".to_owned(), "24 11:00 starts".to_owned()],
            "24 12:00".to_owned()
        )
    );
}

#[test]
fn making_up_waits_for_the_end_of_a_forbidden_window() {
    let mut nightly = timetable(daily("07:00"), &zone("UTC"));
    nightly.not_between = windows(&[("08:00", "18:00")]);
    let due = "2026-11-24T07:00:00Z";
    assert_eq!(
        settle(&nightly, due, "2026-11-24T09:30:00Z"),
        (vec![], "24 18:00".to_owned())
    );
    assert_eq!(
        settle(&nightly, due, "2026-11-24T18:00:00Z"),
        (vec!["24 07:00 starts".to_owned()], "25 07:00".to_owned())
    );
}

#[test]
fn nothing_is_made_up_for_after_its_run_would_have_to_stop() {
    let mut nightly = timetable(daily("22:00"), &zone("UTC"));
    nightly.stop_at = Some(time("06:00"));
    let due = "2026-11-24T22:00:00Z";
    assert_eq!(
        settle(&nightly, due, "2026-11-25T05:30:00Z"),
        (vec!["24 22:00 starts".to_owned()], "25 22:00".to_owned())
    );
    assert_eq!(
        settle(&nightly, due, "2026-11-25T06:00:00Z"),
        (vec!["24 22:00 missed".to_owned()], "25 22:00".to_owned())
    );
}

/// The walk over everything since 1970 would be one over 30 million occurrences.
#[test]
fn a_long_absence_is_bounded() {
    let minutely = timetable(cron("* * * * *"), &zone("UTC"));
    let epoch = jiff::Timestamp::UNIX_EPOCH;
    for due in [
        "2026-10-01T00:00:00Z",
        "2025-11-01T00:00:00Z",
        "1970-01-01T00:01:00Z",
    ] {
        let step = minutely.settle(at(due), epoch, at("2026-11-01T00:00:30Z"));
        assert_eq!(step.settled.len(), 1000, "{due}");
        let last = step.settled.last().expect("some");
        assert_eq!(
            (last.fate, last.occurrence.due),
            (Fate::Start, at("2026-11-01T00:00:00Z"))
        );
        let next = step.next.expect("goes on");
        assert_eq!(next.due, at("2026-11-01T00:01:00Z"));
    }
}

#[test]
fn what_was_due_too_long_ago_is_forgotten() {
    let nightly = timetable(daily("22:00"), &zone("UTC"));
    let settle = |since: &str| {
        let (due, now) = ("1970-01-01T22:00:00Z", "2026-11-24T12:00:00Z");
        read(&nightly.settle(at(due), at(since), at(now)))
    };
    let starts = ["22 22:00 skipped", "23 22:00 starts"].map(str::to_owned);
    assert_eq!(
        settle("2026-11-22T12:00:00Z"),
        (starts.to_vec(), "24 22:00".to_owned())
    );
    assert_eq!(
        settle("2026-11-24T00:00:00Z"),
        (vec![], "24 22:00".to_owned())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However often and late somebody looks, each occurrence is settled once and in order, nothing starts twice, and
    /// nothing is left behind.
    #[test]
    fn every_occurrence_is_settled_once(
        minute in 0i8..60,
        spread in 0i64..90,
        window in 0i64..24,
        length in 1i64..23,
        catch_up: bool,
        stops: bool,
        looks in prop::collection::vec(prop_oneof![9 => 1i64..20_000, 1 => 20_000i64..2_000_000], 1..40),
    ) {
        let utc = zone("UTC");
        let midnight = time("00:00");
        let after = |hours: i64| midnight.wrapping_add(SignedDuration::from_hours(hours % 24));
        let list = [(after(window), after(window + length))];
        let texts = list.map(|(from, to)| (from.to_string(), to.to_string()));
        let pairs: Vec<(&str, &str)> = texts.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
        let timetable = Timetable {
            not_between: windows(&pairs),
            spread: SignedDuration::from_mins(spread),
            offset: SignedDuration::from_mins(spread / 2),
            stop_at: stops.then(|| after(window)),
            catch_up,
            ..timetable(Rule::Hourly { minute }, &utc)
        };
        let begin = at("2026-11-24T00:00:00Z");
        let first = timetable.next(begin).expect("comes");
        let mut now = begin;
        let mut next = first;
        let mut settled = Vec::new();
        for seconds in looks {
            now += SignedDuration::from_secs(seconds);
            let step = timetable.settle(next.due, begin, now);
            let starts = step.settled.iter().filter(|settled| settled.fate == Fate::Start);
            prop_assert!(starts.count() <= 1);
            if let Some(last) = step.settled.last().filter(|last| last.fate == Fate::Start) {
                prop_assert_eq!(timetable.not_between.allowed_from(now, &utc), now);
                prop_assert!(last.occurrence.start <= now);
            }
            settled.extend(step.settled.iter().map(|settled| settled.occurrence.due));
            next = step.next.expect("goes on");
            prop_assert!(next.start > now, "{next:?} at {now}");
            let again = timetable.settle(next.due, begin, now);
            prop_assert!(again.settled.is_empty());
        }
        let all = timetable.upcoming(begin).take(settled.len()).map(|occurrence| occurrence.due);
        prop_assert_eq!(&settled, &all.collect::<Vec<_>>());
        let left = timetable.upcoming(begin).nth(settled.len()).expect("goes on");
        prop_assert_eq!(left.due, next.due);
    }
}
