//! Occurrences of jobs: by examples, and against a walk over every minute.

mod examples;
mod settling;
mod walk;

use holdfast_planning::occurrences::{JobCron, Occurrence, Rule, Timetable, Window, Windows};
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A timetable without windows, spread and stop that catches up.
fn timetable(rule: Rule, zone: &TimeZone) -> Timetable {
    Timetable {
        rule,
        zone: zone.clone(),
        not_between: Windows::default(),
        stop_at: None,
        spread: SignedDuration::ZERO,
        offset: SignedDuration::ZERO,
        catch_up: true,
    }
}

fn time(text: &str) -> Time {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn daily(text: &str) -> Rule {
    Rule::Daily { time: time(text) }
}

fn cron(text: &str) -> Rule {
    Rule::Cron(JobCron::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

fn windows(list: &[(&str, &str)]) -> Windows {
    let windows = list.iter().map(|(from, to)| Window {
        from: time(from),
        to: time(to),
    });
    Windows::new(windows.collect()).expect("leave some time")
}

fn at(text: &str) -> Timestamp {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The next occurrences as local times with their offset, to be read.
fn shown(timetable: &Timetable, after: &str, count: usize) -> Vec<String> {
    let local = |occurrence: Occurrence| {
        let zoned = occurrence.due.to_zoned(timetable.zone.clone());
        zoned.strftime("%a %d %b %H:%M %:z").to_string()
    };
    timetable
        .upcoming(at(after))
        .take(count)
        .map(local)
        .collect()
}
