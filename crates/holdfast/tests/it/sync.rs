//! `repo sync-to`.

use std::fs;
use std::path::{Path, PathBuf};

use holdfast_testkit::s3::S3Server;
use holdfast_testkit::tree::{Compare, assert_same};
use serde_json::Value;

use crate::program::{PASSWORD, Place, holdfast, run};

fn with_snapshot() -> (Place, String) {
    let place = Place::with_repository();
    let source = place.path("source");
    fs::create_dir_all(source.join("docs")).expect("plant a folder");
    fs::write(source.join("docs/readme"), "# Read me\n").expect("plant a file");
    let id = snapshot(&place);
    (place, id)
}

fn snapshot(place: &Place) -> String {
    let source = place.path("source");
    let report = place.json([Path::new("snapshot"), Path::new("create"), &source]);
    report["id"].as_str().expect("an id").to_owned()
}

fn sync(place: &Place, words: &[&str]) -> Value {
    place.json([&["repo", "sync-to"], words].concat())
}

#[test]
fn a_copy_in_a_folder_is_the_repository_again() {
    let (place, id) = with_snapshot();
    let copy = place.path("copy");
    let to = copy.to_string_lossy();
    let told = sync(&place, &["--dry-run", &to]);
    assert!(!copy.exists(), "a dry run makes no folder");
    let done = sync(&place, &[&to]);
    assert_eq!(
        (&told["copied"], &done["copied"]),
        (&done["source"], &done["source"])
    );
    assert_eq!(
        (&told["dry_run"], &done["dry_run"]),
        (&true.into(), &false.into())
    );
    let again = sync(&place, &["--must-exist", &to]);
    assert_eq!(
        (&again["same"], &again["copied"]["blobs"]),
        (&again["source"], &0.into())
    );
    let target = place.path("target");
    let mut restore = holdfast();
    restore
        .args(["snapshot", "restore", &id, "--repo", &to])
        .arg(&target)
        .env("HOLDFAST_PASSWORD", PASSWORD);
    let ended = run(&mut restore);
    assert_eq!(ended.code, 0, "{ended:#?}");
    assert_same(&place.path("source"), &target, &Compare::ALL);
    let text = place.succeed(["repo", "sync-to", &to]);
    assert!(text.contains("copied    0 blobs"), "{text}");
}

#[test]
fn what_the_source_has_cut_off_is_named_and_kept() {
    let (place, _) = with_snapshot();
    let copy = place.path("copy");
    let to = copy.to_string_lossy();
    sync(&place, &[&to]);
    let pack = pack(&place.path("repository").join("p"));
    fs::File::create(&pack).expect("cut a pack off");
    let ended = run(&mut place.command(["repo", "sync-to", "--json", &to]));
    assert_eq!(ended.code, 3, "{ended:#?}");
    let told: Value = serde_json::from_str(&ended.stdout).expect("a report");
    assert_eq!(
        (&told["cut"]["blobs"], &told["replaced"]["blobs"]),
        (&1.into(), &0.into())
    );
    let name = told["cut_names"][0].as_str().expect("a name");
    let ended = run(&mut place.command(["repo", "sync-to", &to]));
    assert_eq!(ended.code, 3, "{ended:#?}");
    assert!(ended.stdout.contains(name), "{}", ended.stdout);
    let mut verify = holdfast();
    verify
        .args(["snapshot", "verify", "--read-data", "--repo", &to])
        .env("HOLDFAST_PASSWORD", PASSWORD);
    let ended = run(&mut verify);
    assert_eq!(ended.code, 0, "{ended:#?}");
}

/// A file somewhere below a folder.
fn pack(folder: &Path) -> PathBuf {
    let mut entries = fs::read_dir(folder).expect("a folder");
    let first = entries.next().expect("an entry").expect("an entry").path();
    match first.is_dir() {
        true => pack(&first),
        false => first,
    }
}

#[test]
fn deleting_needs_a_word() {
    let (place, id) = with_snapshot();
    let copy = place.path("copy");
    let to = copy.to_string_lossy();
    sync(&place, &[&to]);
    fs::write(place.path("source/other"), "other").expect("plant a file");
    snapshot(&place);
    place.succeed(["snapshot", "delete", &id]);
    place.succeed([
        "maintenance",
        "run",
        "--full",
        "--safety",
        "none",
        "--cache-dir",
        &place.path("cache").to_string_lossy(),
    ]);
    let kept = sync(&place, &[&to]);
    assert!(kept["extra"]["blobs"].as_u64() > Some(0), "{kept}");
    assert_eq!(kept["deleted"]["blobs"], 0);
    let deleted = sync(&place, &["--delete", &to]);
    assert_eq!(deleted["deleted"], kept["extra"]);
    let mut check = holdfast();
    check
        .args(["repo", "check", "--strict", "--read-data", "--repo", &to])
        .env("HOLDFAST_PASSWORD", PASSWORD);
    let ended = run(&mut check);
    assert_eq!(ended.code, 0, "{ended:#?}");
}

#[test]
fn deleting_much_ends_with_a_code_of_its_own() {
    let (place, _) = with_snapshot();
    let copy = place.path("copy");
    let to = copy.to_string_lossy();
    sync(&place, &[&to]);
    for number in 0..20 {
        let folder = copy.join("p/000");
        fs::create_dir_all(&folder).expect("plant a folder");
        fs::write(folder.join(format!("{number:029x}.f")), "old").expect("plant a pack");
    }
    let ended = run(&mut place.command(["repo", "sync-to", "--json", "--delete", &to]));
    assert_eq!(
        (ended.code, &ended.problem()["code"]),
        (4, &"confirmation_needed".into()),
        "{ended:#?}"
    );
    let told = sync(&place, &["--delete", "-n", &to]);
    assert_eq!(told["examples"].as_array().map(Vec::len), Some(20));
    assert!(told["needs_confirmation"].is_string(), "{told}");
    let text = place.succeed(["repo", "sync-to", "--delete", "--yes", &to]);
    assert!(text.contains("deleted   20 blobs"), "{text}");
    let ended = run(&mut place.command(["repo", "sync-to", "--yes", "--json", &to]));
    assert_eq!(ended.code, 2, "{ended:#?}");
}

#[test]
fn a_copy_is_locked_on_request_and_an_unlocked_one_of_a_locked_source_is_named() {
    let server = S3Server::start_with_object_lock();
    let place = Place::beside(&server);
    place.succeed([
        "repo",
        "create",
        "--object-lock-mode=governance",
        "--object-lock-period=48h",
    ]);
    let to = server.location("bucket", "copy");
    let text = place.succeed(["repo", "sync-to", &to]);
    assert!(text.contains("the copy does not"), "{text}");
    let lock = |key: &str| server.lock_mode("bucket", key);
    assert_eq!(lock("copy/kopia.repository"), None);
    let done = sync(
        &place,
        &[
            "--object-lock-mode=compliance",
            "--object-lock-period=48h",
            &to,
        ],
    );
    assert_eq!(done["unlocked_copy"], false);
    assert_eq!(lock("copy/kopia.repository").as_deref(), Some("COMPLIANCE"));
    assert_eq!(
        lock("vault/kopia.repository").as_deref(),
        Some("GOVERNANCE")
    );
    let folder = place.path("copy");
    let ended = run(place
        .command([
            "repo",
            "sync-to",
            "--json",
            "--object-lock-mode=compliance",
            "--object-lock-period=48h",
        ])
        .arg(&folder));
    assert_eq!(
        (ended.code, &ended.problem()["code"]),
        (1, &"storage_failed".into())
    );
}

#[test]
fn a_bucket_may_have_keys_of_its_own() {
    let (place, _) = with_snapshot();
    let server = S3Server::start();
    let to = server.location("bucket", "copies");
    let mut command = place.command(["repo", "sync-to", &to, "--json"]);
    command
        .env("AWS_ACCESS_KEY_ID", "of-the-source")
        .env("AWS_SECRET_ACCESS_KEY", "planted-secret")
        .env_remove("HOLDFAST_PASSWORD");
    let refused = run(&mut command);
    assert_eq!(
        (refused.code, &refused.problem()["code"]),
        (1, &"storage_denied".into())
    );
    assert!(!refused.stderr.contains("planted-secret"));
    command
        .env("HOLDFAST_DESTINATION_ACCESS_KEY_ID", "testkit-access")
        .env("HOLDFAST_DESTINATION_SECRET_ACCESS_KEY", "testkit-secret");
    let ended = run(&mut command);
    assert_eq!(ended.code, 0, "no password is needed: {ended:#?}");
    let mut verify = holdfast();
    verify
        .args(["snapshot", "verify", "--read-data", "--repo", &to])
        .env("AWS_ACCESS_KEY_ID", "testkit-access")
        .env("AWS_SECRET_ACCESS_KEY", "testkit-secret")
        .env("HOLDFAST_PASSWORD", PASSWORD);
    let ended = run(&mut verify);
    assert_eq!(ended.code, 0, "{ended:#?}");
}

#[test]
fn wrong_destinations_are_refused() {
    let (place, _) = with_snapshot();
    let own = place.path("repository");
    let other = Place::with_repository();
    let theirs = other.path("repository");
    let none = place.path("none");
    for (words, exit, code) in [
        (vec![own.to_string_lossy()], 2, "usage"),
        (vec!["ftp://host/x".into()], 2, "usage"),
        (vec![theirs.to_string_lossy()], 1, "repository_exists"),
        (
            vec!["--must-exist".into(), none.to_string_lossy()],
            1,
            "storage_not_found",
        ),
    ] {
        let mut command = place.command(["repo", "sync-to", "--json"]);
        let ended = run(command.args(words.iter().map(AsRef::<str>::as_ref)));
        assert_eq!(
            (ended.code, &ended.problem()["code"]),
            (exit, &code.into()),
            "{words:?}"
        );
    }
    assert!(!none.exists());
    let missing = Place::new();
    let ended = run(missing
        .command(["repo", "sync-to", "--json"])
        .arg(place.path("copy")));
    assert_eq!(ended.code, 1, "{ended:#?}");
    assert_eq!(ended.problem()["code"], "storage_not_found");
}
