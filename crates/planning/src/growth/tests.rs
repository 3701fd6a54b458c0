use super::{
    DAYS_NEEDED, FURTHEST_DAYS, Forecast, FullIn, Growth, Measured, forecast, full_in, percentile,
};

const GB: u64 = 1_000_000_000;

fn history(days: impl IntoIterator<Item = i64>, bytes: impl Fn(i64) -> u64) -> Vec<Measured> {
    days.into_iter()
        .map(|day| Measured {
            day,
            bytes: bytes(day),
        })
        .collect()
}

fn growth(history: &[Measured]) -> Growth {
    match forecast(history) {
        Forecast::Growth(growth) => growth,
        Forecast::TooShort { days } => panic!("only {days} days"),
    }
}

#[test]
fn thirteen_days_say_nothing_and_fourteen_do() {
    for days in [0, 1, 5, 13] {
        let measured = history(0..days, |day| day as u64 * GB);
        let so_far = days as usize;
        assert_eq!(forecast(&measured), Forecast::TooShort { days: so_far });
    }
    let measured = history(0..DAYS_NEEDED as i64, |day| day as u64 * GB);
    assert_eq!(
        growth(&measured),
        Growth {
            low: GB as i64,
            middle: GB as i64,
            high: GB as i64,
            over_days: 14
        }
    );
    // Fourteen days with holes between them are fourteen days.
    let holes = history((0..28).step_by(2), |day| day as u64 * GB);
    assert_eq!((holes.len(), growth(&holes).middle), (14, GB as i64));
}

#[test]
fn what_is_older_than_ninety_days_is_left_out() {
    // It shrank for long, and grows now.
    let measured = history(0..200, |day| {
        if day < 110 {
            900 * GB - day as u64 * 5 * GB
        } else {
            350 * GB + (day as u64 - 110) * GB
        }
    });
    let now = growth(&measured);
    assert_eq!(
        (now.low, now.high, now.over_days),
        (GB as i64, GB as i64, 90)
    );
    // Thirteen new days after a long silence are too few.
    let mut measured = history(0..50, |_| GB);
    measured.extend(history(500..513, |_| GB));
    assert_eq!(forecast(&measured), Forecast::TooShort { days: 13 });
}

#[test]
fn one_import_and_one_clean_up_move_the_rate_little() {
    let even = history(0..90, |day| 1_000 * GB + day as u64 * 10 * GB);
    let mut rough = even.clone();
    for measured in &mut rough[80..] {
        measured.bytes += 3_000 * GB;
    }
    let mut cleaned = even.clone();
    for measured in &mut cleaned[10..] {
        measured.bytes -= 1_000 * GB;
    }
    for history in [rough, cleaned] {
        let found = growth(&history);
        assert_eq!(found.middle, 10 * GB as i64, "{found:?}");
        assert!(found.low <= found.middle && found.middle <= found.high);
    }
}

#[test]
fn quiet_weekends_widen_the_range_and_keep_its_middle() {
    let measured = history(0..84, |day| {
        let (weeks, rest) = (day / 7, day % 7);
        (weeks * 5 + rest.min(5)) as u64 * 14 * GB
    });
    let found = growth(&measured);
    assert!(
        (found.middle - 10 * GB as i64).abs() < GB as i64 / 2,
        "{found:?}"
    );
    assert!(
        found.low < found.middle && found.middle < found.high,
        "{found:?}"
    );
}

#[test]
fn days_until_full_are_a_range_that_is_open_where_nothing_grows() {
    let rates = |low: i64, middle: i64, high: i64| Growth {
        low,
        middle,
        high,
        over_days: 60,
    };
    let all = full_in(&rates(8, 10, 12), 1_200).unwrap();
    assert_eq!(
        all,
        FullIn {
            soonest: 100,
            likely: Some(120),
            latest: Some(150)
        }
    );
    let open = full_in(&rates(-3, 0, 12), 1_200).unwrap();
    assert_eq!((open.soonest, open.likely, open.latest), (100, None, None));
    assert_eq!(full_in(&rates(-9, -3, 0), 1_200), None);
    assert_eq!(
        full_in(&rates(-9, -3, -1), 0).unwrap().latest,
        Some(0),
        "full already"
    );
    assert_eq!(
        full_in(&rates(1, 1, 1), u64::MAX).unwrap().soonest,
        FURTHEST_DAYS
    );
}

#[test]
fn percentiles_lie_between_neighbours() {
    let values = [0.0, 10.0, 20.0, 40.0];
    assert_eq!(
        [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| percentile(&values, share)),
        [0.0, 7.5, 15.0, 25.0, 40.0]
    );
    assert_eq!(percentile(&[3.0], 0.25), 3.0);
}
