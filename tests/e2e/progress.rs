//! A run that lasts: its figures on the way and at the end.

use std::path::Path;
use std::time::Duration;

use holdfast_testkit::tree;
use holdfast_tests::stack::{Stack, is_over};

/// Upload limit, in bytes per second.
const LIMIT: u64 = 10 << 20;

/// How long the upload takes at that limit, in seconds.
const SECONDS: u64 = 30;

/// Size of one file of the source.
const FILE: u64 = 15 << 20;

// Requirements: PLT-5, PRG-7, PRG-8, ENG-KOPIA-1, RST-3, API-A-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_rises_and_agrees_with_what_the_store_received() {
    let stack = Stack::start().await;
    let vault = stack.s3_vault("progress").await;
    let source = stack.path().join("source");
    make_source(&source);
    let job = stack.job(&vault, &source, Some(LIMIT)).await;
    stack.store.forget().await;
    let run = stack.run(&job).await;
    let mut processed: Vec<u64> = Vec::new();
    let mut totals: Vec<u64> = Vec::new();
    let end = loop {
        let seen = stack.api.get(&run).await;
        processed.extend(seen["progress"]["bytes_processed"].as_u64());
        totals.extend(seen["progress"]["bytes_total"].as_u64());
        if is_over(&seen) {
            break seen;
        }
        assert!(processed.len() < 3000, "the run does not end: {seen}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    };
    assert_eq!(end["status"], "success", "{end}");
    assert!(processed.is_sorted(), "{processed:?}");
    processed.dedup();
    assert!(
        processed.len() >= 5,
        "only {} different figures: {processed:?}",
        processed.len()
    );
    totals.dedup();
    assert_eq!(
        totals,
        [SECONDS * LIMIT],
        "the total is constant once it is known"
    );
    assert_eq!(end["progress"]["bytes_processed"], SECONDS * LIMIT);
    let transferred = end["progress"]["bytes_transferred"]
        .as_u64()
        .expect("bytes_transferred is sent");
    let received = stack.store.totals().await.put_bytes;
    let difference = transferred.abs_diff(received) as f64 / received as f64;
    assert!(
        difference <= 0.05,
        "reported {transferred}, the store received {received}"
    );
    let seconds = end["statistics"]["duration_seconds"]
        .as_f64()
        .expect("the duration is sent");
    assert!(
        seconds >= SECONDS as f64 * 0.8,
        "the limit was not kept: {seconds} s"
    );

    let target = stack.path().join("restored");
    let restored = stack
        .restore(&end["point_id"], &target, Duration::from_secs(300))
        .await;
    assert_eq!(restored["status"], "success", "{restored}");
    tree::assert_same(&source, &target, &tree::Compare::ALL);

    let again = stack.run(&job).await;
    let unchanged = stack.wait_for_end(&again, Duration::from_secs(120)).await;
    assert_eq!(unchanged["status"], "success", "{unchanged}");
    assert_eq!(unchanged["statistics"]["bytes_new"], 0, "{unchanged}");
    assert_eq!(
        unchanged["progress"]["bytes_processed"],
        SECONDS * LIMIT,
        "zero is sent and full is full: {unchanged}"
    );
}

fn make_source(source: &Path) {
    std::fs::create_dir(source).expect("make the source");
    for number in 0..SECONDS * LIMIT / FILE {
        let folder = source.join(format!("folder {}", number % 4));
        std::fs::create_dir_all(&folder).expect("make a folder");
        tree::write_random_file(&folder.join(format!("file {number}")), number, FILE)
            .expect("write a file");
    }
}
