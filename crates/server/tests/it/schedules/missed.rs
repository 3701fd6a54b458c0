//! Starts that nobody made, and those that nobody wants any more.

use jiff::Timestamp;
use serde_json::json;

use super::{
    HOUR, MINUTE, clock, count, daily, job, missed_alerts_are, runs, set_schedule, settled, started,
};
use crate::support::{Ready, TestServer, ready, server::number};

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
