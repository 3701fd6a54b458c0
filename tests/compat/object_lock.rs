//! Object lock, set by one program and obeyed by the other one. The bucket is that of the scripted S3 server, which
//! refuses what a service refuses.

use std::collections::BTreeSet;

use holdfast_testkit::s3::{Operation, S3Server};
use serde_json::{Value, json};

use crate::programs::{Holdfast, Stock};
use crate::stock::program;

const PASSWORD: &str = "object lock";
const DAY: u64 = 24 * 3_600_000_000_000;

fn is_to_be_locked(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    name.starts_with(['p', 'q', 'x', 'n']) || ["kopia.repository", "kopia.blobcfg"].contains(&name)
}

fn assert_locked(server: &S3Server, mode: &str) {
    for key in server.keys("bucket") {
        let wanted = is_to_be_locked(&key).then_some(mode);
        let present = server.lock_mode("bucket", &key);
        assert_eq!(present.as_deref(), wanted, "{key}");
    }
}

fn extended(server: &S3Server) -> BTreeSet<String> {
    let requests = server.log().into_iter();
    requests
        .filter(|request| request.operation == Operation::Extend && request.status == 200)
        .map(|request| request.key)
        .collect()
}

fn to_be_locked(server: &S3Server) -> BTreeSet<String> {
    let keys = server.keys("bucket").into_iter();
    keys.filter(|key| is_to_be_locked(key)).collect()
}

/// What our full run did about the locks.
fn our_extension(ours: &Holdfast) -> Value {
    ours.json(&["maintenance", "set", "--owner", "me"]);
    let report = ours.json(&["maintenance", "run", "--full"]);
    let tasks = report["tasks"].as_array().expect("tasks");
    let extension = tasks
        .iter()
        .find(|done| done["task"] == "extend-blob-retention-time");
    extension.expect("the task").clone()
}

#[test]
fn a_lock_that_we_set_is_obeyed_and_extended_by_stock() {
    let Some(program) = program() else { return };
    let place = tempfile::tempdir().expect("directory");
    let server = S3Server::start_with_object_lock();
    let ours = Holdfast::in_bucket(&server, "vault", PASSWORD);
    ours.json(&[
        "repo",
        "create",
        "--object-lock-mode=governance",
        "--object-lock-period=30d",
    ]);
    let stock = Stock::connect(&program, &ours, place.path().join("stock.config"));
    let status = stock.json(&["repository", "status", "--json"]);
    assert_eq!(
        status["blobRetention"],
        json!({"retentionMode": "GOVERNANCE", "retentionPeriod": 30 * DAY})
    );
    let (text, _) = stock.run(&["repository", "status"]);
    assert!(
        text.contains("Blob retention mode:     GOVERNANCE"),
        "{text}"
    );
    assert!(text.contains("Blob retention period:   720h0m0s"), "{text}");

    let folder = place.path().join("source");
    std::fs::create_dir(&folder).expect("folder");
    std::fs::write(folder.join("file"), "of stock").expect("file");
    stock.snapshot(&folder);
    assert_locked(&server, "GOVERNANCE");

    stock.run(&["maintenance", "set", "--extend-object-locks", "true"]);
    let parameters = ours.json(&["maintenance", "status"]);
    assert_eq!(parameters["extendObjectLocks"], true);
    let coverage = &parameters["objectLock"];
    assert_eq!(coverage["coveredBlobs"], coverage["blobs"], "{coverage}");

    server.clear_log();
    stock.maintain(true);
    assert!(!extended(&server).is_empty());
    // A record of stock does not say which mode it set: our first run extends everything itself.
    let done = our_extension(&ours);
    let figures = &done["statistics"]["data"];
    assert_eq!(figures["retentionMode"], "GOVERNANCE", "{done}");
    assert_eq!(figures["extendedBlobCount"], figures["toExtendBlobCount"]);
    assert_locked(&server, "GOVERNANCE");
    ours.json(&["maintenance", "set", "--extend-object-locks", "false"]);
    let info = stock.json(&["maintenance", "info", "--json"]);
    assert_eq!(info["extendObjectLocks"], false);
    ours.assert_strictly_clean();
}

#[test]
fn a_lock_that_stock_set_is_obeyed_and_extended_by_us() {
    let Some(program) = program() else { return };
    let place = tempfile::tempdir().expect("directory");
    let server = S3Server::start_with_object_lock();
    let stock = Stock::create_in_bucket(
        &program,
        (&server, "vault/"),
        place.path().join("stock.config"),
        PASSWORD,
        &["--retention-mode=COMPLIANCE", "--retention-period=240h"],
    );
    let ours = Holdfast::in_bucket(&server, "vault", PASSWORD);
    let status = ours.json(&["repo", "status"]);
    assert_eq!(
        status["blobRetention"],
        json!({"retentionMode": "COMPLIANCE", "retentionPeriod": 10 * DAY})
    );
    let folder = place.path().join("source");
    std::fs::create_dir(&folder).expect("folder");
    std::fs::write(folder.join("file"), "of ours").expect("file");
    ours.snapshot(&format!("user@host:{}", folder.display()), &folder);
    assert_locked(&server, "COMPLIANCE");

    ours.json(&["maintenance", "set", "--extend-object-locks", "true"]);
    let info = stock.json(&["maintenance", "info", "--json"]);
    assert_eq!(info["extendObjectLocks"], true);
    server.clear_log();
    let before = to_be_locked(&server);
    let done = our_extension(&ours);
    let figures = &done["statistics"]["data"];
    assert_eq!(figures["extendedBlobCount"], figures["toExtendBlobCount"]);
    assert!(extended(&server).is_superset(&before));
    // Stock shows our record, maintains after us, and what both need stays.
    let (text, _) = stock.run(&["maintenance", "info"]);
    assert!(text.contains("Blob retention extension found"), "{text}");
    stock.maintain(true);
    stock.verify();
    ours.assert_strictly_clean();
    assert_locked(&server, "COMPLIANCE");
}
