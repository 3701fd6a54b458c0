//! The agent is killed in the middle of a run and continues it.

use std::path::Path;
use std::time::{Duration, Instant};

use holdfast_testkit::{soak, tree};
use holdfast_tests::stack::Stack;

/// Size of the incompressible part of the source.
const DATA: u64 = 2 << 30;

/// Longest time of one run.
const LONG: Duration = Duration::from_secs(900);

// Requirements: AGT-16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_agent_continues_its_run_and_sends_little_twice() {
    let folder = tempfile::tempdir().expect("make a temporary folder");
    let source = folder.path().join("source");
    make_source(&source);
    let (whole, duration) = uninterrupted(&source).await;
    let seed = u64::from(std::process::id());
    eprintln!("uninterrupted: {whole} bytes in {duration:?}; seed {seed}");
    for round in 0..if soak() { 20 } else { 3 } {
        let share = moment(seed, round);
        let sent = interrupted(&source, duration.mul_f64(share)).await;
        eprintln!(
            "round {round}: killed after {:.0} %, {:.3} x the bytes",
            share * 100.0,
            sent as f64 / whole as f64
        );
        assert!(
            sent as f64 <= whole as f64 * 1.10,
            "killed after {share:.2} of the time: {sent} bytes were sent instead of {whole}"
        );
    }
}

/// A moment between 5 % and 95 % of the time.
fn moment(seed: u64, round: u64) -> f64 {
    let bytes = tree::random_bytes(seed.wrapping_add(round * 7919), 2);
    0.05 + 0.9 * f64::from(u16::from_le_bytes([bytes[0], bytes[1]])) / f64::from(u16::MAX)
}

fn make_source(source: &Path) {
    let golden = source.join("golden");
    std::fs::create_dir_all(&golden).expect("make the source");
    tree::golden(&golden).expect("make one of everything");
    for number in 0..4 {
        tree::write_random_file(&source.join(format!("data {number}")), number, DATA / 4)
            .expect("write random data");
    }
}

/// Bytes that a run sends when nothing happens, and how long it takes.
async fn uninterrupted(source: &Path) -> (u64, Duration) {
    let stack = Stack::start().await;
    let vault = stack.s3_vault("whole").await;
    let job = stack.job(&vault, source, None).await;
    stack.store.forget().await;
    let began = Instant::now();
    let run = stack.run(&job).await;
    let end = stack.wait_for_end(&run, LONG).await;
    let duration = began.elapsed();
    assert_eq!(end["status"], "success", "{end}");
    (stack.store.totals().await.put_bytes, duration)
}

/// Bytes that a run sends when the agent is killed after `moment`.
async fn interrupted(source: &Path, moment: Duration) -> u64 {
    let mut stack = Stack::start().await;
    let vault = stack.s3_vault("killed").await;
    let job = stack.job(&vault, source, None).await;
    stack.store.forget().await;
    let run = stack.run(&job).await;
    tokio::time::sleep(moment).await;
    stack.kill_agent();
    stack.start_agent();
    let end = stack.wait_for_end(&run, LONG).await;
    assert_eq!(end["status"], "success", "{end}");
    assert!(end["attempt"].as_i64().expect("an attempt") <= 2, "{end}");
    let sent = stack.store.totals().await.put_bytes;
    stack.check_strict("killed").await;
    let target = stack.path().join("restored");
    let restored = stack.restore(&end["point_id"], &target, LONG).await;
    assert_eq!(restored["status"], "success", "{restored}");
    tree::assert_same(source, &target, &tree::Compare::ALL);
    sent
}
