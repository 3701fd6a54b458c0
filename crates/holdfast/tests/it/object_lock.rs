//! Object lock: `repo create --object-lock-mode`, `maintenance set --extend-object-locks`, and what the store then keeps.

use std::fs;

use holdfast_testkit::s3::{Behaviour, Effect, Fault, Operation, S3Server};
use serde_json::{Value, json};

use crate::program::{Ended, Place, run};

const MONTH: u64 = 30 * 24 * 3_600_000_000_000;

fn create(place: &Place, mode: &str, period: &str) -> Ended {
    let mut command = place.command(["repo", "create", "--json", "--object-lock-mode", mode]);
    run(command.args(["--object-lock-period", period]))
}

/// A repository that is locked for 30 days, with a snapshot in it.
fn locked(server: &S3Server) -> (Place, String) {
    let place = Place::beside(server);
    let created = create(&place, "compliance", "30d");
    assert_eq!(created.code, 0, "{created:#?}");
    let source = place.path("source");
    fs::create_dir(&source).expect("create the source");
    fs::write(source.join("file"), "locked away").expect("fill the source");
    let taken = place.json(["snapshot", "create", source.to_str().expect("a plain name")]);
    let id = taken["id"].as_str().expect("an id").to_owned();
    (place, id)
}

fn maintain(place: &Place, words: &[&str]) -> Ended {
    let mut command = place.command(["maintenance", "run", "--full", "--json", "--cache-dir"]);
    run(command.arg(place.path("cache")).args(words))
}

fn maintained(place: &Place, words: &[&str]) -> Value {
    let ended = maintain(place, words);
    assert_eq!(ended.code, 0, "{ended:#?}");
    serde_json::from_str(&ended.stdout).expect("JSON")
}

/// What became of the extension in a run.
fn extension(report: &Value) -> &Value {
    let tasks = report["tasks"].as_array().expect("tasks");
    let found = tasks
        .iter()
        .find(|done| done["task"] == "extend-blob-retention-time");
    found.expect("the task")
}

fn requests(server: &S3Server, operation: Operation) -> Vec<String> {
    let log = server.log().into_iter();
    log.filter(|request| request.operation == operation)
        .map(|request| request.key)
        .collect()
}

fn denied() -> Effect {
    Effect::Status {
        status: 403,
        code: "AccessDenied".to_owned(),
    }
}

fn is_to_be_locked(key: &str) -> bool {
    let name = key.strip_prefix("vault/").expect("the prefix");
    name.starts_with(['p', 'q', 'x', 'n']) || ["kopia.repository", "kopia.blobcfg"].contains(&name)
}

#[test]
fn everything_is_locked_and_the_coverage_is_shown() {
    let server = S3Server::start_with_object_lock();
    let (place, _) = locked(&server);
    let status = place.json(["repo", "status"]);
    assert_eq!(
        status["blobRetention"],
        json!({"retentionMode": "COMPLIANCE", "retentionPeriod": MONTH})
    );
    let text = place.succeed(["repo", "status"]);
    assert!(text.contains("COMPLIANCE for 720 hours"), "{text}");

    let keys = server.keys("bucket");
    for key in &keys {
        let mode = server.lock_mode("bucket", key);
        let wanted = is_to_be_locked(key).then_some("COMPLIANCE");
        assert_eq!(mode.as_deref(), wanted, "{key}");
    }
    let status = place.json(["maintenance", "status"]);
    let coverage = &status["objectLock"];
    let blobs = keys.iter().filter(|key| is_to_be_locked(key)).count();
    assert_eq!(coverage["blobs"], blobs);
    assert_eq!(coverage["coveredBlobs"], blobs);
    assert_eq!(coverage["coveredBytes"], coverage["bytes"]);
    assert_eq!(coverage["unlockedBlobs"], 0);
    assert_eq!(coverage["mode"], "COMPLIANCE");
    assert_eq!(coverage["extended"], false);
    assert_eq!(status["extendObjectLocks"], false);
    let text = place.succeed(["maintenance", "status"]);
    assert!(
        text.contains(&format!("{blobs} of {blobs} blobs")),
        "{text}"
    );
    assert!(text.contains("not extended"), "{text}");
    // That is a request a blob, and can be left out.
    server.clear_log();
    let status = place.json(["maintenance", "status", "--skip-locks"]);
    assert_eq!(status.get("objectLock"), None);
    assert_eq!(requests(&server, Operation::Retention), [""; 0]);
    // Keys that may not know are no reason to say that nothing is locked.
    server.add_fault(Fault::new(Operation::Retention, denied()));
    let coverage = place.json(["maintenance", "status"])["objectLock"].take();
    assert_eq!(
        (&coverage["unknownBlobs"], &coverage["unlockedBlobs"]),
        (&json!(blobs), &json!(0))
    );
    let text = place.succeed(["maintenance", "status"]);
    assert!(text.contains("GetObjectRetention"), "{text}");
}

#[test]
fn full_maintenance_extends_every_lock_also_when_the_index_is_damaged() {
    let server = S3Server::start_with_object_lock();
    let (place, _) = locked(&server);
    let set = place.json(["maintenance", "set", "--extend-object-locks"]);
    assert_eq!(set["extendObjectLocks"], true);
    let planned = maintained(&place, &["--dry-run"]);
    let figures = &extension(&planned)["statistics"]["data"];
    assert_eq!(figures["extendedBlobCount"], 0);
    assert_eq!(requests(&server, Operation::Extend), [""; 0]);

    let done = maintained(&place, &[]);
    let figures = &extension(&done)["statistics"]["data"];
    let mut extended = requests(&server, Operation::Extend);
    assert_eq!(figures["extendedBlobCount"], extended.len());
    assert_eq!(figures["toExtendBlobCount"], extended.len());
    assert_eq!(figures["retentionPeriod"], "720h0m0s");
    extended.sort();
    let mut keys = server.keys("bucket");
    keys.retain(|key| is_to_be_locked(key));
    assert_eq!(extended, keys);
    // A damaged index costs no locks; maintenance itself fails.
    let indexes = |key: &String| key.starts_with("vault/xn");
    let index = server.keys("bucket").into_iter().rfind(indexes);
    let index = index.expect("an index");
    let whole = server.object("bucket", &index).expect("the index");
    server.set_object("bucket", &index, "no index");
    server.clear_log();
    let ended = maintain(&place, &[]);
    assert_eq!(
        (ended.code, &ended.problem()["code"]),
        (1, &json!("repository_damaged"))
    );
    // What was locked a moment ago is young.
    let mut extended = requests(&server, Operation::Extend);
    extended.sort();
    keys = server.keys("bucket");
    keys.retain(|key| is_to_be_locked(key));
    assert_eq!(extended, keys);
    server.set_object("bucket", &index, whole);
    place.succeed(["repo", "check", "--strict", "--read-data"]);
}

#[test]
fn what_is_not_needed_waits_for_its_lock() {
    let server = S3Server::start_with_object_lock();
    let (place, id) = locked(&server);
    place.succeed(["snapshot", "delete", &id]);
    let packs = |server: &S3Server| {
        let mut keys = server.keys("bucket");
        keys.retain(|key| key.starts_with("vault/p"));
        keys
    };
    let before = packs(&server);
    server.clear_log();
    let report = maintained(&place, &["--safety", "none"]);
    let later = report["later"].as_array().expect("later");
    assert!(
        later.iter().any(|freed| freed["reason"] == "locked"),
        "{report:#}"
    );
    assert_eq!(report["freedBlobs"], 0, "{report:#}");
    let deleted = requests(&server, Operation::Delete);
    assert!(
        !deleted.iter().any(|key| is_to_be_locked(key)),
        "{deleted:?}"
    );
    assert!(!before.is_empty() && before.iter().all(|key| packs(&server).contains(key)));
    let ended = run(place
        .command([
            "maintenance",
            "run",
            "--full",
            "--safety",
            "none",
            "--cache-dir",
        ])
        .arg(place.path("cache")));
    assert!(ended.stdout.contains("waits for its lock"), "{ended:#?}");
    place.succeed(["repo", "check", "--strict", "--read-data"]);
}

#[test]
fn locks_that_cannot_be_extended_are_a_failure_of_their_own() {
    let server = S3Server::start_with_object_lock();
    let (place, _) = locked(&server);
    place.succeed(["maintenance", "set", "--extend-object-locks", "true"]);
    // A lock of this very second would be long enough, extended or not.
    place.succeed(["repo", "set-parameters", "--object-lock-period=60d"]);
    server.add_fault(Fault::new(Operation::Extend, denied()).key("vault/p"));
    let ended = maintain(&place, &[]);
    assert_eq!(ended.code, 1, "{ended:#?}");
    let problem = ended.problem();
    assert_eq!(problem["code"], "lock_not_extended");
    let detail = problem["detail"].as_str().expect("detail");
    assert!(detail.contains("PutObjectRetention"), "{detail}");
    let status = place.json(["maintenance", "status"]);
    let runs = &status["schedule"]["runs"]["extend-blob-retention-time"];
    assert_ne!(runs[0]["success"], true, "{runs}");
}

#[test]
fn a_store_that_does_not_lock_is_found_out_before_anything_is_stored() {
    for (forgets, code) in [(true, "lock_not_kept"), (false, "storage_failed")] {
        let server = S3Server::start();
        server.set_behaviour(Behaviour {
            forgets_locks: forgets,
            ..Behaviour::default()
        });
        let place = Place::beside(&server);
        let ended = create(&place, "governance", "30d");
        assert_eq!(
            (ended.code, &ended.problem()["code"]),
            (1, &json!(code)),
            "{ended:#?}"
        );
        let detail = ended.problem()["detail"].to_string();
        assert!(detail.contains("created with object lock"), "{detail}");
        assert_eq!(server.keys("bucket"), [""; 0]);

        place.succeed(["repo", "create"]);
        let before = place.json(["repo", "status"]);
        let ended = run(&mut place.command([
            "repo",
            "set-parameters",
            "--json",
            "--object-lock-mode=governance",
            "--object-lock-period=30d",
        ]));
        assert_eq!(
            (ended.code, &ended.problem()["code"]),
            (1, &json!(code)),
            "{ended:#?}"
        );
        assert_eq!(place.json(["repo", "status"]), before);
    }
}

#[test]
fn periods_that_cannot_work_are_refused() {
    let server = S3Server::start_with_object_lock();
    let place = Place::beside(&server);
    let short = create(&place, "compliance", "23h");
    assert_eq!(
        (short.code, &short.problem()["code"]),
        (1, &json!("invalid_parameter"))
    );
    for half in [
        ["--object-lock-mode", "compliance"],
        ["--object-lock-period", "30d"],
    ] {
        let ended = run(place.command(["repo", "create", "--json"]).args(half));
        assert_eq!((ended.code, &ended.problem()["code"]), (2, &json!("usage")));
    }
    assert_eq!(server.keys("bucket"), [""; 0]);

    // Full maintenance comes every day, so locks last for two at least once they are extended.
    let created = create(&place, "compliance", "47h");
    assert_eq!(created.code, 0, "{created:#?}");
    let refused = |words: &[&str]| {
        let ended = run(place.command(words).arg("--json"));
        assert_eq!(
            (ended.code, &ended.problem()["code"]),
            (1, &json!("invalid_parameter")),
            "{words:?}: {ended:#?}"
        );
    };
    refused(&["maintenance", "set", "--extend-object-locks"]);
    place.succeed(["repo", "set-parameters", "--retention-period=48h"]);
    place.succeed(["maintenance", "set", "--extend-object-locks"]);
    refused(&["maintenance", "set", "--full-interval", "25h"]);
    refused(&["repo", "set-parameters", "--object-lock-period=47h"]);
    // The names of a stock client mean the same.
    let off = place.json(["repo", "set-parameters", "--retention-mode=none"]);
    assert_eq!(off["blobRetention"], json!({}));
    place.succeed(["maintenance", "set", "--full-interval", "25h"]);
    let status = place.json(["maintenance", "status"]);
    assert_eq!(status.get("objectLock"), None);
}
