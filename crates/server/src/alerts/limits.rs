//! How old the newest restore point of a job may be where nobody said so.

use std::collections::HashMap;

use holdfast_planning::occurrences::Timetable;
use jiff::{Timestamp, ToSpan};

use crate::{
    db::{JobRow, TenantRow},
    schedules,
};

/// The interval of a schedule is the longest pause between two starts in a stretch of so many hours before now, so that
/// nights and weekends count.
const STRETCH_HOURS: i64 = 8 * 24;

/// Most starts of that stretch that are looked at.
const MOST_STARTS: usize = 2_500;

/// Twice the interval is allowed, and at least so much more than it, in milliseconds.
const LEAST_MORE: i64 = 2 * 3_600_000;

/// The limits of jobs, which change with their schedules alone; reckoned anew once a day, because weeks differ.
#[derive(Debug, Default)]
pub(super) struct Limits(HashMap<i64, Known>);

#[derive(Debug)]
struct Known {
    version: i64,
    zone: String,
    reckoned_at: i64,
    limit: Option<i64>,
}

const RECKONED_FOR: i64 = 24 * 3_600_000;

impl Limits {
    /// The limit of a job in milliseconds; `None` when nothing starts it, or its schedule cannot be read.
    pub(super) fn of(&mut self, job: &JobRow, tenant: &TenantRow, now: i64) -> Option<i64> {
        if let Some(seconds) = job.max_age_seconds {
            return Some(seconds.saturating_mul(1000));
        }
        if let Some(known) = self.0.get(&job.id)
            && known.version == job.version
            && known.zone == tenant.zone
            && (0..RECKONED_FOR).contains(&(now - known.reckoned_at))
        {
            return known.limit;
        }
        let timetable = schedules::timetable_of(job, tenant).ok().flatten();
        let limit = timetable.and_then(|timetable| limit(&timetable, now));
        self.0.insert(
            job.id,
            Known {
                version: job.version,
                zone: tenant.zone.clone(),
                reckoned_at: now,
                limit,
            },
        );
        limit
    }

    /// Forgets what was not asked for lately.
    pub(super) fn forget_old(&mut self, now: i64) {
        self.0
            .retain(|_, known| now - known.reckoned_at < 2 * RECKONED_FOR);
    }
}

fn limit(timetable: &Timetable, now: i64) -> Option<i64> {
    let end = Timestamp::from_millisecond(now).ok()?;
    let start = end.checked_sub(STRETCH_HOURS.hours()).ok()?;
    let mut dues = Vec::new();
    for occurrence in timetable.upcoming(start).take(MOST_STARTS) {
        dues.push(occurrence.due.as_millisecond());
        if occurrence.due > end && dues.len() >= 2 {
            break;
        }
    }
    let interval = dues.windows(2).map(|pair| pair[1] - pair[0]).max()?;
    Some(interval.saturating_add(interval.max(LEAST_MORE)))
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::api::schedules::Schedule;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::limit;
    use crate::schedules::timetable;

    /// Wednesday.
    const NOW: i64 = 1_795_608_000_000;

    fn hours(schedule: Value) -> Option<i64> {
        let schedule: Schedule = serde_json::from_value(schedule).unwrap();
        let timetable = timetable(&schedule, "UTC", Uuid::nil()).unwrap()?;
        limit(&timetable, NOW).map(|limit| limit / 3_600_000)
    }

    #[test]
    fn a_job_may_be_late_by_its_interval_and_at_least_by_two_hours() {
        let table = [
            (json!({ "type": "manual" }), None),
            (json!({ "type": "hourly", "minute": 5 }), Some(3)),
            (json!({ "type": "daily", "time": "02:00" }), Some(48)),
            (
                json!({ "type": "weekly", "time": "02:00", "weekdays": ["monday"] }),
                Some(336),
            ),
            // Over a weekend three days pass.
            (
                json!({ "type": "weekly", "time": "22:00",
                    "weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday"] }),
                Some(144),
            ),
            (json!({ "type": "cron", "cron": "0 8-18 * * *" }), Some(28)),
        ];
        for (schedule, expected) in table {
            assert_eq!(hours(schedule.clone()), expected, "{schedule}");
        }
        let monthly = hours(json!({ "type": "monthly", "time": "02:00", "day": 1 })).unwrap();
        assert!((28 * 48..=31 * 48).contains(&monthly), "{monthly}");
    }
}
