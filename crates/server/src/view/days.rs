//! Strips of days: the worst result of each day, in the tenant's zone.

use std::collections::HashMap;

use holdfast_protocol::{
    Time,
    agent::RunStatus,
    api::jobs::{DayResult, JobDay},
    ids::RunId,
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use crate::{db::runs::RunMark, runs::parse_status};

/// Days of a strip.
pub(crate) const DAYS: usize = 28;

/// The beginning of a strip that ends today, in milliseconds since 1970.
pub(crate) fn since(now: i64, zone: &TimeZone) -> i64 {
    let first = first_day(now, zone);
    first
        .to_zoned(zone.clone())
        .map_or(0, |start| start.timestamp().as_millisecond())
}

fn today(now: i64, zone: &TimeZone) -> Date {
    Timestamp::from_millisecond(now)
        .unwrap_or_default()
        .to_zoned(zone.clone())
        .date()
}

fn first_day(now: i64, zone: &TimeZone) -> Date {
    today(now, zone).saturating_sub((DAYS as i64 - 1).days())
}

/// How bad a status is; the strip shows the worst of a day.
fn severity(status: RunStatus) -> u8 {
    match status {
        RunStatus::Failed => 6,
        RunStatus::PartialSuccess => 5,
        RunStatus::Cancelled => 4,
        RunStatus::Running | RunStatus::Starting => 3,
        RunStatus::Queued => 2,
        RunStatus::Success => 1,
    }
}

/// The strip of one job; `missed` are the times at which starts were due that nobody made.
pub(crate) fn strip<'a>(
    marks: impl Iterator<Item = &'a RunMark>,
    missed: &[i64],
    now: i64,
    zone: &TimeZone,
) -> Vec<JobDay> {
    let mut by_day: HashMap<Date, JobDay> = HashMap::new();
    for mark in marks {
        let date = today(mark.created_at, zone);
        let status = parse_status(&mark.status);
        let day = by_day.entry(date).or_insert_with(|| empty(date));
        day.runs += 1;
        match day
            .results
            .iter_mut()
            .find(|result| result.status == status)
        {
            Some(result) => result.runs += 1,
            None => day.results.push(DayResult { status, runs: 1 }),
        }
        if day
            .worst
            .is_none_or(|worst| severity(status) >= severity(worst))
        {
            day.worst = Some(status);
            day.run_id = Some(RunId(mark.uuid));
        }
    }
    for due in missed {
        let date = today(*due, zone);
        let day = by_day.entry(date).or_insert_with(|| empty(date));
        day.missed += 1;
        let due = Time::from_millis(*due);
        day.missed_due_at = Some(day.missed_due_at.map_or(due, |first| first.min(due)));
    }
    for day in by_day.values_mut() {
        day.results
            .sort_by_key(|result| std::cmp::Reverse(severity(result.status)));
    }
    let first = first_day(now, zone);
    (0..DAYS as i64)
        .map(|offset| {
            let date = first.saturating_add(offset.days());
            by_day.remove(&date).unwrap_or_else(|| empty(date))
        })
        .collect()
}

fn empty(date: Date) -> JobDay {
    JobDay {
        date: date.to_string(),
        worst: None,
        runs: 0,
        missed: 0,
        run_id: None,
        results: Vec::new(),
        missed_due_at: None,
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::{Time, agent::RunStatus, api::jobs::DayResult};
    use jiff::tz::TimeZone;
    use uuid::Uuid;

    use super::{DAYS, since, strip};
    use crate::db::runs::RunMark;

    fn mark(time: &str, status: &str) -> RunMark {
        let created_at = time.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        RunMark {
            uuid: Uuid::now_v7(),
            job_id: Some(1),
            status: status.to_owned(),
            created_at,
        }
    }

    #[test]
    fn a_day_shows_its_worst_run_in_the_tenants_zone() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now = "2026-11-24T12:00:00Z"
            .parse::<jiff::Timestamp>()
            .unwrap()
            .as_millisecond();
        let marks = [
            mark("2026-11-22T23:30:00Z", "success"),
            mark("2026-11-23T10:00:00Z", "failed"),
            mark("2026-11-23T11:00:00Z", "success"),
            mark("2026-11-24T09:00:00Z", "running"),
        ];
        let missed = [marks[0].created_at, marks[1].created_at];
        let days = strip(marks.iter(), &missed, now, &zone);
        assert_eq!(days.len(), DAYS);
        assert_eq!(
            (days[0].date.as_str(), days[27].date.as_str()),
            ("2026-10-28", "2026-11-24")
        );
        assert_eq!(
            (days[26].worst, days[26].runs),
            (Some(RunStatus::Failed), 3)
        );
        assert_eq!(days[26].run_id.map(|id| id.0), Some(marks[1].uuid));
        assert_eq!((days[26].missed, days[27].missed), (2, 0));
        let ended = |status, runs| DayResult { status, runs };
        assert_eq!(
            days[26].results,
            [ended(RunStatus::Failed, 1), ended(RunStatus::Success, 2)]
        );
        assert_eq!(
            days[26].missed_due_at,
            Some(Time::from_millis(marks[0].created_at))
        );
        assert_eq!((days[25].worst, days[25].runs), (None, 0));
        assert_eq!(
            (days[27].worst, days[27].runs),
            (Some(RunStatus::Running), 1)
        );
        assert_eq!(
            since(now, &zone),
            "2026-10-27T23:00:00Z"
                .parse::<jiff::Timestamp>()
                .unwrap()
                .as_millisecond()
        );
    }
}
