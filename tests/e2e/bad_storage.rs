//! Storage that fails: the error names the thing and what to do, nothing is lost, and no snapshot
//! that is not whole is listed.

use std::fs;
use std::path::Path;
use std::process::Command;

use holdfast_testkit::s3::{Effect, Fault, Operation, S3Server};
use holdfast_testkit::tree::{Compare, assert_same, write_random_file};
use holdfast_tests::cli::{Cli, Finished};

struct Scene {
    folder: tempfile::TempDir,
    server: S3Server,
    cli: Cli,
    first: String,
}

/// A repository in a bucket with one snapshot, and a source that has grown since.
fn scene() -> Scene {
    let folder = tempfile::tempdir().expect("temporary directory");
    let source = folder.path().join("source");
    fs::create_dir(&source).expect("create the source");
    write_random_file(&source.join("one"), 1, 3 << 20).expect("fill the source");
    let server = S3Server::start();
    let cli = Cli::bucket(&server, "vault");
    cli.succeed(["repo", "create"]);
    let report = cli.snapshot(&source);
    let first = report["id"].as_str().expect("an id").to_owned();
    write_random_file(&source.join("two"), 2, 5 << 20).expect("fill the source");
    Scene {
        folder,
        server,
        cli,
        first,
    }
}

impl Scene {
    fn source(&self) -> std::path::PathBuf {
        self.folder.path().join("source")
    }

    fn create(&self) -> Finished {
        let source = self.source();
        self.cli.run([
            "--json".as_ref(),
            "snapshot".as_ref(),
            "create".as_ref(),
            source.as_os_str(),
        ])
    }

    /// What must hold after every failure: one snapshot, whole, and the next run works.
    fn nothing_is_lost(&self) {
        self.server.clear_faults();
        let snapshots = self.cli.snapshots();
        assert_eq!(snapshots.len(), 1, "{snapshots:?}");
        assert_eq!(snapshots[0]["id"], self.first.as_str());
        self.cli.succeed(["snapshot", "verify", "--read-data"]);
        self.cli.succeed(["repo", "check", "--strict"]);
        let report = self.cli.snapshot(&self.source());
        let target = self.folder.path().join("restored");
        let id = report["id"].as_str().expect("an id");
        self.cli
            .succeed(["snapshot", "restore", id, target.to_str().expect("UTF-8")]);
        assert_same(&self.source(), &target, &Compare::ALL);
    }
}

fn assert_problem(finished: &Finished, code: &str, parts: &[&str]) {
    assert_eq!(finished.code, 1, "{finished:#?}");
    let problem = finished.problem();
    assert_eq!(problem["code"], code, "{problem}");
    let text = problem.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} not in {text}");
    }
    assert!(!finished.stderr.contains("panicked"), "{finished:#?}");
    assert!(!finished.stderr.contains("testkit-secret"), "{finished:#?}");
}

fn status(status: u16, code: &str) -> Effect {
    Effect::Status {
        status,
        code: code.to_owned(),
    }
}

#[test]
fn refused_writes() {
    let scene = scene();
    let fault = Fault::new(Operation::Put, status(403, "AccessDenied")).key("vault/p");
    scene.server.add_fault(fault);
    let finished = scene.create();
    assert_problem(&finished, "storage_denied", &["bucket/vault/", "PutObject"]);
    scene.nothing_is_lost();
}

#[test]
fn a_quota_that_is_used_up() {
    let scene = scene();
    let fault = Fault::new(Operation::Put, status(403, "QuotaExceeded")).key("vault/xn");
    scene.server.add_fault(fault);
    assert_problem(
        &scene.create(),
        "storage_full",
        &["bucket/vault/", "raise the quota"],
    );
    scene.nothing_is_lost();
}

#[test]
fn overload_that_passes() {
    let scene = scene();
    let fault = Fault::new(Operation::Put, status(503, "SlowDown")).key("vault/p");
    scene.server.add_fault(fault.times(3));
    let finished = scene.create();
    assert_eq!(finished.code, 0, "{finished:#?}");
    assert_eq!(scene.cli.snapshots().len(), 2);
}

#[test]
fn answers_that_break_off() {
    let scene = scene();
    let fault = Fault::new(Operation::Get, Effect::Truncate { after: 700 }).key("vault/p");
    scene.server.add_fault(fault);
    let target = scene.folder.path().join("broken");
    let target = target.to_str().expect("UTF-8");
    let finished = scene
        .cli
        .run(["--json", "snapshot", "restore", &scene.first, target]);
    assert_ne!(finished.code, 0, "{finished:#?}");
    assert!(!finished.stderr.contains("panicked"), "{finished:#?}");
    let all = format!("{}{}", finished.stdout, finished.stderr);
    assert!(
        all.contains("broke off") || all.contains("storage_unreliable"),
        "{all}"
    );
    scene.nothing_is_lost();
}

#[test]
fn wrong_bytes() {
    let scene = scene();
    let fault = Fault::new(Operation::Get, Effect::Flip { offset: 100 }).key("vault/p");
    scene.server.add_fault(fault);
    let target = scene.folder.path().join("broken");
    let target = target.to_str().expect("UTF-8");
    let finished = scene
        .cli
        .run(["--json", "snapshot", "restore", &scene.first, target]);
    assert_ne!(finished.code, 0, "{finished:#?}");
    assert!(!finished.stderr.contains("panicked"), "{finished:#?}");
    let all = format!("{}{}", finished.stdout, finished.stderr);
    assert!(all.contains("one"), "the damaged file is not named: {all}");
    let verified = scene
        .cli
        .run(["--json", "snapshot", "verify", "--read-data"]);
    assert_eq!(verified.code, 1, "{verified:#?}");
    scene.nothing_is_lost();
}

#[test]
fn no_bucket_no_service_no_keys() {
    let scene = scene();
    let nowhere = scene.server.location("nowhere", "vault");
    let keys = |cli: Cli| {
        cli.with("AWS_ACCESS_KEY_ID", "testkit-access")
            .with("AWS_SECRET_ACCESS_KEY", "testkit-secret")
    };
    let finished = keys(Cli::at(nowhere)).run(["--json", "repo", "status"]);
    assert_problem(&finished, "storage_not_found", &["nowhere"]);

    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let cli = keys(Cli::at(format!(
        "s3://bucket/vault?endpoint=http://{address}"
    )));
    let finished = cli.run(["--json", "repo", "status"]);
    assert_problem(
        &finished,
        "storage_unreachable",
        &[&address, "check the endpoint"],
    );

    let cli = scene.cli.clone().with("AWS_SECRET_ACCESS_KEY", "wrong");
    let finished = cli.run(["--json", "repo", "status"]);
    assert_problem(&finished, "storage_denied", &["check the access key"]);
}

#[test]
fn a_full_disk() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let disk = folder.path().join("disk");
    let source = folder.path().join("source");
    fs::create_dir(&disk).expect("create the mount point");
    fs::create_dir(&source).expect("create the source");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
        .arg(&disk)
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        println!("skipped: needs permission to mount a tmpfs");
        return;
    }
    let _unmount = Unmount(&disk);
    let cli = Cli::directory(&disk.join("repository"));
    cli.succeed(["repo", "create"]);
    write_random_file(&source.join("fits"), 1, 2 << 20).expect("fill the source");
    cli.snapshot(&source);
    write_random_file(&source.join("too much"), 2, 12 << 20).expect("fill the source");
    let arguments = [
        "--json".as_ref(),
        "snapshot".as_ref(),
        "create".as_ref(),
        source.as_os_str(),
    ];
    let finished = cli.run(arguments);
    assert_problem(
        &finished,
        "storage_full",
        &["repository", "free some space"],
    );
    assert_eq!(cli.snapshots().len(), 1);
    cli.succeed(["snapshot", "verify", "--read-data"]);
    fs::remove_file(source.join("too much")).expect("make it fit");
    cli.snapshot(&source);
    assert_eq!(cli.snapshots().len(), 2);
    cli.succeed(["repo", "check", "--strict"]);
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
