//! What the document of a schedule means, and what is wrong with it.

use holdfast_planning::{
    occurrences::{JobCron, JobCronError, Rule, Timetable, Window, Windows, share_of_spread},
    schedule::TimeOfDay,
};
use holdfast_protocol::api::schedules::{MonthDay, Schedule, ScheduleType, Weekday};
use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};
use uuid::Uuid;

use crate::{
    db::{JobRow, TenantRow, jobs::Next},
    problem::{ApiError, ApiResult},
    routes::input,
};

/// Longest stretch over which starts are spread, in minutes.
const LONGEST_SPREAD: u32 = 720;

/// Most forbidden windows.
const MOST_WINDOWS: usize = 10;

/// Whose wall clock a schedule goes by.
pub(crate) fn zone_of<'a>(schedule: &'a Schedule, tenant: &'a TenantRow) -> &'a str {
    schedule.zone.as_deref().unwrap_or(&tenant.zone)
}

/// The timetable of a stored job; `None` when nothing starts it by itself.
pub(crate) fn timetable_of(job: &JobRow, tenant: &TenantRow) -> ApiResult<Option<Timetable>> {
    let schedule: Schedule = serde_json::from_str(&job.schedule)?;
    timetable(&schedule, &tenant.zone, job.uuid)
}

/// When a schedule is due next for a job, in the form of the database.
///
/// # Errors
/// The first field that cannot be right, below `/schedule`.
pub(crate) fn next_of(
    schedule: &Schedule,
    tenant: &TenantRow,
    job: Uuid,
    now: Timestamp,
) -> ApiResult<Option<Next>> {
    let timetable = timetable(schedule, &tenant.zone, job)?;
    let next = timetable.and_then(|timetable| timetable.next(now));
    Ok(next.map(|next| Next {
        due_at: next.due.as_millisecond(),
        start_at: next.start.as_millisecond(),
    }))
}

/// The timetable of a schedule; `None` for one that never starts anything.
///
/// # Errors
/// The first field that cannot be right, below `/schedule`.
pub(crate) fn timetable(
    schedule: &Schedule,
    tenant_zone: &str,
    job: Uuid,
) -> ApiResult<Option<Timetable>> {
    let rule = rule(schedule)?;
    let zone = match &schedule.zone {
        Some(zone) => input::zone(zone, "/schedule/zone")?,
        None => tenant_zone.to_owned(),
    };
    let minutes = schedule.spread_minutes.unwrap_or(0);
    if minutes > LONGEST_SPREAD {
        return Err(out_of_range(
            "/schedule/spread_minutes",
            format!("must be 0 to {LONGEST_SPREAD}"),
        ));
    }
    let spread = SignedDuration::from_mins(minutes.into());
    let stop_at = match &schedule.stop_at {
        Some(text) => Some(time(text, "/schedule/stop_at")?),
        None => None,
    };
    let not_between = windows(schedule)?;
    Ok(rule.map(|rule| Timetable {
        rule,
        // A tenant's zone that is not known reads as UTC, as everywhere.
        zone: TimeZone::get(&zone).unwrap_or(TimeZone::UTC),
        not_between,
        stop_at,
        spread,
        offset: share_of_spread(job.as_bytes(), spread),
        catch_up: schedule.catch_up,
    }))
}

fn rule(schedule: &Schedule) -> ApiResult<Option<Rule>> {
    use ScheduleType::{Cron, Daily, Hourly, Manual, Monthly, Weekly};
    let kind = schedule.kind;
    let timed = matches!(kind, Daily | Weekly | Monthly);
    let foreign = [
        ("minute", schedule.minute.is_some() && kind != Hourly),
        ("time", schedule.time.is_some() && !timed),
        ("weekdays", !schedule.weekdays.is_empty() && kind != Weekly),
        ("day", schedule.day.is_some() && kind != Monthly),
        ("cron", schedule.cron.is_some() && kind != Cron),
    ];
    if let Some((field, _)) = foreign.into_iter().find(|(_, is_there)| *is_there) {
        return Err(ApiError::field(
            format!("/schedule/{field}"),
            "not_of_this_type",
            "does not belong to this type of schedule",
        ));
    }
    let time = || {
        let text = schedule.time.as_deref();
        let text = text.ok_or_else(|| missing("/schedule/time", "must be a time of day"))?;
        time(text, "/schedule/time")
    };
    Ok(Some(match kind {
        Manual => return Ok(None),
        Hourly => match schedule.minute.unwrap_or(0) {
            minute @ 0..60 => Rule::Hourly {
                minute: minute as i8,
            },
            _ => return Err(out_of_range("/schedule/minute", "must be 0 to 59")),
        },
        Daily => Rule::Daily { time: time()? },
        Weekly if schedule.weekdays.is_empty() => {
            return Err(missing("/schedule/weekdays", "must name at least one day"));
        }
        Weekly => Rule::Weekly {
            weekdays: schedule.weekdays.iter().copied().map(weekday).collect(),
            time: time()?,
        },
        Monthly => Rule::Monthly {
            day: match schedule.day {
                Some(MonthDay::Number(day @ 1..=31)) => day as i8,
                Some(MonthDay::Last(_)) => 31,
                Some(_) => {
                    let detail = "must be 1 to 31, or \"last\"";
                    return Err(out_of_range("/schedule/day", detail));
                }
                None => return Err(missing("/schedule/day", "must name a day of the month")),
            },
            time: time()?,
        },
        Cron => {
            let text = schedule.cron.as_deref().unwrap_or_default();
            if text.trim().is_empty() {
                return Err(missing("/schedule/cron", "must be a cron expression"));
            }
            let cron = JobCron::parse(text).map_err(|error| {
                let code = match error {
                    JobCronError::FieldCount => "field_count",
                    JobCronError::Syntax(_) => "syntax",
                    JobCronError::Never => "never",
                };
                ApiError::field("/schedule/cron", code, error.to_string())
            })?;
            Rule::Cron(cron)
        }
    }))
}

fn windows(schedule: &Schedule) -> ApiResult<Windows> {
    const POINTER: &str = "/schedule/not_between";
    if schedule.not_between.len() > MOST_WINDOWS {
        let detail = format!("must be at most {MOST_WINDOWS} windows");
        return Err(out_of_range(POINTER, detail));
    }
    let mut windows = Vec::new();
    for (index, window) in schedule.not_between.iter().enumerate() {
        let end = format!("{POINTER}/{index}/to");
        let window = Window {
            from: time(&window.from, &format!("{POINTER}/{index}/from"))?,
            to: time(&window.to, &end)?,
        };
        if window.from == window.to {
            let detail = "must be another time than the beginning";
            return Err(ApiError::field(end, "empty_window", detail));
        }
        windows.push(window);
    }
    Windows::new(windows)
        .map_err(|error| ApiError::field(POINTER, "no_time_left", error.to_string()))
}

/// A time of day, `22:00`.
fn time(text: &str, pointer: &str) -> ApiResult<Time> {
    let parsed: Option<TimeOfDay> = text.parse().ok().filter(|_| text.len() == 5);
    let time = parsed.and_then(|time| {
        let (hour, minute) = (
            i8::try_from(time.hour).ok()?,
            i8::try_from(time.minute).ok()?,
        );
        Time::new(hour, minute, 0, 0).ok()
    });
    time.ok_or_else(|| {
        let detail = "must be a time of day from 00:00 to 23:59, such as 22:00";
        ApiError::field(pointer, "invalid", detail)
    })
}

fn weekday(day: Weekday) -> jiff::civil::Weekday {
    use jiff::civil::Weekday as Day;
    match day {
        Weekday::Monday => Day::Monday,
        Weekday::Tuesday => Day::Tuesday,
        Weekday::Wednesday => Day::Wednesday,
        Weekday::Thursday => Day::Thursday,
        Weekday::Friday => Day::Friday,
        Weekday::Saturday => Day::Saturday,
        Weekday::Sunday => Day::Sunday,
    }
}

fn missing(pointer: &str, detail: &str) -> ApiError {
    ApiError::field(pointer, "missing", detail)
}

fn out_of_range(pointer: &str, detail: impl Into<String>) -> ApiError {
    ApiError::field(pointer, "out_of_range", detail)
}
