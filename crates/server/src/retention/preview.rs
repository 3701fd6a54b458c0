//! What a retention would keep: of today's points, and of those that will be there on a later day.

use std::collections::BTreeMap;

use holdfast_planning::{
    occurrences::Timetable,
    retention::{JobPoint, JobVerdict, Kind, Reason, Simulated, simulate},
};
use holdfast_protocol::{
    Time,
    api::retention::{
        JudgedPoint, KeptBy, KeptDay, Retention, RetentionLater, RetentionPreview, RetentionRule,
    },
    ids::PointId,
};
use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::{
    document::keep,
    judged::{self, Judged, millis, nanos},
};
use crate::{
    app::App,
    db::JobRow,
    problem::{ApiError, ApiResult},
};

/// Points of today that are shown.
const MOST_SHOWN: usize = 1_000;

/// Coming runs that are looked at.
const MOST_RUNS: usize = 20_000;

/// Points that are judged, counted after each run: about half a second of work.
const BUDGET: usize = 3_000_000;

/// What a retention would keep for a job, or for one without points, whose runs come as `timetable` says.
pub(crate) async fn preview(
    app: &App,
    job: Option<&JobRow>,
    retention: Retention,
    timetable: Option<Timetable>,
    tenant_zone: &str,
    days: u32,
) -> ApiResult<RetentionPreview> {
    let judged = match job {
        Some(job) => judged::load(app.db.reader(), job, &retention).await?,
        None => Vec::new(),
    };
    let zone = judged::zone(tenant_zone);
    let deleted = judged.iter().filter(|judged| judged.is_deleted()).count() as u64;
    let kept = judged.len() as u64 - deleted;
    let present: Vec<JobPoint> = judged
        .iter()
        .filter(|judged| !judged.clock_wrong)
        .map(|judged| judged.point)
        .collect();
    let now = app.clock.now();
    let reckon = {
        let zone = zone.clone();
        move || timetable.map(|timetable| later(&present, &retention, &timetable, &zone, now, days))
    };
    let later = tokio::task::spawn_blocking(reckon)
        .await
        .map_err(ApiError::internal)?;
    let mut shown: Vec<JudgedPoint> = judged.iter().map(today).collect();
    shown.sort_by_key(|point| std::cmp::Reverse(point.time));
    shown.truncate(MOST_SHOWN);
    Ok(RetentionPreview {
        zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        now: shown,
        kept,
        deleted,
        later,
    })
}

fn today(judged: &Judged) -> JudgedPoint {
    let rules = judged
        .verdict
        .reasons
        .iter()
        .filter_map(|reason| match reason {
            Reason::Kept(kind, number) => Some(KeptBy {
                rule: rule(*kind),
                number: number.unsigned_abs(),
            }),
            Reason::Incomplete => None,
        });
    JudgedPoint {
        point_id: PointId(judged.row.uuid),
        time: Time::from_millis(judged.row.time),
        rules: rules.collect(),
        deleted: judged.is_deleted(),
        spared: judged.spared(),
    }
}

fn rule(kind: Kind) -> RetentionRule {
    match kind {
        Kind::Latest => RetentionRule::Latest,
        Kind::Hourly => RetentionRule::Hourly,
        Kind::Daily => RetentionRule::Daily,
        Kind::Weekly => RetentionRule::Weekly,
        Kind::Monthly => RetentionRule::Monthly,
        Kind::Annual => RetentionRule::Annual,
    }
}

/// What would be there so many days from now.
fn later(
    present: &[JobPoint],
    retention: &Retention,
    timetable: &Timetable,
    zone: &TimeZone,
    now: Timestamp,
    days: u32,
) -> RetentionLater {
    let hours = i64::from(days).saturating_mul(24);
    let end = now.checked_add(hours.hours()).unwrap_or(now);
    let mut runs = timetable
        .upcoming(now)
        .take_while(|next| next.start <= end)
        .map(|next| nanos(next.start.as_millisecond()));
    let coming = runs.by_ref().take(MOST_RUNS);
    let simulated = simulate(present, coming, &keep(retention), zone, BUDGET);
    let is_short = simulated.cut_short || runs.next().is_some();
    let at = match simulated.until.filter(|_| is_short) {
        Some(until) => instant(until),
        None => end,
    };
    RetentionLater {
        at: Time::from(at),
        date: at.to_zoned(zone.clone()).date().to_string(),
        points: simulated.left.len() as u64,
        oldest: simulated
            .left
            .first()
            .map(|(point, _)| Time::from(instant(point.stamp))),
        days: by_day(&simulated, zone),
    }
}

/// The days on which the points that are left were made.
fn by_day(simulated: &Simulated, zone: &TimeZone) -> Vec<KeptDay> {
    let mut days: BTreeMap<String, KeptDay> = BTreeMap::new();
    for (point, verdict) in &simulated.left {
        let date = date_of(point, zone);
        let day = days.entry(date.clone()).or_insert(KeptDay {
            date,
            points: 0,
            rule: None,
        });
        day.points += 1;
        // The rules are in order from the one that keeps longest; nothing at all is less than any.
        day.rule = match (day.rule, longest(verdict)) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    days.into_values().collect()
}

fn longest(verdict: &JobVerdict) -> Option<RetentionRule> {
    verdict.longest().map(rule)
}

fn date_of(point: &JobPoint, zone: &TimeZone) -> String {
    instant(point.stamp)
        .to_zoned(zone.clone())
        .date()
        .to_string()
}

/// The instant of nanoseconds since 1970, to the millisecond.
fn instant(nanos: i64) -> Timestamp {
    Timestamp::from_millisecond(millis(nanos)).unwrap_or_default()
}
