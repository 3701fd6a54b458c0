//! Schedules by example.

use holdfast_planning::occurrences::{
    JobCron, JobCronError, Rule, Timetable, Window, Windows, share_of_spread,
};
use jiff::SignedDuration;
use jiff::civil::Weekday;

use super::{at, cron, daily, shown, time, timetable, windows};
use crate::zone;

#[test]
fn a_time_of_day_that_is_skipped_is_due_after_the_gap() {
    let berlin = zone("Europe/Berlin");
    let nightly = timetable(daily("02:30"), &berlin);
    assert_eq!(
        shown(&nightly, "2026-03-27T12:00:00Z", 3),
        [
            "Sat 28 Mar 02:30 +01:00",
            "Sun 29 Mar 03:00 +02:00",
            "Mon 30 Mar 02:30 +02:00"
        ]
    );
}

#[test]
fn a_time_of_day_that_occurs_twice_is_due_once() {
    let berlin = zone("Europe/Berlin");
    let nightly = timetable(daily("02:30"), &berlin);
    assert_eq!(
        shown(&nightly, "2026-10-24T12:00:00Z", 2),
        ["Sun 25 Oct 02:30 +02:00", "Mon 26 Oct 02:30 +01:00"]
    );
    // Asked in the middle of the second pass.
    assert_eq!(
        shown(&nightly, "2026-10-25T01:10:00Z", 1),
        ["Mon 26 Oct 02:30 +01:00"]
    );
}

#[test]
fn each_real_hour_has_its_run() {
    let berlin = zone("Europe/Berlin");
    for rule in [Rule::Hourly { minute: 20 }, cron("20 * * * *")] {
        let hourly = timetable(rule, &berlin);
        assert_eq!(
            shown(&hourly, "2026-10-24T23:30:00Z", 4),
            [
                "Sun 25 Oct 02:20 +02:00",
                "Sun 25 Oct 02:20 +01:00",
                "Sun 25 Oct 03:20 +01:00",
                "Sun 25 Oct 04:20 +01:00"
            ]
        );
        assert_eq!(
            shown(&hourly, "2026-03-29T00:00:00Z", 2),
            ["Sun 29 Mar 01:20 +01:00", "Sun 29 Mar 03:20 +02:00"]
        );
    }
}

#[test]
fn several_times_in_a_gap_are_due_once() {
    let berlin = zone("Europe/Berlin");
    let often = timetable(cron("*/20 1-3 * * *"), &berlin);
    assert_eq!(
        shown(&often, "2026-03-29T00:35:00Z", 3),
        [
            "Sun 29 Mar 01:40 +01:00",
            "Sun 29 Mar 03:00 +02:00",
            "Sun 29 Mar 03:20 +02:00"
        ]
    );
}

#[test]
fn a_month_without_the_day_ends_with_the_run() {
    let utc = zone("UTC");
    let monthly = Rule::Monthly {
        day: 31,
        time: time("22:00"),
    };
    assert_eq!(
        shown(&timetable(monthly, &utc), "2028-01-01T00:00:00Z", 4),
        [
            "Mon 31 Jan 22:00 +00:00",
            "Tue 29 Feb 22:00 +00:00",
            "Fri 31 Mar 22:00 +00:00",
            "Sun 30 Apr 22:00 +00:00"
        ]
    );
    let thirtieth = Rule::Monthly {
        day: 30,
        time: time("00:00"),
    };
    assert_eq!(
        shown(&timetable(thirtieth, &utc), "2027-02-01T00:00:00Z", 2),
        ["Sun 28 Feb 00:00 +00:00", "Tue 30 Mar 00:00 +00:00"]
    );
}

#[test]
fn weekdays_are_those_of_the_zone() {
    let auckland = zone("Pacific/Auckland");
    let weekdays = vec![Weekday::Monday, Weekday::Friday];
    let weekly = Rule::Weekly {
        weekdays,
        time: time("01:00"),
    };
    assert_eq!(
        shown(&timetable(weekly, &auckland), "2026-11-29T00:00:00Z", 3),
        [
            "Mon 30 Nov 01:00 +13:00",
            "Fri 04 Dec 01:00 +13:00",
            "Mon 07 Dec 01:00 +13:00"
        ]
    );
    let none = Rule::Weekly {
        weekdays: Vec::new(),
        time: time("01:00"),
    };
    assert!(
        timetable(none, &auckland)
            .next(at("2026-11-29T00:00:00Z"))
            .is_none()
    );
}

#[test]
fn a_forbidden_start_moves_to_the_end_of_the_window() {
    let berlin = zone("Europe/Berlin");
    let mut hourly = timetable(Rule::Hourly { minute: 0 }, &berlin);
    hourly.not_between = windows(&[("08:00", "18:00"), ("17:30", "19:30")]);
    assert_eq!(
        shown(&hourly, "2026-11-24T05:30:00Z", 3),
        [
            "Tue 24 Nov 07:00 +01:00",
            "Tue 24 Nov 19:30 +01:00",
            "Tue 24 Nov 20:00 +01:00"
        ]
    );
    // Asked inside the window, what moved out of it is still to come.
    assert_eq!(
        shown(&hourly, "2026-11-24T12:34:00Z", 1),
        ["Tue 24 Nov 19:30 +01:00"]
    );
    let moved = hourly.next(at("2026-11-24T12:34:00Z")).expect("comes");
    let own = hourly.next(moved.due).expect("comes");
    assert!(hourly.is_moved(moved) && !hourly.is_moved(own));

    let mut nightly = timetable(daily("23:00"), &berlin);
    nightly.not_between = windows(&[("22:00", "03:30")]);
    assert_eq!(
        shown(&nightly, "2026-03-28T12:00:00Z", 1),
        ["Sun 29 Mar 03:30 +02:00"]
    );
}

#[test]
fn windows_must_leave_a_minute() {
    let window = |from: &str, to: &str| Window {
        from: time(from),
        to: time(to),
    };
    assert!(Windows::new(vec![window("06:00", "06:00")]).is_err());
    assert!(Windows::new(vec![window("06:00", "18:00"), window("17:00", "06:00")]).is_err());
    assert!(Windows::new(vec![window("06:01", "18:00"), window("17:00", "06:00")]).is_ok());
}

#[test]
fn the_share_of_the_spread_is_stable_and_even() {
    let hour = SignedDuration::from_hours(1);
    assert_eq!(share_of_spread(b"job", SignedDuration::ZERO).as_secs(), 0);
    let mut quarters = [0; 4];
    for job in 0..4000_u128 {
        let share = share_of_spread(&job.to_be_bytes(), hour);
        assert_eq!(share, share_of_spread(&job.to_be_bytes(), hour));
        assert!(share >= SignedDuration::ZERO && share < hour);
        quarters[usize::try_from(share.as_secs() / 900).expect("small")] += 1;
    }
    assert!(
        quarters.iter().all(|count| (800..1200).contains(count)),
        "{quarters:?}"
    );
}

#[test]
fn a_spread_start_keeps_out_of_windows() {
    let utc = zone("UTC");
    let mut morning = Timetable {
        spread: SignedDuration::from_mins(30),
        offset: SignedDuration::from_mins(20),
        not_between: windows(&[("08:00", "18:00")]),
        ..timetable(daily("07:50"), &utc)
    };
    let late = morning.next(at("2026-11-24T00:00:00Z")).expect("comes");
    assert_eq!(late.due, at("2026-11-24T07:50:00Z"));
    assert_eq!(late.start, at("2026-11-24T18:00:00Z"));
    assert_eq!(morning.deadline(late), at("2026-11-24T18:15:00Z"));
    morning.offset = SignedDuration::from_mins(5);
    let early = morning.next(at("2026-11-24T00:00:00Z")).expect("comes");
    assert_eq!(early.start, at("2026-11-24T07:55:00Z"));
    assert_eq!(morning.deadline(early), at("2026-11-24T08:35:00Z"));
}

#[test]
fn a_run_stops_when_its_window_ends() {
    let berlin = zone("Europe/Berlin");
    let nightly = Timetable {
        stop_at: Some(time("06:00")),
        ..timetable(daily("22:00"), &berlin)
    };
    let occurrence = nightly.next(at("2026-03-28T12:00:00Z")).expect("comes");
    // The night of the change has an hour less.
    assert_eq!(nightly.stop(occurrence), Some(at("2026-03-29T04:00:00Z")));
    let same = Timetable {
        stop_at: Some(time("22:00")),
        ..nightly
    };
    assert_eq!(same.stop(occurrence), Some(at("2026-03-29T20:00:00Z")));
}

// Requirements: SCH-6
#[test]
fn cron_expressions_have_five_fields_and_come_true() {
    for text in [
        "*/15 * * * *",
        "0 22 * * mon-fri",
        "30 4 1,15 * *",
        "0 0 29 2 *",
        "0 3 * * 7",
        "0 3 L * *",
        "0 3 * * fri#2",
    ] {
        assert!(JobCron::parse(text).is_ok(), "{text}");
    }
    for text in ["", "* * * *", "0 * * * * *", "@daily", "0 0 1 1 * 2030"] {
        assert_eq!(
            JobCron::parse(text).err(),
            Some(JobCronError::FieldCount),
            "{text}"
        );
    }
    for text in [
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "a * * * *",
        "*/0 * * * *",
        "5-1 * * * *",
        "* * * * mon-",
        "1,, * * * *",
    ] {
        assert!(
            matches!(JobCron::parse(text), Err(JobCronError::Syntax(_))),
            "{text}: {:?}",
            JobCron::parse(text)
        );
    }
    assert_eq!(
        JobCron::parse("0 0 30 2 *").err(),
        Some(JobCronError::Never)
    );
}

#[test]
fn either_day_of_a_cron_expression_is_enough() {
    let utc = zone("UTC");
    let both = timetable(cron("0 12 13 * fri"), &utc);
    assert_eq!(
        shown(&both, "2026-11-10T00:00:00Z", 3),
        [
            "Fri 13 Nov 12:00 +00:00",
            "Fri 20 Nov 12:00 +00:00",
            "Fri 27 Nov 12:00 +00:00"
        ]
    );
    assert_eq!(
        shown(&both, "2026-12-12T00:00:00Z", 1),
        ["Sun 13 Dec 12:00 +00:00"]
    );
}

/// Searched for to the end of the calendar, ten of these would take minutes.
#[test]
fn rare_and_impossible_days_are_found_out_soon() {
    let berlin = zone("Europe/Berlin");
    for never in ["0 0 30 2 *", "* * 31 2,4,6,9,11 *", "* * 31 4 +mon"] {
        assert_eq!(
            JobCron::parse(never).err(),
            Some(JobCronError::Never),
            "{never}"
        );
    }
    // 29 February on a Monday, over 2100, in each real hour.
    let rare = timetable(cron("30 * 29 2 +mon"), &berlin);
    assert_eq!(
        shown(&rare, "2072-03-01T00:00:00Z", 25)[23..],
        ["Mon 29 Feb 23:30 +01:00", "Mon 29 Feb 00:30 +01:00"]
    );
    let second = rare.upcoming(at("2072-03-01T00:00:00Z")).nth(24);
    assert_eq!(second.expect("comes").due, at("2140-02-28T23:30:00Z"));
}

#[test]
fn a_timetable_is_the_same_after_it_was_sent() {
    let berlin = zone("Europe/Berlin");
    let rules = [
        Rule::Hourly { minute: 59 },
        daily("22:15"),
        Rule::Weekly {
            weekdays: vec![Weekday::Monday, Weekday::Sunday],
            time: time("00:05"),
        },
        Rule::Monthly {
            day: 31,
            time: time("23:59"),
        },
        cron("*/20 1-3 * * mon-fri"),
    ];
    for rule in rules {
        let sent = Timetable {
            not_between: windows(&[("08:00", "18:00"), ("23:00", "00:30")]),
            stop_at: Some(time("06:00")),
            spread: SignedDuration::from_mins(90),
            offset: SignedDuration::from_secs(1234),
            catch_up: false,
            ..timetable(rule, &berlin)
        };
        let text = serde_json::to_string(&sent).expect("is JSON");
        let back: Timetable = serde_json::from_str(&text).expect("is a timetable");
        assert_eq!(format!("{back:?}"), format!("{sent:?}"), "{text}");
        let after = at("2026-03-27T12:00:00Z");
        let starts = |timetable: &Timetable| timetable.upcoming(after).take(9).collect::<Vec<_>>();
        assert_eq!(starts(&back), starts(&sent), "{text}");
    }
    let sent = serde_json::to_value(timetable(daily("22:15"), &berlin)).expect("is JSON");
    for (field, wrong) in [
        ("zone", "\"Mars/Base\""),
        ("stop_at", "1440"),
        ("not_between", "[[0, 720], [720, 0]]"),
        ("rule", "{\"type\":\"hourly\",\"minute\":60}"),
        ("rule", "{\"type\":\"daily\",\"time\":-1}"),
        ("rule", "{\"type\":\"weekly\",\"weekdays\":[8],\"time\":0}"),
        ("rule", "{\"type\":\"cron\",\"cron\":\"* * 30 2 *\"}"),
    ] {
        let mut text = sent.clone();
        text[field] = serde_json::from_str(wrong).expect("is JSON");
        assert!(
            serde_json::from_value::<Timetable>(text).is_err(),
            "{field}: {wrong}"
        );
    }
}
