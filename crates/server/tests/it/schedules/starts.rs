//! What schedules start, and when.

use std::{collections::HashSet, time::Duration};

use holdfast_host::Clock;
use jiff::ToSpan;
use serde_json::{Value, json};

use super::{
    HOUR, MINUTE, clock, count, daily, job, millis, missed_alerts_are, runs, set_schedule, settled,
    started, time,
};
use crate::support::{
    TestServer, ready,
    server::{number, sql},
};

// Requirements: RUN-4, SCH-1, SCH-3
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
