//! A run is due while the server is away.

use std::time::Duration;

use holdfast_testkit::tree;
use holdfast_tests::stack::Stack;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

/// Seconds that everything before the due time may take; the rest of the minute is waited for.
const PREPARATION: i64 = 40;

/// The next full minute that leaves time enough.
fn next_minute() -> Timestamp {
    let earliest = Timestamp::now().as_second() + PREPARATION;
    Timestamp::from_second((earliest / 60 + 1) * 60).expect("a time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_while_the_server_is_away_has_one_run() {
    let mut stack = Stack::start().await;
    let vault = stack.s3_vault("absence").await;
    let source = stack.path().join("source");
    std::fs::create_dir(&source).expect("make the source");
    tree::write_random_file(&source.join("data"), 7, 1 << 20).expect("write the source");
    let agents = stack.api.get("/agents").await;
    let due = next_minute();
    let minute = (due.as_second() / 60) % 60;
    let job = json!({
        "name": "absence", "agent_id": agents["items"][0]["id"], "vault_id": vault["id"], "paths": [source],
        "schedule": { "type": "hourly", "minute": minute, "zone": "UTC" }, "offline_start": true,
    });
    let job = stack.api.post("/jobs", job).await;
    stack
        .wait_for_log("the server says what may be started")
        .await;
    assert!(
        Timestamp::now() + 2.seconds() < due,
        "the machine is too slow for this test"
    );
    stack.kill_server();
    let rest = due
        .duration_since(Timestamp::now())
        .max(jiff::SignedDuration::ZERO);
    tokio::time::sleep(rest.unsigned_abs()).await;
    stack
        .wait_for_log("this agent starts the run by itself")
        .await;
    stack.wait_for_log("the run ended").await;
    // The next process of the agent tells of it.
    stack.kill_agent();
    stack.start_agent();
    stack.start_server().await;
    let path = format!("/runs?job_id={}", job["id"].as_str().expect("an id"));
    let is_over = |runs: &Value| {
        let runs = runs["items"].as_array().expect("items");
        runs.iter()
            .any(|run| run["trigger"] == "offline" && run["finished_at"].is_string())
    };
    stack
        .api
        .wait_until("the run is told of", &path, is_over)
        .await;
    // Server and agent have settled what was due: nothing comes after it.
    let job = format!("/jobs/{}", job["id"].as_str().expect("an id"));
    let next = (due + 1.hours()).to_string();
    stack
        .api
        .wait_until("the schedule is followed again", &job, |job| {
            let text = job["next_run_at"].as_str().expect("a time");
            let at: Timestamp = text.parse().expect("a time");
            at.to_string() == next
        })
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let runs = stack.api.get(&path).await;
    let [run] = &runs["items"].as_array().expect("items")[..] else {
        panic!("one run: {runs}")
    };
    assert_eq!(run["status"], "success", "{run}");
    let run = stack
        .api
        .get(&format!("/runs/{}", run["id"].as_str().expect("an id")))
        .await;
    assert!(!run["point_id"].is_null(), "{run}");
    let snapshots = stack.snapshots("absence").await;
    assert_eq!(snapshots.as_array().map(Vec::len), Some(1), "{snapshots}");
}
