//! The server is killed in the middle of a run.

use std::time::Duration;

use holdfast_testkit::tree;
use holdfast_tests::stack::Stack;

// Requirements: AGT-26
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_goes_on_while_the_server_is_away() {
    let mut stack = Stack::start().await;
    let vault = stack.s3_vault("outage").await;
    let source = stack.path().join("source");
    std::fs::create_dir(&source).expect("make the source");
    tree::write_random_file(&source.join("data"), 5, 60 << 20).expect("write the source");
    let job = stack.job(&vault, &source, Some(5 << 20)).await;
    let run = stack.run(&job).await;
    stack
        .api
        .wait_until("bytes are processed", &run, |run| {
            run["progress"]["bytes_processed"].as_u64() > Some(0)
        })
        .await;
    stack.kill_server();
    let before = stack.store.totals().await.put_bytes;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(
        stack.store.totals().await.put_bytes > before,
        "the upload stopped with the server"
    );
    stack.start_server().await;
    let end = stack.wait_for_end(&run, Duration::from_secs(120)).await;
    assert_eq!(
        (end["status"].as_str(), end["attempt"].as_i64()),
        (Some("success"), Some(1)),
        "{end}"
    );
    assert!(!end["point_id"].is_null(), "{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_ends_during_the_outage_is_reported_by_the_next_agent_process() {
    let mut stack = Stack::start().await;
    let vault = stack.s3_vault("late").await;
    let source = stack.path().join("source");
    std::fs::create_dir(&source).expect("make the source");
    tree::write_random_file(&source.join("data"), 6, 30 << 20).expect("write the source");
    let job = stack.job(&vault, &source, Some(5 << 20)).await;
    let run = stack.run(&job).await;
    stack
        .api
        .wait_until("the run is running", &run, |run| run["status"] == "running")
        .await;
    stack.kill_server();
    stack.wait_for_log("the run ended").await;
    stack.kill_agent();
    stack.start_agent();
    stack.start_server().await;
    let end = stack.wait_for_end(&run, Duration::from_secs(120)).await;
    assert_eq!(
        (end["status"].as_str(), end["attempt"].as_i64()),
        (Some("success"), Some(1)),
        "{end}"
    );
}
