//! What holds for every timeline.

use holdfast_planning::retention::{Keep, Kind, Point, Reason, plan};
use jiff::tz::TimeZone;
use proptest::prelude::*;

const HOUR: i64 = 3_600_000_000_000;

fn points() -> impl Strategy<Value = Vec<Point>> {
    let point = (
        0..6000i64,
        0..3i64,
        prop::bool::weighted(0.85),
        prop::bool::weighted(0.1),
    );
    prop::collection::vec(point, 0..80).prop_map(|points| {
        let points = points
            .into_iter()
            .map(|(hours, end, complete, pinned)| Point {
                start: 1_700_000_000_000_000_000 + hours * 5 * HOUR,
                end: 1_700_000_000_000_000_000 + hours * 5 * HOUR + end,
                complete,
                pinned,
            });
        points.collect()
    })
}

fn keep() -> impl Strategy<Value = Keep> {
    let count = || prop::option::weighted(0.8, -1..12i64);
    (count(), count(), count(), count(), count(), count()).prop_map(
        |(latest, hourly, daily, weekly, monthly, annual)| Keep {
            latest,
            hourly,
            daily,
            weekly,
            monthly,
            annual,
        },
    )
}

fn zones() -> impl Strategy<Value = TimeZone> {
    prop::sample::select(vec!["UTC", "America/New_York", "Pacific/Kiritimati"])
        .prop_map(crate::zone)
}

proptest! {
    #[test]
    fn pins_and_reasons_protect(points in points(), keep in keep(), zone in zones()) {
        for (point, verdict) in points.iter().zip(plan(&points, &keep, &zone)) {
            prop_assert_eq!(verdict.delete, verdict.reasons.is_empty() && !point.pinned);
            let incomplete = verdict.reasons.contains(&Reason::Incomplete);
            prop_assert!(point.complete != incomplete || verdict.reasons.is_empty());
        }
    }

    #[test]
    fn no_kind_keeps_more_than_it_may(points in points(), keep in keep(), zone in zones()) {
        let verdicts = plan(&points, &keep, &zone);
        for kind in Kind::ALL {
            let mut numbers: Vec<i64> = verdicts
                .iter()
                .flat_map(|verdict| &verdict.reasons)
                .filter_map(|reason| match reason {
                    Reason::Kept(of, number) if *of == kind => Some(*number),
                    _ => None,
                })
                .collect();
            numbers.sort_unstable();
            let counted: Vec<i64> = (1..).take(numbers.len()).collect();
            prop_assert_eq!(&numbers, &counted);
            if !(kind == Kind::Latest && keep.is_unlimited()) {
                let most = usize::try_from(keep.of(kind).unwrap_or(0)).unwrap_or(0);
                prop_assert!(numbers.len() <= most);
            }
        }
    }

    #[test]
    fn a_second_pass_deletes_nothing_more(points in points(), latest in 1..9i64, zone in zones()) {
        // True of a single kind; kinds together share periods and may shift.
        let keep = Keep { latest: Some(latest), ..Keep::default() };
        let verdicts = plan(&points, &keep, &zone);
        let left: Vec<Point> = points
            .iter()
            .zip(&verdicts)
            .filter(|(_, verdict)| !verdict.delete)
            .map(|(point, _)| *point)
            .collect();
        let pinned = left.iter().filter(|point| point.pinned).count();
        let again = plan(&left, &keep, &zone).iter().filter(|verdict| verdict.delete).count();
        prop_assert!(again == 0 || pinned > 0);
    }

    #[test]
    fn the_order_of_the_list_does_not_matter(points in points(), keep in keep(), zone in zones()) {
        // Equal times keep the order of the list, as nothing tells which is newer.
        let mut points = points;
        points.sort_by_key(|point| (point.start, point.end));
        points.dedup_by_key(|point| (point.start, point.end));
        let verdicts = plan(&points, &keep, &zone);
        points.reverse();
        let mut reversed = plan(&points, &keep, &zone);
        reversed.reverse();
        prop_assert_eq!(verdicts, reversed);
    }

    #[test]
    fn nothing_set_keeps_every_complete_snapshot(points in points(), zone in zones()) {
        for (point, verdict) in points.iter().zip(plan(&points, &Keep::default(), &zone)) {
            prop_assert!(!point.complete || !verdict.delete);
        }
    }
}

#[test]
fn counts_beyond_all_time_keep_everything_of_their_kind() {
    let points: Vec<Point> = (0..200)
        .map(|day| Point {
            start: day * 24 * HOUR,
            end: day * 24 * HOUR,
            complete: true,
            pinned: false,
        })
        .collect();
    for count in [100_000, i64::MAX] {
        let keep = Keep {
            daily: Some(count),
            hourly: Some(count),
            ..Keep::default()
        };
        let verdicts = plan(&points, &keep, &TimeZone::UTC);
        assert!(
            verdicts.iter().all(|verdict| verdict.reasons.len() == 2),
            "{count}"
        );
    }
}
