//! Every minute is looked at, the simplest way that can be thought of, and the occurrences must be the same.

use std::collections::HashSet;

use holdfast_planning::occurrences::{Rule, Timetable};
use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;

use super::{at, cron, time, timetable, windows};

/// Whether a minute on the wall clock is wanted.
type Matches = Box<dyn Fn(DateTime) -> bool>;

/// A rule as the walk understands it.
struct Case {
    timetable: Timetable,
    /// Follows the wall clock, also over what it shows twice.
    each_hour: bool,
    matches: Matches,
    forbidden: Vec<(Time, Time)>,
}

/// Due minutes in `begin..end`, found by looking at each.
fn walk(cases: &[Case], zone: &TimeZone, begin: Timestamp, end: Timestamp) -> Vec<Vec<Timestamp>> {
    let minute = SignedDuration::from_mins(1);
    let shown = |at: Timestamp| zone.to_offset(at).to_datetime(at);
    let mut found = vec![Vec::new(); cases.len()];
    let mut pending = vec![false; cases.len()];
    // A day earlier, so that what moved out of a window is known at the beginning.
    let mut now = begin - SignedDuration::from_hours(24);
    let mut highest = shown(now - minute);
    while now < end {
        let wall = shown(now);
        for (index, case) in cases.iter().enumerate() {
            let due = if case.each_hour {
                (case.matches)(wall)
            } else {
                // The minutes that the clock has come to or jumped over, each for the first time.
                let mut minutes = std::iter::successors(Some(wall), |at| Some(*at - minute))
                    .take_while(|at| *at > highest);
                minutes.any(|at| (case.matches)(at))
            };
            pending[index] |= due;
            let inside = case.forbidden.iter().any(|(from, to)| {
                let after = wall.time() >= *from;
                let before = wall.time() < *to;
                if from < to {
                    after && before
                } else {
                    after || before
                }
            });
            if pending[index] && !inside {
                pending[index] = false;
                if now >= begin {
                    found[index].push(now);
                }
            }
        }
        highest = highest.max(wall);
        now += minute;
    }
    found
}

/// Every kind of rule, at times at which clocks change, with and without windows.
fn cases(zone: &TimeZone) -> Vec<Case> {
    let case = |rule: Rule, each_hour: bool, matches: Matches| Case {
        timetable: timetable(rule, zone),
        each_hour,
        matches,
        forbidden: Vec::new(),
    };
    let is = |text: &str| {
        let wanted = time(text);
        move |wall: DateTime| wall.time() == wanted
    };
    let mut all = vec![
        case(
            Rule::Hourly { minute: 15 },
            true,
            Box::new(|wall| wall.minute() == 15),
        ),
        case(
            cron("*/20 * * * *"),
            true,
            Box::new(|wall| wall.minute() % 20 == 0),
        ),
        case(
            cron("10 */2 * * *"),
            false,
            Box::new(|wall| wall.minute() == 10 && wall.hour() % 2 == 0),
        ),
        case(
            cron("*/25 0-3 * * sat,sun"),
            false,
            Box::new(|wall| {
                let weekend = matches!(wall.weekday(), Weekday::Saturday | Weekday::Sunday);
                weekend && wall.minute() % 25 == 0 && wall.hour() <= 3
            }),
        ),
    ];
    for text in ["00:00", "00:30", "01:30", "02:00", "02:30", "23:59"] {
        let rule = Rule::Daily { time: time(text) };
        all.push(case(rule, false, Box::new(is(text))));
    }
    let sundays = Rule::Weekly {
        weekdays: vec![Weekday::Sunday, Weekday::Thursday],
        time: time("02:15"),
    };
    let on = is("02:15");
    all.push(case(
        sundays,
        false,
        Box::new(move |wall| {
            on(wall) && matches!(wall.weekday(), Weekday::Sunday | Weekday::Thursday)
        }),
    ));
    let ultimo = Rule::Monthly {
        day: 31,
        time: time("02:45"),
    };
    let on = is("02:45");
    all.push(case(
        ultimo,
        false,
        Box::new(move |wall| on(wall) && wall.day() == wall.date().days_in_month()),
    ));
    for forbidden in [
        vec![("01:10", "02:40")],
        vec![("22:00", "02:05"), ("02:00", "02:20")],
    ] {
        let times = forbidden
            .iter()
            .map(|(from, to)| (time(from), time(to)))
            .collect::<Vec<_>>();
        let mut hourly = case(
            Rule::Hourly { minute: 30 },
            true,
            Box::new(|wall| wall.minute() == 30),
        );
        let mut nightly = case(
            Rule::Daily {
                time: time("02:10"),
            },
            false,
            Box::new(is("02:10")),
        );
        for case in [&mut hourly, &mut nightly] {
            case.timetable.not_between = windows(&forbidden);
            case.forbidden.clone_from(&times);
        }
        all.extend([hourly, nightly]);
    }
    all
}

fn compare(name: &str, zone: &TimeZone, cases: &[Case], begin: Timestamp, end: Timestamp) -> usize {
    let mut count = 0;
    let found = walk(cases, zone, begin, end);
    for (case, found) in cases.iter().zip(found) {
        let planned: Vec<Timestamp> = case
            .timetable
            .upcoming(begin - SignedDuration::from_secs(1))
            .map(|occurrence| occurrence.due)
            .take_while(|due| *due < end)
            .collect();
        assert_eq!(
            planned, found,
            "{name}: {:?}, {begin} to {end}",
            case.timetable
        );
        count += found.len();
    }
    count
}

/// The changes of a zone's clock from 2024 to 2034.
fn changes(zone: &TimeZone) -> Vec<Timestamp> {
    let (first, last) = (at("2024-01-01T00:00:00Z"), at("2035-01-01T00:00:00Z"));
    zone.following(first)
        .map(|change| change.timestamp())
        .take_while(|change| *change < last)
        .collect()
}

/// Zones with the same clock are looked at once.
fn different_zones() -> Vec<(String, TimeZone)> {
    let mut seen = HashSet::new();
    let mut zones = Vec::new();
    for name in jiff::tz::db().available() {
        let zone = TimeZone::get(name.as_str()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let offsets = changes(&zone)
            .into_iter()
            .map(|change| (change, zone.to_offset(change)))
            .collect::<Vec<_>>();
        let start = zone.to_offset(at("2024-01-01T00:00:00Z"));
        if seen.insert((start, offsets)) {
            zones.push((name.to_string(), zone));
        }
    }
    zones
}

/// Two days on both sides of each change of every zone there is from 2024 to 2034, and of those that never change; with
/// `HOLDFAST_SOAK=1` all of these years.
// Requirements: SCH-7
#[test]
fn no_start_is_doubled_or_lost_in_any_zone() {
    let soak = std::env::var_os("HOLDFAST_SOAK").is_some_and(|value| value == "1");
    let zones = different_zones();
    assert!(zones.len() > 50, "only {} zones are known", zones.len());
    let mut count = 0;
    for (name, zone) in &zones {
        let cases = cases(zone);
        for (begin, end) in stretches(zone, soak) {
            count += compare(name, zone, &cases, begin, end);
        }
    }
    assert!(count > 100_000, "only {count} starts were compared");
}

/// What is walked over in a zone.
fn stretches(zone: &TimeZone, whole: bool) -> Vec<(Timestamp, Timestamp)> {
    let year = |year: i32| at(&format!("{year}-01-01T00:00:00Z"));
    if whole {
        return (2024..2035)
            .map(|first| (year(first), year(first + 1)))
            .collect();
    }
    let days = SignedDuration::from_hours(48);
    let mut changes = changes(zone);
    if changes.is_empty() {
        changes.push(year(2026));
    }
    let around = changes
        .into_iter()
        .map(|change| (change - days, change + days));
    around.collect()
}

/// Zones whose clocks do something of their own: half hours, changes at midnight, winter as the exception, Ramadan.
const UNUSUAL: [&str; 12] = [
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Santiago",
    "America/St_Johns",
    "America/Havana",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
];

/// A zone that left out a whole day.
#[test]
fn a_day_that_does_not_exist_is_made_up_for() {
    let apia = crate::zone("Pacific/Apia");
    let change = at("2011-12-30T10:00:00Z");
    let days = SignedDuration::from_hours(48);
    let count = compare("Apia", &apia, &cases(&apia), change - days, change + days);
    assert!(count > 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Random rules, zones and beginnings over six days.
    // Requirements: SCH-5
    #[test]
    fn planned_starts_are_those_of_a_walk(
        zone in prop::sample::select(UNUSUAL.to_vec()),
        day in 0i32..4000,
        hour in 0i8..24,
        minute in 0i8..60,
        step in 1i8..30,
        window in prop::option::of((0i8..24, 0i8..24)),
    ) {
        let name = zone;
        let zone = crate::zone(name);
        let begin = jiff::civil::date(2024, 1, 1).checked_add(day.days()).expect("a date");
        let begin = begin.to_zoned(TimeZone::UTC).expect("a time").timestamp();
        let time = Time::new(hour, minute, 0, 0).expect("a time");
        let is = move |wall: DateTime| wall.time() == time;
        let rules: Vec<(Rule, bool, Matches)> = vec![
            (Rule::Hourly { minute }, true, Box::new(move |wall| wall.minute() == minute)),
            (Rule::Daily { time }, false, Box::new(is)),
            (
                Rule::Weekly { weekdays: vec![Weekday::Tuesday, Weekday::Sunday], time },
                false,
                Box::new(move |wall| is(wall) && matches!(wall.weekday(), Weekday::Tuesday | Weekday::Sunday)),
            ),
            (
                Rule::Monthly { day: 30, time },
                false,
                Box::new(move |wall| is(wall) && wall.day() == wall.date().days_in_month().min(30)),
            ),
            (
                cron(&format!("*/{step} {hour} * * *")),
                false,
                Box::new(move |wall| wall.hour() == hour && wall.minute() % step == 0),
            ),
        ];
        let window = window.filter(|(from, to)| from != to).map(|(from, to)| {
            let at = |hour| Time::new(hour, 0, 0, 0).expect("a time");
            (at(from), at(to))
        });
        let cases: Vec<Case> = rules.into_iter().map(|(rule, each_hour, matches)| {
            let mut timetable = timetable(rule, &zone);
            if let Some((from, to)) = window {
                timetable.not_between = windows(&[(&from.to_string(), &to.to_string())]);
            }
            Case { timetable, each_hour, matches, forbidden: window.into_iter().collect() }
        }).collect();
        compare(name, &zone, &cases, begin, begin + SignedDuration::from_hours(6 * 24));
    }

    /// Whether something starts in a stretch of time is what all starts before and in it say.
    #[test]
    fn starts_between_are_those_of_all_starts(
        zone in prop::sample::select(UNUSUAL.to_vec()),
        day in 0i32..4000,
        minutes in 0i64..1440,
        length in 0i64..20,
        hour in 0i8..24,
        offset in 0i64..180,
        window in prop::option::of((0i8..24, 0i8..24)),
    ) {
        let zone = crate::zone(zone);
        let midnight = jiff::civil::date(2024, 1, 1).checked_add(day.days()).expect("a date");
        let midnight = midnight.to_zoned(TimeZone::UTC).expect("a time").timestamp();
        let from = midnight + SignedDuration::from_mins(minutes);
        let to = from + SignedDuration::from_mins(length);
        let at = |hour| Time::new(hour, 0, 0, 0).expect("a time");
        for rule in [Rule::Hourly { minute: 20 }, Rule::Daily { time: at(hour) }, cron("*/7 5,20 * * *")] {
            let mut timetable = timetable(rule, &zone);
            timetable.offset = SignedDuration::from_mins(offset);
            if let Some((begin, end)) = window.filter(|(begin, end)| begin != end) {
                timetable.not_between = windows(&[(&at(begin).to_string(), &at(end).to_string())]);
            }
            let mut starts = timetable
                .upcoming(from - SignedDuration::from_hours(96))
                .map(|occurrence| occurrence.start)
                .take_while(|start| *start <= to);
            let expected = starts.any(|start| start >= from);
            prop_assert_eq!(timetable.starts_between(from, to), expected);
        }
    }
}
