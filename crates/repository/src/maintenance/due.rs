//! What is due and what is allowed, from the schedule alone (format 1 §9.1, §9.4, §9.5).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{MaintenanceParameters, SafetyParameters, Schedule, Task, TaskRun};

/// How far the clock of this machine and that of the storage may be apart.
pub(crate) const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// Which of the two kinds of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Frequent and cheap: index blobs, and outside epochs also packs of metadata.
    Quick,
    /// Everything.
    Full,
}

const REWRITES: [Task; 2] = [Task::FullRewriteContents, Task::QuickRewriteContents];
const DELETIONS: [Task; 2] = [Task::FullDeleteBlobs, Task::QuickDeleteBlobs];

/// The run that is due; nothing when it is too early for either.
pub(super) fn due(
    parameters: &MaintenanceParameters,
    schedule: &Schedule,
    now: Timestamp,
) -> Option<Mode> {
    if parameters.full.enabled && now >= schedule.next_full_maintenance {
        Some(Mode::Full)
    } else if parameters.quick.enabled && now >= schedule.next_quick_maintenance {
        Some(Mode::Quick)
    } else {
        None
    }
}

/// Sets the times of the next runs, before the run itself, so that a crash does not make it run again at once.
pub(super) fn set_next(
    schedule: &mut Schedule,
    parameters: &MaintenanceParameters,
    mode: Mode,
    now: Timestamp,
) {
    let after = |interval: i64| {
        now.checked_add(SignedDuration::from_nanos(interval.max(0)))
            .unwrap_or(Timestamp::MAX)
    };
    if mode == Mode::Full {
        schedule.next_full_maintenance = after(parameters.full.interval);
    }
    schedule.next_quick_maintenance = after(parameters.quick.interval);
}

/// Whether the two clocks are close enough for rules about ages to mean anything.
pub(super) fn clocks_agree(local: Timestamp, storage: Timestamp) -> bool {
    local.duration_since(storage).unsigned_abs() <= MAX_CLOCK_SKEW
}

/// Whether contents may be moved: every packs that an earlier move left behind had its chance to be deleted.
pub(super) fn rewrite_allowed(schedule: &Schedule, mode: Mode, safety: &SafetyParameters) -> bool {
    let rewrites = match mode {
        Mode::Full => &REWRITES[..1],
        Mode::Quick => &REWRITES[..],
    };
    let Some(rewritten) = schedule.last_success(rewrites) else {
        return true;
    };
    safety.rewrite_to_delete_delay.is_zero()
        || schedule
            .last_success(&DELETIONS)
            .is_some_and(|deleted| deleted >= rewritten)
}

/// Whether full maintenance moved contents last, or nothing did. A quick run then deletes packs of every class: the next
/// quick move of contents would put that off again.
pub(super) fn last_rewrite_was_full(schedule: &Schedule) -> bool {
    let last = |task| schedule.last_success(&[task]);
    last(Task::FullRewriteContents) >= last(Task::QuickRewriteContents)
}

/// When packs may be deleted at the earliest, as far as the last move of contents goes.
pub(super) fn deletion_allowed_from(
    schedule: &Schedule,
    safety: &SafetyParameters,
) -> Option<Timestamp> {
    let rewritten = schedule.last_success(&REWRITES)?;
    Some(later(rewritten, safety.rewrite_to_delete_delay))
}

/// Contents deleted before this time may be dropped from the index: two garbage collections, far enough apart, saw
/// them without references. Nothing when there were no such two.
pub(super) fn drop_before(
    collections: &[TaskRun],
    safety: &SafetyParameters,
    now: Timestamp,
) -> Option<Timestamp> {
    if !safety.two_collections {
        return Some(now);
    }
    let mut good: Vec<&TaskRun> = collections.iter().filter(|run| run.success).collect();
    good.sort_by_key(|run| std::cmp::Reverse(run.start));
    let (newest, older) = good.split_first()?;
    let margin = signed(safety.margin_between_collections);
    let before = older
        .iter()
        .find(|run| newest.start.duration_since(run.end) > margin)?;
    Some(earlier(before.start, safety.drop_extra_margin))
}

/// The first run at or after `time`, of runs at `next` and every `interval` nanoseconds later.
pub(super) fn run_from(next: Timestamp, interval: i64, time: Timestamp) -> Timestamp {
    let interval = i128::from(interval.max(1));
    let wait = time.duration_since(next).as_nanos();
    let runs = (wait + interval - 1).div_euclid(interval).max(0);
    let nanos = next.as_nanosecond().saturating_add(runs * interval);
    Timestamp::from_nanosecond(nanos).unwrap_or(Timestamp::MAX)
}

/// The first of the coming full runs that may drop a content deleted at this time, in unix seconds, if each of them
/// collects garbage.
pub(super) fn drop_run(
    collections: &[TaskRun],
    next: Timestamp,
    interval: i64,
    deleted_at: u64,
    safety: &SafetyParameters,
) -> Timestamp {
    /// Runs that are looked at; with intervals of an hour the margins take six.
    const RUNS: usize = 100;
    let mut runs = collections.to_vec();
    let mut time = next;
    for _ in 0..RUNS {
        runs.insert(
            0,
            TaskRun {
                start: time,
                end: time,
                success: true,
                error: String::new(),
                extra: Vec::new(),
            },
        );
        let limit = drop_before(&runs, safety, time);
        if limit.is_some_and(|limit| i128::from(limit.as_second()) >= i128::from(deleted_at)) {
            break;
        }
        time = later(time, Duration::from_nanos(interval.unsigned_abs()));
    }
    time
}

/// `time` plus a duration, at most the last time there is.
pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(signed(by)).unwrap_or(Timestamp::MAX)
}

/// `time` minus a duration, at least the first time there is.
pub(super) fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_sub(signed(by)).unwrap_or(Timestamp::MIN)
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: SafetyParameters = SafetyParameters::FULL;
    const NONE: SafetyParameters = SafetyParameters::NONE;

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + hour * 3600).unwrap()
    }

    fn run(start: i64, end: i64, success: bool) -> TaskRun {
        TaskRun {
            start: hour(start),
            end: hour(end),
            success,
            error: String::new(),
            extra: Vec::new(),
        }
    }

    fn history(runs: &[(Task, i64)]) -> Schedule {
        let mut schedule = Schedule::default();
        for (task, end) in runs {
            schedule.record(*task, run(*end, *end, true));
        }
        schedule
    }

    #[test]
    fn full_comes_before_quick() {
        let mut parameters = MaintenanceParameters::default();
        let mut schedule = Schedule::default();
        assert_eq!(due(&parameters, &schedule, hour(0)), Some(Mode::Full));
        set_next(&mut schedule, &parameters, Mode::Full, hour(0));
        assert_eq!(due(&parameters, &schedule, hour(0)), None);
        assert_eq!(due(&parameters, &schedule, hour(1)), Some(Mode::Quick));
        assert_eq!(due(&parameters, &schedule, hour(24)), Some(Mode::Full));
        set_next(&mut schedule, &parameters, Mode::Quick, hour(1));
        assert_eq!(schedule.next_quick_maintenance, hour(2));
        assert_eq!(schedule.next_full_maintenance, hour(24));
        parameters.full.enabled = false;
        assert_eq!(due(&parameters, &schedule, hour(24)), Some(Mode::Quick));
        parameters.quick.enabled = false;
        assert_eq!(due(&parameters, &schedule, hour(24)), None);
    }

    #[test]
    fn clocks_may_be_five_minutes_apart() {
        let storage = hour(0);
        for (seconds, fine) in [
            (0, true),
            (300, true),
            (301, false),
            (-300, true),
            (-301, false),
        ] {
            let local = Timestamp::from_second(storage.as_second() + seconds).unwrap();
            assert_eq!(clocks_agree(local, storage), fine, "{seconds}");
        }
    }

    #[test]
    fn contents_are_moved_again_only_after_a_deletion() {
        use Task::{FullDeleteBlobs, FullRewriteContents, QuickDeleteBlobs, QuickRewriteContents};
        for (runs, full, quick) in [
            (vec![], true, true),
            (vec![(FullRewriteContents, 1)], false, false),
            (vec![(QuickRewriteContents, 1)], true, false),
            (
                vec![(FullRewriteContents, 1), (FullDeleteBlobs, 2)],
                true,
                true,
            ),
            (
                vec![(FullRewriteContents, 1), (QuickDeleteBlobs, 1)],
                true,
                true,
            ),
            (
                vec![(FullDeleteBlobs, 1), (FullRewriteContents, 2)],
                false,
                false,
            ),
            (
                vec![
                    (FullRewriteContents, 1),
                    (FullDeleteBlobs, 2),
                    (QuickRewriteContents, 3),
                ],
                true,
                false,
            ),
        ] {
            let schedule = history(&runs);
            assert_eq!(
                rewrite_allowed(&schedule, Mode::Full, &FULL),
                full,
                "{runs:?}"
            );
            assert_eq!(
                rewrite_allowed(&schedule, Mode::Quick, &FULL),
                quick,
                "{runs:?}"
            );
            assert!(rewrite_allowed(&schedule, Mode::Full, &NONE));
            assert!(rewrite_allowed(&schedule, Mode::Quick, &NONE));
        }
    }

    #[test]
    fn packs_are_deleted_an_hour_after_a_move() {
        assert_eq!(deletion_allowed_from(&Schedule::default(), &FULL), None);
        let schedule = history(&[
            (Task::FullRewriteContents, 3),
            (Task::QuickRewriteContents, 5),
        ]);
        assert_eq!(deletion_allowed_from(&schedule, &FULL), Some(hour(6)));
        assert_eq!(deletion_allowed_from(&schedule, &NONE), Some(hour(5)));
    }

    #[test]
    fn two_collections_far_enough_apart_allow_dropping() {
        let limit = |runs: &[TaskRun]| drop_before(runs, &FULL, hour(100));
        assert_eq!(limit(&[]), None);
        assert_eq!(limit(&[run(50, 51, true)]), None);
        // The margin is exclusive.
        assert_eq!(limit(&[run(50, 51, true), run(44, 46, true)]), None);
        assert_eq!(
            limit(&[run(50, 51, true), run(44, 45, true)]),
            Some(hour(43))
        );
        // Failed runs do not count, in either place.
        assert_eq!(
            limit(&[run(50, 51, true), run(44, 45, false), run(20, 21, true)]),
            Some(hour(19))
        );
        assert_eq!(limit(&[run(60, 61, false), run(50, 51, true)]), None);
        // The newest that is far enough away counts, whatever the order of the list.
        assert_eq!(
            limit(&[
                run(10, 11, true),
                run(50, 51, true),
                run(40, 41, true),
                run(48, 49, true)
            ]),
            Some(hour(39))
        );
        assert_eq!(drop_before(&[], &NONE, hour(100)), Some(hour(100)));
    }

    #[test]
    fn what_comes_when() {
        let day = 24 * 3600 * 1_000_000_000;
        for (time, run) in [(0, 10), (10, 10), (11, 34), (34, 34), (35, 58)] {
            assert_eq!(run_from(hour(10), day, hour(time)), hour(run), "{time}");
        }
        let seconds = |hour: Timestamp| hour.as_second().unsigned_abs();
        // Deleted by the collection at 0: seen by the one at 24, dropped by the one at 48.
        let now = [run(0, 0, true)];
        assert_eq!(
            drop_run(&now, hour(24), day, seconds(hour(0)), &FULL),
            hour(48)
        );
        // Deleted by the collection a day before: dropped by the next.
        let two = [run(0, 0, true), run(-24, -24, true)];
        assert_eq!(
            drop_run(&two, hour(24), day, seconds(hour(-24)), &FULL),
            hour(24)
        );
        assert_eq!(
            drop_run(&[], hour(24), day, seconds(hour(0)), &NONE),
            hour(24)
        );
        // Every hour: the collection at 1 is an hour later than the deletion, and 4 hours before that at 6.
        let hourly = 3600 * 1_000_000_000;
        assert_eq!(
            drop_run(&now, hour(1), hourly, seconds(hour(0)), &FULL),
            hour(6)
        );
    }
}
