//! Cancelling runs: queued ones at once, running ones within seconds, and nothing of them is listed as complete.

use std::time::{Duration, Instant};

use holdfast_testkit::{soak, tree};
use holdfast_tests::stack::{Stack, is_over, item};
use serde_json::json;

/// How long the slowest cancel may take.
fn limit() -> Duration {
    if soak() {
        Duration::from_secs(3)
    } else {
        Duration::from_secs(30)
    }
}

// Requirements: CAN-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_backup_is_cancelled_in_time_and_leaves_no_snapshot() {
    let stack = Stack::start().await;
    let vault = stack.s3_vault("cancel").await;
    let source = stack.path().join("source");
    std::fs::create_dir(&source).expect("make the source");
    tree::write_random_file(&source.join("data"), 3, 200 << 20).expect("write the source");
    let job = stack.job(&vault, &source, Some(4 << 20)).await;
    let mut slowest = Duration::ZERO;
    for round in 0..if soak() { 20 } else { 3 } {
        let run = stack.run(&job).await;
        stack
            .api
            .wait_until("the run is running", &run, |run| run["status"] == "running")
            .await;
        // Each round finds the run in another phase: opening the vault, reading, sending.
        tokio::time::sleep(Duration::from_millis(150 * round)).await;
        let asked = Instant::now();
        stack.api.post(&format!("{run}/cancel"), json!({})).await;
        let end = loop {
            let seen = stack.api.get(&run).await;
            if is_over(&seen) {
                break seen;
            }
            assert!(
                asked.elapsed() < Duration::from_secs(60),
                "the run does not stop: {seen}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let took = asked.elapsed();
        assert_eq!(end["status"], "cancelled", "{end}");
        assert!(
            end["failure"].is_null() && end["point_id"].is_null(),
            "{end}"
        );
        slowest = slowest.max(took);
        let events = stack.api.get(&format!("{run}/events")).await;
        let ids: Vec<&str> = events["items"]
            .as_array()
            .expect("a list of events")
            .iter()
            .filter_map(|event| event["message_id"].as_str())
            .collect();
        let place = |id: &str| {
            ids.iter()
                .position(|seen| *seen == id)
                .unwrap_or_else(|| panic!("no {id} in {ids:?}"))
        };
        assert!(place("CANCEL_REQUESTED") < place("CANCELLED"), "{ids:?}");
    }
    eprintln!("slowest cancel: {slowest:?}");
    assert!(slowest <= limit(), "the slowest cancel took {slowest:?}");
    let points = stack.api.get("/points").await;
    assert_eq!(points["items"], json!([]));
    assert_eq!(
        stack.snapshots("cancel").await,
        json!([]),
        "the repository lists no snapshot"
    );
}

// Requirements: CAN-2
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queued_run_is_cancelled_at_once() {
    let mut stack = Stack::start().await;
    let vault = stack.s3_vault("queued").await;
    let source = stack.path().join("source");
    std::fs::create_dir(&source).expect("make the source");
    let job = stack.job(&vault, &source, None).await;
    stack.kill_agent();
    let run = stack.run(&job).await;
    let answer = stack.api.post(&format!("{run}/cancel"), json!({})).await;
    assert_eq!(answer["status"], "cancelled", "{answer}");
    assert_eq!(item("/runs", &answer), run);
}
