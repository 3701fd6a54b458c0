//! What becomes of a start that waits when its job or its schedule changes.

use holdfast_host::{Clock, ManualClock};
use jiff::ToSpan;
use serde_json::json;

use super::{
    HOUR, MINUTE, clock, count, daily, job, millis, missed_alerts_are, runs, set_schedule, settled,
    started, time,
};
use crate::support::{Client, Ready, TestServer, ready, server::number};

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
