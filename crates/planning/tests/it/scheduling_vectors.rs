//! `scheduling.json`: next runs, cron expressions and times of day.

use holdfast_planning::schedule::{Cron, Schedule, TimeOfDay};
use serde::Deserialize;

use crate::{instant, vectors, zone};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    next: Vec<Next>,
    cron: Vec<Expression>,
    time_of_day_parsing: Vec<Time>,
}

#[derive(Deserialize)]
struct Next {
    name: String,
    tz: String,
    policy: Policy,
    previous: String,
    now: String,
    scheduled: bool,
    next: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Policy {
    manual: bool,
    interval_seconds: i64,
    time_of_day: Vec<StoredTime>,
    cron: Vec<String>,
    run_missed: bool,
}

#[derive(Deserialize)]
struct StoredTime {
    hour: i64,
    min: i64,
}

#[derive(Deserialize)]
struct Expression {
    expr: String,
    #[serde(default)]
    error: bool,
    #[serde(default)]
    from: String,
    #[serde(default)]
    tz: String,
    next: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Time {
    #[serde(rename = "in")]
    text: String,
    #[serde(default)]
    error: bool,
    hour: Option<i64>,
    min: Option<i64>,
    string: Option<String>,
}

#[test]
fn next_runs_are_those_of_the_reference() {
    let vectors: Vectors = vectors("scheduling");
    assert_eq!(vectors.next.len(), 43);
    for case in vectors.next {
        let policy = case.policy;
        let times = policy.time_of_day.iter();
        let schedule = Schedule {
            manual: policy.manual,
            interval_seconds: policy.interval_seconds,
            times: times
                .map(|time| TimeOfDay {
                    hour: time.hour,
                    minute: time.min,
                })
                .collect(),
            cron: policy.cron,
            run_missed: policy.run_missed,
        };
        let next = schedule.next_run(instant(&case.previous), instant(&case.now), &zone(&case.tz));
        assert_eq!(next.is_some(), case.scheduled, "{}", case.name);
        assert_eq!(next, case.next.as_deref().map(instant), "{}", case.name);
    }
}

#[test]
fn cron_expressions_fire_as_in_the_reference() {
    let vectors: Vectors = vectors("scheduling");
    assert_eq!(vectors.cron.len(), 63);
    for case in vectors.cron {
        let parsed = Cron::parse(&case.expr);
        assert_eq!(parsed.is_err(), case.error, "{:?}: {parsed:?}", case.expr);
        let Ok(cron) = parsed else {
            continue;
        };
        let zone = zone(&case.tz);
        let mut fired = Vec::new();
        let mut now = instant(&case.from);
        while let Some(next) = cron.next_after(now, &zone).filter(|_| fired.len() < 4) {
            fired.push(next);
            now = next;
        }
        let expected: Vec<i64> = case
            .next
            .iter()
            .flatten()
            .map(|text| instant(text))
            .collect();
        assert_eq!(fired, expected, "{:?}", case.expr);
    }
}

/// The reference's command line reads numbers with a leading zero as octal, so that 08:30 is refused and 10:08 becomes
/// 10:00, and ignores what stands behind a number. Here a time is what it looks like, and other texts are refused; both
/// agree on every text that is `H:MM` or `HH:MM` without a leading zero before 8 or 9.
#[test]
fn times_of_day_are_what_they_look_like() {
    let vectors: Vectors = vectors("scheduling");
    assert_eq!(vectors.time_of_day_parsing.len(), 27);
    let differ = [
        ("12:3x", None),
        ("1:2:3", None),
        ("007:08", None),
        ("12:345", None),
        ("0x1:00", None),
        ("08:30", Some((8, 30))),
        ("09:00", Some((9, 0))),
        ("10:08", Some((10, 8))),
        ("10:09", Some((10, 9))),
        ("10:010", None),
        ("010:00", None),
    ];
    for case in vectors.time_of_day_parsing {
        let parsed: Option<TimeOfDay> = case.text.parse().ok();
        let seen = parsed.map(|time| (time.hour, time.minute));
        match differ.iter().find(|(text, _)| *text == case.text) {
            Some((_, expected)) => assert_eq!(seen, *expected, "{:?}", case.text),
            None => {
                assert_eq!(seen.is_none(), case.error, "{:?}", case.text);
                assert_eq!(seen, case.hour.zip(case.min), "{:?}", case.text);
                assert_eq!(
                    parsed.map(|time| time.to_string()),
                    case.string,
                    "{:?}",
                    case.text
                );
            }
        }
    }
}
