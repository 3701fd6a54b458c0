//! Restores that end before their time: killed, or at a full disk.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use holdfast_testkit::s3::{Effect, Fault, Operation, S3Server};
use holdfast_testkit::tree::{Compare, assert_same, write_random_file};
use holdfast_tests::cli::Cli;

/// How long a test waits for something that takes moments.
const LONG: Duration = Duration::from_secs(120);

/// Waits until the store holds an answer back for ever, after it gave `answered` of its packs: then all of those have been
/// written, because one thread works.
fn wait_until_it_hangs(server: &S3Server, child: &mut Child, answered: u32) {
    let began = Instant::now();
    while reads_of_packs(server) <= answered {
        assert!(child.try_wait().expect("the child").is_none(), "it ended");
        assert!(began.elapsed() < LONG, "{:#?}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How often packs with the data of files were read. What a plan is made from lies in others, and how many those are
/// depends on which thread stored what.
fn reads_of_packs(server: &S3Server) -> u32 {
    let log = server.log();
    let of_packs = log
        .iter()
        .filter(|one| one.operation == Operation::Get && one.key.contains("vault/p"));
    u32::try_from(of_packs.count()).expect("a few")
}

#[test]
fn a_restore_killed_at_half_fetches_little_twice() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let source = folder.path().join("source");
    fs::create_dir_all(source.join("small")).expect("create the source");
    write_random_file(&source.join("large"), 1, 24 << 20).expect("fill the source");
    for number in 0..100 {
        let path = source.join(format!("small/{number}"));
        write_random_file(&path, 10 + number, 160 << 10).expect("fill the source");
    }
    let server = S3Server::start();
    let cli = Cli::bucket(&server, "vault");
    cli.succeed(["repo", "create"]);
    cli.succeed([
        "policy",
        "set",
        "--global",
        "--splitter",
        "DYNAMIC-1M-BUZHASH",
    ]);
    let report = cli.snapshot(&source);
    let id = report["id"].as_str().expect("an id");
    let target = folder.path().join("target");
    let restore = |target: &Path| {
        let mut command = cli.command(["--json", "snapshot", "restore", "--parallel", "1", id]);
        command.arg(target).stdout(Stdio::piped());
        command
    };
    server.clear_log();
    let whole = restore(&folder.path().join("whole"))
        .status()
        .expect("restore");
    assert!(whole.success());
    let needed = server.totals();
    let half = reads_of_packs(&server) / 2;

    server.clear_log();
    let fault = Fault::new(Operation::Get, Effect::Hang)
        .key("vault/p")
        .skip(half);
    server.add_fault(fault);
    let mut child = restore(&target).spawn().expect("start a restore");
    wait_until_it_hangs(&server, &mut child, half);
    child.kill().expect("kill it");
    child.wait().expect("wait for it");
    server.clear_faults();
    let first = server.totals().get_bytes;
    assert!(
        first * 4 > needed.get_bytes && first * 4 < needed.get_bytes * 3,
        "{first}"
    );

    let plan = restore(&target).arg("--dry-run").output().expect("plan");
    server.clear_log();
    let done = restore(&target).output().expect("restore again");
    let second = server.totals().get_bytes;
    assert!(plan.status.success() && done.status.success(), "{done:?}");
    let counts = |printed: &[u8]| {
        let report: serde_json::Value = serde_json::from_slice(printed).expect("JSON");
        ["create", "replace", "keep", "same", "cannot", "bytes"].map(|name| report[name].clone())
    };
    assert_eq!(counts(&plan.stdout), counts(&done.stdout));
    assert_same(&source, &target, &Compare::default());
    let twice = (first + second).saturating_sub(needed.get_bytes);
    println!(
        "{first} and {second} of {}, {twice} twice",
        needed.get_bytes
    );
    assert!(
        twice * 100 <= needed.get_bytes,
        "{first} and {second}, {twice} twice"
    );
}

#[cfg(unix)]
#[test]
fn a_full_disk_ends_a_restore_and_the_next_goes_on() {
    use std::process::Command;

    let folder = tempfile::tempdir().expect("temporary directory");
    let (disk, source) = (folder.path().join("disk"), folder.path().join("source"));
    fs::create_dir(&disk).expect("create the mount point");
    fs::create_dir(&source).expect("create the source");
    let mount = |options: &str| {
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&disk);
        command.status().is_ok_and(|status| status.success())
    };
    if !mount("size=8m") {
        println!("skipped: needs permission to mount a tmpfs");
        return;
    }
    let _unmount = Unmount(&disk);
    for (name, seed, length) in [("first", 1, 3 << 20), ("second", 2, 12 << 20)] {
        write_random_file(&source.join(name), seed, length).expect("fill the source");
    }
    let cli = Cli::directory(&folder.path().join("repository"));
    cli.succeed(["repo", "create"]);
    let report = cli.snapshot(&source);
    let id = report["id"].as_str().expect("an id");
    let target = disk.join("target");
    let restore = || {
        let words = ["--json", "snapshot", "restore", id].map(std::ffi::OsStr::new);
        cli.run(words.into_iter().chain([target.as_os_str()]))
    };
    let full = restore();
    assert_eq!(full.code, 1, "{full:#?}");
    let problem = full.problem();
    assert_eq!(problem["code"], "target_failed");
    let detail = problem["detail"].as_str().unwrap_or_default();
    // Both are written at the same time: either may find the disk full.
    let is_named = ["first", "second"].iter().any(|name| detail.contains(name));
    assert!(is_named, "{detail}");
    assert!(!target.join("second").exists(), "half of it has its name");
    assert!(mount("remount,size=32m"), "give it room");
    let done = restore();
    assert_eq!(done.code, 0, "{done:#?}");
    assert_same(&source, &target, &Compare::default());
}

#[cfg(unix)]
struct Unmount<'a>(&'a Path);

#[cfg(unix)]
impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        // What stays mounted is a temporary file system of a few megabytes.
        let _ = std::process::Command::new("umount")
            .arg("--lazy")
            .arg(self.0)
            .status();
    }
}
