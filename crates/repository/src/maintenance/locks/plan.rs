//! Which locks a run extends: decided from the record of earlier runs and the times of blobs alone.

use std::time::Duration;

use jiff::Timestamp;

use super::super::due::{MAX_CLOCK_SKEW, earlier, later};
use super::super::schedule::{Schedule, Task, TaskRun};
use super::super::{MaintenanceCycle, MaintenanceParameters};
use super::{KIND, MARGIN};
use crate::format::{BlobConfiguration, RetentionSetting};
use crate::repository::MAX_VIEW_AGE;
use crate::{Error, Result};

/// A record of an extension of everything is relied on for this part of the period.
const TRUSTED_PART: u32 = 10;

/// What was stored so long before such an extension began counts as stored after it: its client may have worked by settings
/// that were read earlier, its transfer may have taken long, and clocks differ.
const SETTLE: Duration = MAX_VIEW_AGE
    .saturating_add(MAX_CLOCK_SKEW)
    .saturating_add(Duration::from_secs(40 * 60));

/// Figure of a record that says whether the locks of everything were extended.
pub(super) const COMPLETE: &str = "complete";

/// Which locks are extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Those of everything.
    All,
    /// Those of what was stored since; the rest was locked for the whole period a short while ago.
    Since(Timestamp),
}

/// Decides by the records of earlier runs. Only those of an extension of everything with the present setting count, and
/// those that do not say so, as those of other clients, do not. `next` is when the next run can repair what this one
/// leaves out.
pub(super) fn plan(
    runs: &[TaskRun],
    setting: &RetentionSetting,
    now: Timestamp,
    next: Timestamp,
) -> Plan {
    let last = runs
        .iter()
        .filter(|run| run.success && run.start <= later(now, MAX_CLOCK_SKEW))
        .filter(|run| extended_all(run, setting))
        .map(|run| run.start)
        .max();
    match last {
        Some(last) if next <= later(last, setting.period / TRUSTED_PART) => {
            Plan::Since(earlier(last, SETTLE))
        }
        _ => Plan::All,
    }
}

/// Whether a run extended everything with this setting.
fn extended_all(run: &TaskRun, setting: &RetentionSetting) -> bool {
    run.extra.iter().any(|extra| {
        let figures = extra.data.to_value();
        extra.kind == KIND
            && figures[COMPLETE] == true
            && figures["retentionPeriod"] == period_text(setting.period).as_str()
            && figures["retentionMode"] == setting.mode.name()
    })
}

/// What is left of every lock at least, as long as full maintenance extends them and runs on time: the period less a tenth
/// of it or the distance of full runs, whichever is longer.
pub(super) fn floor(setting: &RetentionSetting, full: &MaintenanceCycle) -> Duration {
    let interval = Duration::from_nanos(full.interval.unsigned_abs());
    let lost = (setting.period / TRUSTED_PART).max(interval);
    setting.period.saturating_sub(lost)
}

/// Whether the locks were extended by the last full run, as far as the history tells.
pub(super) fn was_extending(schedule: &Schedule) -> bool {
    let newest = |task| schedule.runs_of(task).iter().map(|run| run.start).max();
    newest(Task::ExtendBlobRetentionTime)
        .is_some_and(|extension| newest(Task::SnapshotGc) <= Some(extension))
}

/// A period as the reference implementation prints it, such as `720h0m0s`.
pub(super) fn period_text(period: Duration) -> String {
    let seconds = period.as_secs();
    format!("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

impl MaintenanceParameters {
    /// Whether the locks can be extended in time with this distance of full runs.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] when locks are extended and their period is not longer than the interval of full
    /// runs by a day at least.
    pub fn check_locks(&self, blobs: &BlobConfiguration) -> Result<()> {
        let Some(setting) = blobs.retention.filter(|_| self.extend_object_locks) else {
            return Ok(());
        };
        let interval = Duration::from_nanos(self.full.interval.unsigned_abs());
        if setting.period >= interval.saturating_add(MARGIN) {
            return Ok(());
        }
        Err(Error::InvalidParameter {
            what: "period of object locks",
            reason: format!(
                "locks are extended by full maintenance every {}, so they have to last 24 hours longer than that; they \
                 last {}",
                period_text(interval),
                period_text(setting.period)
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use holdfast_storage::RetentionMode;
    use serde_json::json;

    use super::super::super::report::statistics;
    use super::*;

    const DAY: i64 = 24 * 3600;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + day * DAY).unwrap()
    }

    fn setting(mode: RetentionMode, days: u64) -> RetentionSetting {
        RetentionSetting {
            mode,
            period: Duration::from_secs(days * DAY as u64),
        }
    }

    fn run(at: i64, success: bool, data: serde_json::Value) -> TaskRun {
        TaskRun {
            start: day(at),
            end: day(at),
            success,
            error: String::new(),
            extra: vec![statistics(KIND, data)],
        }
    }

    fn cycle(hours: i64) -> MaintenanceCycle {
        MaintenanceCycle {
            enabled: true,
            interval: hours * 3_600_000_000_000,
        }
    }

    #[test]
    fn everything_is_extended_before_a_tenth_of_the_period_is_over() {
        let governed = setting(RetentionMode::Governance, 30);
        let ours = || json!({"retentionPeriod": "720h0m0s", "retentionMode": "GOVERNANCE", "complete": true});
        let since = |at: i64| Plan::Since(earlier(day(at), SETTLE));
        // Runs are daily.
        let at = |now: i64, runs: &[TaskRun]| plan(runs, &governed, day(now), day(now + 1));
        assert_eq!(at(0, &[]), Plan::All);
        for (now, expected) in [(0, since(0)), (1, since(0)), (2, since(0)), (3, Plan::All)] {
            assert_eq!(at(now, &[run(0, true, ours())]), expected, "day {now}");
        }
        // One of what is young only does not count, nor does one that failed.
        let young = json!({"retentionPeriod": "720h0m0s", "retentionMode": "GOVERNANCE", "complete": false});
        let runs = [
            run(2, true, young),
            run(1, false, ours()),
            run(0, true, ours()),
        ];
        assert_eq!(at(2, &runs), since(0));
        assert_eq!(at(3, &runs), Plan::All);
        // A record from the future says nothing.
        assert_eq!(at(1, &[run(40, true, ours())]), Plan::All);
        for other in [
            json!({"retentionPeriod": "48h0m0s", "retentionMode": "GOVERNANCE", "complete": true}),
            json!({"retentionPeriod": "720h0m0s", "retentionMode": "COMPLIANCE", "complete": true}),
            // As other clients write it.
            json!({"retentionPeriod": "720h0m0s"}),
            json!({}),
        ] {
            assert_eq!(at(1, &[run(0, true, other)]), Plan::All);
        }
        // With the shortest period every run extends everything.
        let short = setting(RetentionMode::Governance, 2);
        let record =
            json!({"retentionPeriod": "48h0m0s", "retentionMode": "GOVERNANCE", "complete": true});
        assert_eq!(
            plan(&[run(0, true, record)], &short, day(1), day(2)),
            Plan::All
        );
    }

    #[test]
    fn what_is_left_at_least() {
        let days = |days: u64| Duration::from_secs(days * DAY as u64);
        for (period, hours, left) in [(30, 24, 27), (5, 24, 4), (2, 24, 1), (30, 24 * 7, 23)] {
            let floor = floor(&setting(RetentionMode::Compliance, period), &cycle(hours));
            assert_eq!(floor, days(left), "{period} days, every {hours} h");
        }
    }

    #[test]
    fn the_history_tells_whether_locks_are_extended() {
        let mut schedule = Schedule::default();
        assert!(!was_extending(&schedule));
        schedule.record(Task::SnapshotGc, run(0, true, json!({})));
        assert!(!was_extending(&schedule));
        schedule.record(Task::ExtendBlobRetentionTime, run(0, false, json!({})));
        assert!(was_extending(&schedule));
        schedule.record(Task::SnapshotGc, run(1, true, json!({})));
        assert!(!was_extending(&schedule));
    }

    #[test]
    fn a_period_has_to_outlast_the_interval_by_a_day() {
        let parameters = |hours: i64, extend| MaintenanceParameters {
            full: cycle(hours),
            extend_object_locks: extend,
            ..MaintenanceParameters::default()
        };
        let locked = BlobConfiguration {
            retention: Some(setting(RetentionMode::Compliance, 2)),
        };
        assert!(parameters(24, true).check_locks(&locked).is_ok());
        assert!(parameters(25, true).check_locks(&locked).is_err());
        assert!(parameters(25, false).check_locks(&locked).is_ok());
        let none = BlobConfiguration::default();
        assert!(parameters(1000, true).check_locks(&none).is_ok());
    }
}
