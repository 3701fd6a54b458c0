//! Retention of jobs: the preview is what the deletion leaves, and nobody can push out what the server stamped.

use holdfast_planning::retention::{JobPoint, Keep, Kind, Point, Reason, judge, plan, simulate};
use jiff::tz::TimeZone;
use proptest::prelude::*;

const MINUTE: i64 = 60_000_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Some Tuesday, 04:26 UTC.
const BEGIN: i64 = 1_700_000_760_000_000_000;

fn point(stamp: i64, sequence: i64) -> JobPoint {
    JobPoint {
        stamp,
        sequence,
        whole: true,
        pinned: false,
        by_server: true,
    }
}

fn points() -> impl Strategy<Value = Vec<JobPoint>> {
    let one = (
        0..9_000i64,
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.05),
        prop::bool::weighted(0.9),
    );
    prop::collection::vec(one, 0..60).prop_map(|points| {
        let points = points.into_iter().zip(1..);
        points
            .map(|((hours, whole, pinned, by_server), sequence)| JobPoint {
                whole,
                pinned,
                by_server,
                ..point(BEGIN - 400 * DAY + hours * HOUR, sequence)
            })
            .collect()
    })
}

fn keep() -> impl Strategy<Value = Keep> {
    let count = |most: i64| prop_oneof![2 => Just(0), 5 => 1..=most];
    (
        count(9),
        count(30),
        count(14),
        count(60),
        count(20),
        count(4),
    )
        .prop_map(|(latest, hourly, daily, weekly, monthly, annual)| Keep {
            latest: Some(latest),
            hourly: Some(hourly),
            daily: Some(daily),
            weekly: Some(weekly),
            monthly: Some(monthly),
            annual: Some(annual),
        })
}

fn zones() -> impl Strategy<Value = TimeZone> {
    prop::sample::select(vec!["UTC", "Europe/Berlin", "Pacific/Kiritimati"]).prop_map(crate::zone)
}

/// Coming runs: steps of some minutes to some days, so that a month or a year may pass.
fn runs() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![Just(15 * MINUTE), Just(HOUR), Just(DAY), 1..5 * DAY];
    prop::collection::vec(step, 0..120).prop_map(|steps| {
        steps
            .into_iter()
            .scan(BEGIN, |at, step| {
                *at += step;
                Some(*at)
            })
            .collect()
    })
}

/// What is deleted of these points, said once more, by the rules of the format alone.
fn deleted(points: &[JobPoint], keep: &Keep, zone: &TimeZone) -> Vec<bool> {
    let as_point = |point: &JobPoint| Point {
        start: point.stamp,
        end: -point.sequence,
        complete: true,
        pinned: point.pinned,
    };
    let newest = |only_own: bool| {
        let whole = points
            .iter()
            .filter(|point| point.whole && (point.by_server || !only_own));
        whole.max_by_key(|point| (point.stamp, -point.sequence))
    };
    let protected = [newest(true), newest(false)];
    let plan_of = |points: &[&JobPoint]| {
        let as_points: Vec<Point> = points.iter().map(|point| as_point(point)).collect();
        plan(&as_points, keep, zone)
    };
    let own: Vec<&JobPoint> = points.iter().filter(|point| point.by_server).collect();
    let all: Vec<&JobPoint> = points.iter().collect();
    let mut alone = plan_of(&own).into_iter();
    let beside = plan_of(&all);
    let verdicts = points.iter().zip(beside).map(|(point, beside)| {
        let verdict = match point.by_server {
            true => alone.next().expect("one for each"),
            false => beside,
        };
        verdict.delete && !protected.contains(&Some(point))
    });
    verdicts.collect()
}

fn kept(points: Vec<JobPoint>, keep: &Keep, zone: &TimeZone) -> Vec<JobPoint> {
    let gone = deleted(&points, keep, zone);
    let points = points.into_iter().zip(gone);
    points
        .filter_map(|(point, gone)| (!gone).then_some(point))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    // Requirements: ENG-KOPIA-12
    #[test]
    fn a_preview_is_what_deletion_after_each_run_leaves(
        points in points(), runs in runs(), keep in keep(), zone in zones(),
    ) {
        let preview = simulate(&points, runs.iter().copied(), &keep, &zone, usize::MAX);
        prop_assert!(!preview.cut_short);
        prop_assert_eq!(preview.until, runs.last().copied());
        let mut left = kept(points.clone(), &keep, &zone);
        let mut sequence = points.iter().map(|point| point.sequence).max().unwrap_or(0);
        for stamp in runs {
            sequence += 1;
            left.push(point(stamp, sequence));
            left = kept(left, &keep, &zone);
        }
        left.sort_by_key(|point| (point.stamp, point.sequence));
        let shown: Vec<JobPoint> = preview.left.iter().map(|(point, _)| *point).collect();
        prop_assert_eq!(shown, left);
    }

    #[test]
    fn what_is_kept_says_why(points in points(), keep in keep(), zone in zones()) {
        let verdicts = judge(&points, &keep, &zone);
        let gone: Vec<bool> = verdicts.iter().map(|verdict| verdict.delete).collect();
        prop_assert_eq!(&gone, &deleted(&points, &keep, &zone));
        for (point, verdict) in points.iter().zip(&verdicts) {
            let is_held = !verdict.reasons.is_empty() || point.pinned || verdict.newest_whole;
            prop_assert_eq!(verdict.delete, !is_held);
            prop_assert_eq!(verdict.longest().is_none(), verdict.reasons.is_empty());
        }
        // Doing it twice deletes nothing more.
        let left = kept(points, &keep, &zone);
        prop_assert!(deleted(&left, &keep, &zone).iter().all(|gone| !gone));
    }

    #[test]
    fn what_a_machine_made_up_pushes_nothing_out(
        points in points(), made_up in points(), keep in keep(), zone in zones(),
    ) {
        let mut all = points.clone();
        all.extend(made_up.into_iter().map(|point| JobPoint {
            by_server: false,
            sequence: point.sequence + 1_000,
            ..point
        }));
        let alone = judge(&points, &keep, &zone);
        let beside = judge(&all, &keep, &zone);
        for ((point, alone), beside) in points.iter().zip(&alone).zip(&beside) {
            if point.by_server {
                prop_assert_eq!(&alone.reasons, &beside.reasons);
                prop_assert!(!beside.delete || alone.delete);
            }
        }
    }

    #[test]
    fn the_newest_point_without_gaps_stays(points in points(), keep in keep(), zone in zones()) {
        let newest = points
            .iter()
            .filter(|point| point.whole)
            .max_by_key(|point| (point.stamp, -point.sequence));
        if let Some(newest) = newest {
            prop_assert!(kept(points.clone(), &keep, &zone).contains(newest));
            let at = points.iter().position(|point| point == newest).unwrap();
            prop_assert!(!judge(&points, &keep, &zone)[at].delete);
        }
    }
}

#[test]
fn ten_thousand_made_up_points_leave_every_genuine_one() {
    let keep = Keep {
        latest: Some(3),
        daily: Some(7),
        monthly: Some(6),
        ..Keep::default()
    };
    let genuine: Vec<JobPoint> = (0..7)
        .map(|day| point(BEGIN - day * DAY, 10 - day))
        .collect();
    let mut all = genuine.clone();
    all.extend((0..10_000).map(|number| JobPoint {
        by_server: false,
        ..point(BEGIN - number * HOUR / 20 + MINUTE, 100 + number)
    }));
    let verdicts = judge(&all, &keep, &TimeZone::UTC);
    assert!(
        verdicts[..genuine.len()]
            .iter()
            .all(|verdict| !verdict.delete)
    );
    assert!(verdicts.iter().filter(|verdict| verdict.delete).count() > 9_900);
}

#[test]
fn a_newer_point_with_gaps_does_not_cost_the_last_whole_one() {
    let points = [
        point(BEGIN, 1),
        JobPoint {
            whole: false,
            ..point(BEGIN + HOUR, 2)
        },
        JobPoint {
            whole: false,
            ..point(BEGIN + 2 * HOUR, 3)
        },
    ];
    let keep = Keep {
        latest: Some(1),
        ..Keep::default()
    };
    let verdicts = judge(&points, &keep, &TimeZone::UTC);
    let deleted: Vec<bool> = verdicts.iter().map(|verdict| verdict.delete).collect();
    assert_eq!(deleted, [false, true, false]);
    assert!(verdicts[0].newest_whole && verdicts[0].reasons.is_empty());
    assert_eq!(verdicts[2].reasons, [Reason::Kept(Kind::Latest, 1)]);
}

#[test]
fn nothing_asked_for_keeps_everything_and_a_budget_ends_a_simulation() {
    let runs = (0..500).map(|day| BEGIN + day * DAY);
    let all = simulate(
        &[],
        runs.clone(),
        &Keep::default(),
        &TimeZone::UTC,
        usize::MAX,
    );
    assert_eq!((all.left.len(), all.cut_short), (500, false));
    let some = simulate(&[], runs, &Keep::default(), &TimeZone::UTC, 5_050);
    assert_eq!((some.left.len(), some.cut_short), (100, true));
    assert_eq!(some.until, Some(BEGIN + 99 * DAY));
}
