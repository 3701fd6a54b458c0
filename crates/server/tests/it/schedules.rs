//! Schedules: what they mean, what they start, and what becomes of starts that nobody made.

use std::{collections::HashSet, sync::Arc, time::Duration};

use holdfast_host::{Clock, ManualClock};
use jiff::{Timestamp, ToSpan, Unit, tz::TimeZone};
use serde_json::{Value, json};

use crate::support::{
    Client, Ready, TestServer, eventually, ready,
    server::{number, sql},
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A clock that shows the beginning of the present minute.
fn clock() -> Arc<ManualClock> {
    let now = Timestamp::now().round(Unit::Minute).expect("a minute");
    Arc::new(ManualClock::new(now))
}

/// The time of day in UTC, so many minutes after what the clock shows.
fn time(clock: &ManualClock, minutes: i64) -> String {
    let at = clock.now() + minutes.minutes();
    at.to_zoned(TimeZone::UTC).strftime("%H:%M").to_string()
}

/// Once a day, so many minutes after what the clock shows.
fn daily(clock: &ManualClock, minutes: i64) -> Value {
    json!({ "type": "daily", "time": time(clock, minutes), "zone": "UTC" })
}

fn millis(shown: &Value) -> i64 {
    let text = shown.as_str().expect("a time");
    let time: Timestamp = text.parse().expect("a time");
    time.as_millisecond()
}

async fn job(admin: &Client, ready: &Ready) -> Value {
    let path = format!("/jobs/{}", ready.job_id());
    admin.get(&path).await.expect(200)
}

/// Gives the job another schedule.
async fn set_schedule(admin: &Client, ready: &Ready, schedule: Value) -> Value {
    let version = job(admin, ready).await["version"].clone();
    let path = format!("/jobs/{}", ready.job_id());
    let change = json!({ "schedule": schedule });
    admin.patch(&path, &version, change).await.expect(200)
}

/// The job's runs, newest first.
async fn runs(admin: &Client, ready: &Ready) -> Vec<Value> {
    let path = format!("/runs?job_id={}", ready.job_id());
    let page = admin.get(&path).await.expect(200);
    page["items"].as_array().expect("items").clone()
}

/// Waits until the schedule has started a run of the job.
async fn started(admin: &Client, ready: &Ready) -> Value {
    eventually("the schedule starts a run", async || {
        runs(admin, ready).await.into_iter().next()
    })
    .await
}

/// Waits until the scheduler has looked at the clock: nothing that is due is left.
async fn settled(server: &TestServer, clock: &ManualClock) {
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
async fn looked(server: &TestServer, clock: &ManualClock) {
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
async fn count(server: &TestServer, state: &str) -> Option<i64> {
    let query = format!("SELECT count(*) FROM occurrences WHERE state = '{state}'");
    number(server, &query).await
}

/// Waits until so many alerts of missed runs are open.
async fn missed_alerts_are(admin: &Client, expected: usize) {
    eventually("the alerts of missed runs are as expected", async || {
        let page = admin.get("/alerts?state=open&kind=run_missed").await;
        (page.expect(200)["count"] == expected).then_some(())
    })
    .await;
}

// Requirements: SCH-5
#[tokio::test(flavor = "multi_thread")]
async fn a_preview_tells_the_next_ten_runs() {
    let clock = Arc::new(ManualClock::new(
        "2026-10-24T10:00:00Z".parse().expect("a time"),
    ));
    let server = TestServer::start_at(clock).await;
    let admin = server.admin().await;
    let ask = async |schedule: Value| {
        let body = json!({ "schedule": schedule });
        admin.post("/schedule-previews", body).await
    };
    let nightly = json!({ "type": "daily", "time": "02:30", "zone": "Europe/Berlin" });
    let preview = ask(nightly).await.expect(200);
    let next = preview["next_runs"].as_array().expect("runs");
    assert_eq!(
        (next.len(), &preview["zone"]),
        (10, &json!("Europe/Berlin"))
    );
    // The night in which 02:30 comes twice has one run.
    assert_eq!(next[0]["due_at"], "2026-10-25T00:30:00.000Z");
    assert_eq!(next[1]["due_at"], "2026-10-26T01:30:00.000Z");
    let hourly = json!({ "type": "hourly", "minute": 5, "zone": "UTC",
        "not_between": [{ "from": "08:00", "to": "18:00" }] });
    let preview = ask(hourly).await.expect(200);
    assert_eq!(
        (
            &preview["next_runs"][0]["due_at"],
            &preview["next_runs"][0]["moved"],
            &preview["next_runs"][1]["moved"]
        ),
        (
            &json!("2026-10-24T18:00:00.000Z"),
            &json!(true),
            &json!(false)
        )
    );
    let manual = ask(json!({ "type": "manual" })).await.expect(200);
    assert_eq!(manual["next_runs"], json!([]));
    let foreign = json!({ "schedule": { "type": "manual" }, "job_id": "0190b5a0-0000-7000-8000-000000000000" });
    admin
        .post("/schedule-previews", foreign)
        .await
        .refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_names_the_jobs_that_start_at_the_same_time() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let nightly = json!({ "type": "daily", "time": "22:00", "zone": "UTC" });
    set_schedule(&admin, &ready, nightly).await;
    let ask = async |time: &str, id: &str, of: &Value| {
        let schedule = json!({ "type": "daily", "time": time, "zone": "UTC" });
        let body = json!({ "schedule": schedule, id: of });
        let preview = admin.post("/schedule-previews", body).await.expect(200);
        preview["next_runs"][3]["clashes_with"].clone()
    };
    let agent = json!(ready.agent.uuid);
    let clash = json!(["job of box"]);
    assert_eq!(ask("22:04", "agent_id", &agent).await, clash);
    assert_eq!(ask("21:56", "agent_id", &agent).await, clash);
    assert_eq!(ask("22:06", "agent_id", &agent).await, json!([]));
    // A job does not clash with itself.
    assert_eq!(ask("22:00", "job_id", &ready.job["id"]).await, json!([]));
}

// Requirements: SCH-5
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_schedule_names_its_field() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let many = vec![json!({ "from": "01:00", "to": "02:00" }); 11];
    let wrong = [
        (json!({ "type": "yearly" }), "/type"),
        (json!({ "type": "hourly", "minute": 60 }), "/minute"),
        (json!({ "type": "daily" }), "/time"),
        (json!({ "type": "daily", "time": "24:00" }), "/time"),
        (json!({ "type": "daily", "time": "7:30" }), "/time"),
        (
            json!({ "type": "daily", "time": "07:30", "minute": 3 }),
            "/minute",
        ),
        (json!({ "type": "manual", "time": "07:30" }), "/time"),
        (json!({ "type": "weekly", "time": "07:30" }), "/weekdays"),
        (
            json!({ "type": "weekly", "time": "07:30", "weekdays": ["noday"] }),
            "/weekdays/0",
        ),
        (json!({ "type": "monthly", "time": "07:30" }), "/day"),
        (
            json!({ "type": "monthly", "time": "07:30", "day": 32 }),
            "/day",
        ),
        (json!({ "type": "cron" }), "/cron"),
        (json!({ "type": "cron", "cron": "* * * *" }), "/cron"),
        (json!({ "type": "cron", "cron": "61 * * * *" }), "/cron"),
        (json!({ "type": "cron", "cron": "0 0 31 2 *" }), "/cron"),
        (json!({ "type": "hourly", "zone": "Mars/Base" }), "/zone"),
        (
            json!({ "type": "hourly", "spread_minutes": 721 }),
            "/spread_minutes",
        ),
        (json!({ "type": "hourly", "stop_at": "six" }), "/stop_at"),
        (
            json!({ "type": "hourly", "not_between": [{ "from": "1", "to": "02:00" }] }),
            "/not_between/0/from",
        ),
        (
            json!({ "type": "hourly", "not_between": [{ "from": "01:00", "to": "01:00" }] }),
            "/not_between/0/to",
        ),
        (
            json!({ "type": "hourly", "not_between": [
                { "from": "01:00", "to": "13:00" }, { "from": "12:00", "to": "01:00" }] }),
            "/not_between",
        ),
        (
            json!({ "type": "hourly", "not_between": many }),
            "/not_between",
        ),
    ];
    let path = format!("/jobs/{}", ready.job_id());
    for (schedule, field) in wrong {
        let pointer = format!("/schedule{field}");
        let body = json!({ "schedule": schedule });
        let preview = admin.post("/schedule-previews", body.clone()).await;
        preview.wrong_field(&pointer);
        let patch = admin.patch(&path, &ready.job["version"], body).await;
        patch.wrong_field(&pointer);
        let new = json!({ "name": "New", "agent_id": ready.agent.uuid, "vault_id": ready.vault["id"],
            "paths": ["/a"], "schedule": schedule });
        admin.post("/jobs", new).await.wrong_field(&pointer);
    }
    for day in [json!(31), json!("last")] {
        let schedule = json!({ "type": "monthly", "time": "07:30", "day": day });
        let changed = set_schedule(&admin, &ready, schedule).await;
        assert_eq!(changed["schedule"]["day"], day);
    }
}

// Requirements: RUN-4, SCH-3
#[tokio::test(flavor = "multi_thread")]
async fn a_job_starts_when_it_is_due_and_once() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    assert_eq!(ready.job["next_run_at"], Value::Null);
    let due = clock.now() + 30.minutes();
    let changed = set_schedule(&admin, &ready, daily(&clock, 30)).await;
    assert_eq!(millis(&changed["next_run_at"]), due.as_millisecond());
    clock.advance(29 * MINUTE);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(runs(&admin, &ready).await.is_empty());
    clock.advance(MINUTE);
    let run = started(&admin, &ready).await;
    assert_eq!(
        (&run["trigger"], &run["status"]),
        (&json!("schedule"), &json!("queued"))
    );
    let tomorrow = (due + 24.hours()).as_millisecond();
    assert_eq!(millis(&job(&admin, &ready).await["next_run_at"]), tomorrow);
    assert_eq!(count(&server, "due").await, Some(1));
    let work = ready.agent.take_run().await;
    assert_eq!(count(&server, "started").await, Some(1));
    ready.agent.finish(&work, 1, "/srv/data").await;
    // The clock was wrong and is set back; the schedule is saved once more.
    clock.set_wall_clock(due - 10.minutes());
    let other = json!({ "type": "manual" });
    set_schedule(&admin, &ready, other).await;
    set_schedule(&admin, &ready, daily(&clock, 10)).await;
    clock.advance(11 * MINUTE);
    settled(&server, &clock).await;
    assert_eq!(runs(&admin, &ready).await.len(), 1);
    assert_eq!(count(&server, "started").await, Some(1));
}

// Requirements: RUN-15, SCH-2
#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_job_lets_its_times_pass() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let changed = set_schedule(&admin, &ready, daily(&clock, 30)).await;
    let path = format!("/jobs/{}", ready.job_id());
    let switch = async |version: &Value, enabled: bool| {
        let change = json!({ "enabled": enabled });
        admin.patch(&path, version, change).await.expect(200)
    };
    let off = switch(&changed["version"], false).await;
    assert_eq!(off["next_run_at"], Value::Null);
    clock.advance(HOUR);
    let on = switch(&off["version"], true).await;
    assert!(millis(&on["next_run_at"]) > clock.now().as_millisecond());
    settled(&server, &clock).await;
    assert!(runs(&admin, &ready).await.is_empty());
    assert_eq!(
        number(&server, "SELECT count(*) FROM occurrences").await,
        Some(0)
    );
}

// Requirements: SCH-2
#[tokio::test(flavor = "multi_thread")]
async fn after_two_hours_without_a_server_each_occurrence_has_one_run() {
    const AGENTS: usize = 50;
    let clock = clock();
    let mut server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut all = Vec::new();
    for number in 0..AGENTS {
        let ready = ready(&server, &admin, &format!("box-{number}")).await;
        let schedule = if number % 5 == 0 {
            // Due twice meanwhile: the newest is made up for.
            json!({ "type": "hourly", "minute": (number as i64 * 7) % 60, "zone": "UTC" })
        } else {
            daily(&clock, 1 + (number as i64 * 11) % 119)
        };
        set_schedule(&admin, &ready, schedule).await;
        all.push(ready);
    }
    server.stop().await;
    clock.advance(2 * HOUR);
    server.resume().await;
    let polls = all.iter_mut().map(|ready| async {
        ready.agent.hello().await.expect(200);
        ready.agent.take_run().await.run_id.0
    });
    let handed: HashSet<i64> = futures::future::join_all(polls).await.into_iter().collect();
    assert_eq!(handed.len(), AGENTS, "a run each");
    let all_runs = async || number(&server, "SELECT count(*) FROM runs").await;
    assert_eq!(all_runs().await, Some(AGENTS as i64));
    assert_eq!(count(&server, "started").await, Some(AGENTS as i64));
    assert_eq!(count(&server, "skipped").await, Some(AGENTS as i64 / 5));
    assert_eq!(count(&server, "missed").await, Some(0));
    settled(&server, &clock).await;
    // Once more, in the middle of the runs: nothing is done twice.
    server.stop().await;
    server.resume().await;
    settled(&server, &clock).await;
    let again = number(&server, "SELECT count(*) FROM runs").await;
    assert_eq!(again, Some(AGENTS as i64));
}

// Requirements: SCH-7
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_breaks_off_anywhere_is_made_once() {
    let steps = [
        "INSERT ON runs",
        "INSERT ON occurrences",
        "UPDATE OF next_due_at ON jobs",
    ];
    for step in steps {
        let clock = clock();
        let mut server = TestServer::start_at(clock.clone()).await;
        let admin = server.admin().await;
        let mut ready = ready(&server, &admin, "box").await;
        set_schedule(&admin, &ready, daily(&clock, 30)).await;
        let trigger =
            format!("CREATE TRIGGER cut BEFORE {step} BEGIN SELECT RAISE(ABORT, 'cut'); END");
        sql(&server, &trigger).await;
        clock.advance(30 * MINUTE);
        // The scheduler tries and fails.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let rows = "SELECT (SELECT count(*) FROM runs) + (SELECT count(*) FROM occurrences)";
        assert_eq!(
            number(&server, rows).await,
            Some(0),
            "{step}: all or nothing"
        );
        server.stop().await;
        sql(&server, "DROP TRIGGER cut").await;
        server.resume().await;
        settled(&server, &clock).await;
        ready.agent.hello().await.expect(200);
        ready.agent.take_run().await;
        assert_eq!(count(&server, "started").await, Some(1), "{step}");
        assert_eq!(runs(&admin, &ready).await.len(), 1, "{step}");
    }
}

// Requirements: SCH-7
#[tokio::test(flavor = "multi_thread")]
async fn a_run_at_work_lets_the_next_one_pass_and_says_so() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    set_schedule(&admin, &ready, daily(&clock, 30)).await;
    let run = ready.start(&admin).await;
    let work = ready.agent.take_run().await;
    clock.advance(30 * MINUTE);
    settled(&server, &clock).await;
    assert_eq!(runs(&admin, &ready).await.len(), 1);
    let reason = "SELECT reason = 'still_running' FROM occurrences WHERE state = 'skipped'";
    assert_eq!(number(&server, reason).await, Some(1));
    let path = format!("/runs/{}/events", run["id"].as_str().expect("an id"));
    let events = admin.get(&path).await.expect(200);
    let event = &events["items"][0];
    assert_eq!(event["message_id"], "SCHEDULE_SKIPPED", "{events}");
    ready.agent.finish(&work, 1, "/srv/data").await;
    missed_alerts_are(&admin, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn later_occurrences_join_the_run_that_waits() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    set_schedule(&admin, &ready, daily(&clock, 30)).await;
    clock.advance(30 * MINUTE);
    let run = started(&admin, &ready).await;
    clock.advance(24 * HOUR);
    settled(&server, &clock).await;
    assert_eq!(count(&server, "missed").await, Some(1));
    assert_eq!(count(&server, "due").await, Some(1));
    let work = ready.agent.take_run().await;
    assert_eq!(runs(&admin, &ready).await.len(), 1);
    assert_eq!(json!(work.run_uuid), run["id"]);
    assert_eq!(count(&server, "started").await, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_nobody_takes_is_missed_and_may_come_late() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    set_schedule(&admin, &ready, daily(&clock, 30)).await;
    clock.advance(30 * MINUTE);
    started(&admin, &ready).await;
    clock.advance(14 * MINUTE);
    settled(&server, &clock).await;
    missed_alerts_are(&admin, 0).await;
    clock.advance(MINUTE);
    settled(&server, &clock).await;
    missed_alerts_are(&admin, 1).await;
    let missed = async |ready: &Ready| {
        let days = job(&admin, ready).await["days"].clone();
        let days = days.as_array().expect("days").clone();
        days.iter()
            .filter_map(|day| day["missed"].as_u64())
            .sum::<u64>()
    };
    // The clock of the test may show tomorrow already, which no strip has yet.
    let tomorrow = number(&server, "SELECT due_at FROM occurrences").await;
    let is_shown = tomorrow.is_some_and(|due| {
        let date =
            |millis| Timestamp::from_millisecond(millis).map(|at| at.strftime("%F").to_string());
        date(due).ok() == date(Timestamp::now().as_millisecond()).ok()
    });
    assert_eq!(missed(&ready).await, u64::from(is_shown));
    ready.agent.take_run().await;
    missed_alerts_are(&admin, 0).await;
    assert_eq!(
        (missed(&ready).await, count(&server, "started").await),
        (0, Some(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_made_up_for_is_withdrawn() {
    let clock = clock();
    let mut server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let mut schedule = daily(&clock, 30);
    schedule["catch_up"] = json!(false);
    set_schedule(&admin, &ready, schedule).await;
    clock.advance(30 * MINUTE);
    let run = started(&admin, &ready).await;
    clock.advance(15 * MINUTE);
    settled(&server, &clock).await;
    let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
    let shown = admin.get(&path).await.expect(200);
    assert_eq!(
        (&shown["status"], &shown["failure"]["code"]),
        (&json!("cancelled"), &json!("SCHEDULE_MISSED"))
    );
    assert_eq!(count(&server, "missed").await, Some(1));
    // Away for a day: nothing is started afterwards either.
    server.stop().await;
    clock.advance(25 * HOUR);
    server.resume().await;
    settled(&server, &clock).await;
    assert_eq!(count(&server, "missed").await, Some(2));
    assert_eq!(runs(&admin, &ready).await.len(), 1);
    missed_alerts_are(&admin, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_asks_for_is_not_withdrawn() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let mut schedule = daily(&clock, 30);
    schedule["catch_up"] = json!(false);
    set_schedule(&admin, &ready, schedule).await;
    clock.advance(30 * MINUTE);
    let run = started(&admin, &ready).await;
    let path = format!("/jobs/{}/runs", ready.job_id());
    let joined = admin.post(&path, json!({})).await.expect(200);
    assert_eq!(
        (&joined["id"], &joined["trigger"]),
        (&run["id"], &json!("manual"))
    );
    clock.advance(15 * MINUTE);
    settled(&server, &clock).await;
    assert_eq!(json!(ready.agent.take_run().await.run_uuid), run["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_start_is_not_missed() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    set_schedule(&admin, &ready, daily(&clock, 30)).await;
    clock.advance(30 * MINUTE);
    let run = started(&admin, &ready).await;
    let path = format!("/runs/{}/cancel", run["id"].as_str().expect("an id"));
    admin.post(&path, json!({})).await.expect(200);
    clock.advance(HOUR);
    settled(&server, &clock).await;
    assert_eq!(count(&server, "skipped").await, Some(1));
    missed_alerts_are(&admin, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_begins_in_a_forbidden_window_and_runs_stop_at_its_end() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let mut schedule = daily(&clock, 30);
    schedule["not_between"] = json!([{ "from": time(&clock, 40), "to": time(&clock, 100) }]);
    schedule["stop_at"] = json!(time(&clock, 160));
    set_schedule(&admin, &ready, schedule).await;
    clock.advance(30 * MINUTE);
    let run = started(&admin, &ready).await;
    // The machine is back inside the window.
    clock.advance(20 * MINUTE);
    assert!(ready.agent.poll(1, 0).await.run.is_none());
    let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
    let waiting = admin.get(&path).await.expect(200)["waiting_reason"].clone();
    assert_eq!(waiting["code"], "window", "{waiting}");
    let until = (clock.now() + 50.minutes()).as_millisecond();
    assert_eq!(millis(&waiting["until"]), until);
    clock.advance(50 * MINUTE);
    let work = ready.agent.take_run().await;
    clock.advance(60 * MINUTE);
    settled(&server, &clock).await;
    let orders = ready.agent.poll(0, 5).await;
    assert_eq!(orders.cancel.len(), 1);
    let end = json!({ "status": "cancelled" });
    ready
        .agent
        .update(work.run_id.0, work.attempt.0, 1, end)
        .await
        .expect(200);
    let shown = admin.get(&path).await.expect(200);
    assert_eq!(
        (&shown["status"], &shown["failure"]["code"]),
        (&json!("cancelled"), &json!("WINDOW_ENDED"))
    );
    // The next night nobody takes the run before it would have to stop.
    ready.agent.running.clear();
    clock.advance(21 * HOUR + 55 * MINUTE);
    settled(&server, &clock).await;
    clock.advance(3 * HOUR);
    settled(&server, &clock).await;
    assert!(ready.agent.poll(1, 0).await.run.is_none());
    assert_eq!(count(&server, "missed").await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_ahead_loses_no_start() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let base = clock.now();
    let due = base + 30.minutes();
    set_schedule(&admin, &ready, daily(&clock, 30)).await;
    clock.set_wall_clock(base + (400 * 24).hours());
    started(&admin, &ready).await;
    settled(&server, &clock).await;
    let work = ready.agent.take_run().await;
    ready.agent.finish(&work, 1, "/srv/data").await;
    ready.agent.running.clear();
    clock.set_wall_clock(base);
    looked(&server, &clock).await;
    clock.advance(10 * MINUTE);
    let planned = format!(
        "SELECT (SELECT count(*) FROM jobs WHERE next_due_at = {}) = 1 \
         AND (SELECT count(*) FROM occurrences WHERE due_at > {}) = 0",
        due.as_millisecond(),
        (base + 1.hours()).as_millisecond()
    );
    eventually("the schedule is reckoned anew", async || {
        (number(&server, &planned).await == Some(1)).then_some(())
    })
    .await;
    clock.advance(20 * MINUTE);
    ready.agent.take_run().await;
    assert_eq!(runs(&admin, &ready).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_due_while_a_clock_is_not_trusted_yet_is_started_then() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let base = clock.now();
    let due = (base + 1.minutes()).as_millisecond();
    set_schedule(&admin, &ready, daily(&clock, 1)).await;
    clock.set_wall_clock(base + (400 * 24).hours());
    let work = ready.agent.take_run().await;
    ready.agent.finish(&work, 1, "/srv/data").await;
    ready.agent.running.clear();
    clock.set_wall_clock(base);
    looked(&server, &clock).await;
    clock.advance(10 * MINUTE);
    ready.agent.take_run().await;
    let known =
        format!("SELECT count(*) FROM occurrences WHERE state = 'started' AND due_at = {due}");
    assert_eq!(number(&server, &known).await, Some(1));
}

/// A machine whose clock has no battery starts in the past, until its clock is set.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_behind_for_a_moment_undoes_nothing() {
    let clock = clock();
    let mut server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    // The job is older than its schedule, which asked for nothing then.
    let older = "UPDATE jobs SET created_at = created_at - 864000000";
    sql(&server, older).await;
    set_schedule(&admin, &ready, daily(&clock, 30)).await;
    clock.advance(30 * MINUTE);
    let work = ready.agent.take_run().await;
    ready.agent.finish(&work, 1, "/srv/data").await;
    ready.agent.running.clear();
    settled(&server, &clock).await;
    let rows = async || number(&server, "SELECT count(*) FROM occurrences").await;
    assert_eq!(rows().await, Some(1));
    let true_time = clock.now();
    let wrong: Timestamp = "2000-01-01T00:00:00Z".parse().expect("a time");
    server.stop().await;
    clock.set_wall_clock(wrong);
    server.resume().await;
    looked(&server, &clock).await;
    clock.advance(Duration::from_secs(20));
    looked(&server, &clock).await;
    let rows = async || number(&server, "SELECT count(*) FROM occurrences").await;
    assert_eq!(rows().await, Some(1), "no occurrence is lost");
    clock.set_wall_clock(true_time + 20.seconds());
    looked(&server, &clock).await;
    // Once more, while the server is at work.
    clock.set_wall_clock(wrong);
    looked(&server, &clock).await;
    clock.set_wall_clock(true_time + 20.seconds());
    looked(&server, &clock).await;
    assert_eq!(rows().await, Some(1), "no occurrence is lost or added");
    assert_eq!(runs(&admin, &ready).await.len(), 1, "it is started once");
    // The next day is the next start.
    clock.advance(24 * HOUR);
    settled(&server, &clock).await;
    assert_eq!(runs(&admin, &ready).await.len(), 2);
    assert_eq!(count(&server, "missed").await, Some(0));
    assert_eq!(rows().await, Some(2));
}

/// Due while the server was away, and held back by the window in which it is back.
async fn held_back(clock: &ManualClock, server: &mut TestServer, admin: &Client, ready: &Ready) {
    let mut schedule = daily(clock, 30);
    schedule["not_between"] = json!([{ "from": time(clock, 40), "to": time(clock, 100) }]);
    set_schedule(admin, ready, schedule).await;
    server.stop().await;
    clock.advance(50 * MINUTE);
    server.resume().await;
    settled(server, clock).await;
    assert!(runs(admin, ready).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_waits_outlives_another_schedule() {
    let clock = clock();
    let mut server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    held_back(&clock, &mut server, &admin, &ready).await;
    set_schedule(&admin, &ready, daily(&clock, 600)).await;
    let run = started(&admin, &ready).await;
    assert_eq!(run["trigger"], "schedule");
    assert_eq!(count(&server, "due").await, Some(1));
    ready.agent.hello().await.expect(200);
    ready.agent.take_run().await;
    assert_eq!(count(&server, "started").await, Some(1));
    let next = (clock.now() + 600.minutes()).as_millisecond();
    assert_eq!(millis(&job(&admin, &ready).await["next_run_at"]), next);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_waits_ends_with_the_schedule() {
    let clock = clock();
    let mut server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    held_back(&clock, &mut server, &admin, &ready).await;
    set_schedule(&admin, &ready, json!({ "type": "manual" })).await;
    clock.advance(HOUR);
    settled(&server, &clock).await;
    assert!(runs(&admin, &ready).await.is_empty());
    let reason = "SELECT reason = 'withdrawn' FROM occurrences WHERE state = 'skipped'";
    assert_eq!(number(&server, reason).await, Some(1));
    missed_alerts_are(&admin, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_starts_by_itself_no_more_leaves_nothing_in_the_queue() {
    for change in [
        json!({ "enabled": false }),
        json!({ "schedule": { "type": "manual" } }),
    ] {
        let clock = clock();
        let server = TestServer::start_at(clock.clone()).await;
        let admin = server.admin().await;
        let ready = ready(&server, &admin, "box").await;
        set_schedule(&admin, &ready, daily(&clock, 30)).await;
        clock.advance(30 * MINUTE);
        let run = started(&admin, &ready).await;
        let version = job(&admin, &ready).await["version"].clone();
        let path = format!("/jobs/{}", ready.job_id());
        admin.patch(&path, &version, change).await.expect(200);
        assert!(ready.agent.poll(1, 0).await.run.is_none());
        let path = format!("/runs/{}", run["id"].as_str().expect("an id"));
        let shown = admin.get(&path).await.expect(200);
        assert_eq!(
            (&shown["status"], &shown["failure"]["code"]),
            (&json!("cancelled"), &json!("SCHEDULE_WITHDRAWN"))
        );
        clock.advance(HOUR);
        settled(&server, &clock).await;
        assert_eq!(count(&server, "skipped").await, Some(1));
        missed_alerts_are(&admin, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_asked_for_stays_when_the_schedule_goes() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    set_schedule(&admin, &ready, daily(&clock, 30)).await;
    clock.advance(30 * MINUTE);
    let run = started(&admin, &ready).await;
    let path = format!("/jobs/{}/runs", ready.job_id());
    admin.post(&path, json!({})).await.expect(200);
    set_schedule(&admin, &ready, json!({ "type": "manual" })).await;
    assert_eq!(json!(ready.agent.take_run().await.run_uuid), run["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_made_up_for_waits_for_a_machine_that_is_busy() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    ready.start(&admin).await;
    let long = ready.agent.take_run().await;
    let mut schedule = daily(&clock, 30);
    schedule["catch_up"] = json!(false);
    let second = json!({ "name": "second", "agent_id": ready.agent.uuid, "vault_id": ready.vault["id"],
        "paths": ["/srv/more"], "schedule": schedule });
    let second = admin.post("/jobs", second).await.expect(201);
    clock.advance(30 * MINUTE);
    settled(&server, &clock).await;
    let path = format!("/runs?job_id={}", second["id"].as_str().expect("an id"));
    let page = admin.get(&path).await.expect(200);
    let run = &page["items"][0];
    for _ in 0..4 {
        clock.advance(20 * MINUTE);
        settled(&server, &clock).await;
    }
    assert_eq!(count(&server, "due").await, Some(1));
    missed_alerts_are(&admin, 0).await;
    let shown = format!("/runs/{}", run["id"].as_str().expect("an id"));
    let shown = admin.get(&shown).await.expect(200);
    assert_eq!(shown["waiting_reason"]["code"], "machine_busy", "{shown}");
    ready.agent.finish(&long, 1, "/srv/data").await;
    ready.agent.running.clear();
    assert_eq!(json!(ready.agent.take_run().await.run_uuid), run["id"]);
    assert_eq!(count(&server, "started").await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_without_a_server_is_settled_at_once() {
    let clock = clock();
    let mut server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let minutely = json!({ "type": "cron", "cron": "* * * * *", "zone": "UTC" });
    set_schedule(&admin, &ready, minutely).await;
    server.stop().await;
    clock.advance(365 * 24 * HOUR);
    // As if it had been planned by a clock that had lost its time.
    sql(
        &server,
        "UPDATE jobs SET next_due_at = 60000, next_start_at = 60000",
    )
    .await;
    server.resume().await;
    settled(&server, &clock).await;
    ready.agent.hello().await.expect(200);
    ready.agent.take_run().await;
    assert_eq!(runs(&admin, &ready).await.len(), 1);
    assert_eq!(count(&server, "skipped").await, Some(999));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_copes_with_rare_days_and_unreadable_jobs() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ready = ready(&server, &admin, "box").await;
    let nightly = json!({ "type": "daily", "time": "22:00", "zone": "UTC" });
    set_schedule(&admin, &ready, nightly.clone()).await;
    let broken = json!({ "name": "broken", "agent_id": ready.agent.uuid, "vault_id": ready.vault["id"],
        "paths": ["/srv/more"], "schedule": nightly });
    admin.post("/jobs", broken).await.expect(201);
    let change =
        r#"UPDATE jobs SET schedule = '{"type":"daily","time":"never"}' WHERE name = 'broken'"#;
    sql(&server, change).await;
    let body = json!({ "schedule": nightly, "agent_id": ready.agent.uuid });
    let preview = admin.post("/schedule-previews", body).await.expect(200);
    let clash = &preview["next_runs"][0]["clashes_with"];
    assert_eq!(clash, &json!(["job of box"]), "{preview}");
    let rare = json!({ "type": "cron", "cron": "* * 29 2 +mon", "zone": "Europe/Berlin" });
    let body = json!({ "schedule": rare, "agent_id": ready.agent.uuid });
    let preview = admin.post("/schedule-previews", body).await.expect(200);
    let next = preview["next_runs"].as_array().expect("runs");
    assert_eq!(next.len(), 10, "{preview}");
}
