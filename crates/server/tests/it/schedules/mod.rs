//! Schedules: what they mean, what they start, and what becomes of starts that nobody made.

mod changes;
mod clocks;
mod document;
mod missed;
mod starts;

use std::{sync::Arc, time::Duration};

use holdfast_host::{Clock, ManualClock};
use jiff::{Timestamp, ToSpan, Unit, tz::TimeZone};
use serde_json::{Value, json};

use crate::support::{
    Client, Ready, TestServer, eventually,
    server::{number, sql},
};

pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// A clock that shows the beginning of the present minute.
pub(super) fn clock() -> Arc<ManualClock> {
    let now = Timestamp::now().round(Unit::Minute).expect("a minute");
    Arc::new(ManualClock::new(now))
}

/// The time of day in UTC, so many minutes after what the clock shows.
pub(super) fn time(clock: &ManualClock, minutes: i64) -> String {
    let at = clock.now() + minutes.minutes();
    at.to_zoned(TimeZone::UTC).strftime("%H:%M").to_string()
}

/// Once a day, so many minutes after what the clock shows.
pub(super) fn daily(clock: &ManualClock, minutes: i64) -> Value {
    json!({ "type": "daily", "time": time(clock, minutes), "zone": "UTC" })
}

pub(super) fn millis(shown: &Value) -> i64 {
    let text = shown.as_str().expect("a time");
    let time: Timestamp = text.parse().expect("a time");
    time.as_millisecond()
}

pub(super) async fn job(admin: &Client, ready: &Ready) -> Value {
    let path = format!("/jobs/{}", ready.job_id());
    admin.get(&path).await.expect(200)
}

/// Gives the job another schedule.
pub(super) async fn set_schedule(admin: &Client, ready: &Ready, schedule: Value) -> Value {
    let version = job(admin, ready).await["version"].clone();
    let path = format!("/jobs/{}", ready.job_id());
    let change = json!({ "schedule": schedule });
    admin.patch(&path, &version, change).await.expect(200)
}

/// The job's runs, newest first.
pub(super) async fn runs(admin: &Client, ready: &Ready) -> Vec<Value> {
    let path = format!("/runs?job_id={}", ready.job_id());
    let page = admin.get(&path).await.expect(200);
    page["items"].as_array().expect("items").clone()
}

/// Waits until the schedule has started a run of the job.
pub(super) async fn started(admin: &Client, ready: &Ready) -> Value {
    eventually("the schedule starts a run", async || {
        runs(admin, ready).await.into_iter().next()
    })
    .await
}

/// Waits until the scheduler has looked at the clock: nothing that is due is left.
pub(super) async fn settled(server: &TestServer, clock: &ManualClock) {
    let now = clock.now().as_millisecond();
    let left = format!("SELECT count(*) FROM jobs WHERE enabled AND next_start_at <= {now}");
    let late =
        format!("SELECT count(*) FROM occurrences WHERE state = 'due' AND deadline_at <= {now}");
    let open = format!(
        "SELECT count(*) FROM runs WHERE stop_at <= {now} AND NOT cancel_requested AND finished_at IS NULL"
    );
    eventually("the scheduler has looked", async || {
        for query in [&left, &late, &open] {
            if number(server, query).await != Some(0) {
                return None;
            }
        }
        Some(())
    })
    .await;
}

/// Waits until the scheduler has looked at the clock as it is now, whatever it shows. A look marks an overdue start.
pub(super) async fn looked(server: &TestServer, clock: &ManualClock) {
    // A look that is under way may have seen the clock before it was set; the next one has not.
    for mark in [-1, -2] {
        let add = format!(
            "INSERT INTO occurrences (tenant_id, job_id, due_at, start_at, deadline_at, state) \
             SELECT tenant_id, id, {mark}, 0, 0, 'due' FROM jobs LIMIT 1"
        );
        sql(server, &add).await;
        settled(server, clock).await;
    }
    sql(server, "DELETE FROM occurrences WHERE due_at < 0").await;
}

/// How many occurrences are in a state.
pub(super) async fn count(server: &TestServer, state: &str) -> Option<i64> {
    let query = format!("SELECT count(*) FROM occurrences WHERE state = '{state}'");
    number(server, &query).await
}

/// Waits until so many alerts of missed runs are open.
pub(super) async fn missed_alerts_are(admin: &Client, expected: usize) {
    eventually("the alerts of missed runs are as expected", async || {
        let page = admin.get("/alerts?state=open&kind=run_missed").await;
        (page.expect(200)["count"] == expected).then_some(())
    })
    .await;
}
