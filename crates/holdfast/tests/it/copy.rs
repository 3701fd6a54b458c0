//! `copy`.

use std::fs;
use std::path::Path;

use holdfast_testkit::tree::{Compare, assert_same};
use serde_json::{Value, json};

use crate::program::{Place, holdfast, run};

const OTHER: &str = "another password";

/// A repository with a snapshot, and the address of an empty one with another password and another hash.
fn two() -> (Place, String) {
    let place = Place::with_repository();
    let source = place.path("source");
    fs::create_dir_all(source.join("docs")).expect("plant a folder");
    fs::write(source.join("docs/readme"), "# Read me\n").expect("plant a file");
    let mut create = place.command(["snapshot", "create", "--tag", "kind:daily"]);
    assert_eq!(run(create.arg(&source)).code, 0);
    let other = place.path("other").to_string_lossy().into_owned();
    let mut create = holdfast();
    create
        .args(["repo", "create", "--hash", "BLAKE3-256", "--repo", &other])
        .env("HOLDFAST_PASSWORD", OTHER);
    assert_eq!(run(&mut create).code, 0);
    (place, other)
}

fn copy(place: &Place, words: &[&str]) -> Value {
    let ended = run(place
        .command([&["copy"], words].concat())
        .arg("--json")
        .env("HOLDFAST_DESTINATION_PASSWORD", OTHER));
    assert_eq!(ended.code, 0, "{ended:#?}");
    serde_json::from_str(&ended.stdout).expect("JSON")
}

#[test]
fn a_snapshot_can_be_restored_from_the_other_repository() {
    let (place, other) = two();
    let told = copy(&place, &[&other, "-n"]);
    assert_eq!(told["copied"].as_array().map(Vec::len), Some(1), "{told}");
    let done = copy(&place, &[&other]);
    let copied = &done["copied"][0];
    assert_eq!(copied["oldId"], told["copied"][0]["oldId"]);
    assert_eq!(copied["startTime"], told["copied"][0]["startTime"]);
    let again = copy(&place, &[&other]);
    assert_eq!(
        (&again["copied"], &again["bytes_read"]),
        (&json!([]), &0.into())
    );
    assert_eq!(again["present"][0]["id"], copied["id"]);
    let id = copied["id"].as_str().expect("an id");
    let target = place.path("target");
    let mut restore = holdfast();
    restore
        .args(["snapshot", "restore", "--repo", &other, id])
        .arg(&target)
        .env("HOLDFAST_PASSWORD", OTHER);
    let ended = run(&mut restore);
    assert_eq!(ended.code, 0, "{ended:#?}");
    assert_same(&place.path("source"), &target, &Compare::ALL);
    let mut list = holdfast();
    list.args(["snapshot", "list", "--all", "--json", "--repo", &other])
        .env("HOLDFAST_PASSWORD", OTHER);
    let listed: Value = serde_json::from_str(&run(&mut list).stdout).expect("JSON");
    assert_eq!(listed[0]["tags"]["tag:kind"], "daily");
}

#[test]
fn wrong_passwords_and_destinations_are_told_apart() {
    let (place, other) = two();
    let wrong = place.path("wrong");
    fs::write(&wrong, "wrong\n").expect("write a password");
    let wrong = wrong.to_string_lossy();
    let own = place.path("repository");
    let own = own.to_string_lossy();
    let none = place.path("none");
    let none = none.to_string_lossy();
    let empty = place.path("empty");
    fs::create_dir(&empty).expect("make a folder");
    let empty = empty.to_string_lossy();
    for (words, exit, code, named) in [
        (
            &["--destination-password-file", &wrong, &other][..],
            1,
            "wrong_password",
            "other",
        ),
        (&[&own], 2, "usage", "same repository"),
        (&[&none], 1, "storage_not_found", "none"),
        (&[&empty], 1, "repository_missing", "empty"),
        (
            &[&other, "no-such-id"],
            1,
            "snapshot_not_found",
            "no-such-id",
        ),
        (
            &["--source", "ann@nowhere:/x", &other],
            1,
            "snapshot_not_found",
            "ann@nowhere:/x",
        ),
    ] {
        let mut command = place.command([&["copy", "--json"], words].concat());
        let ended = run(command.env("HOLDFAST_DESTINATION_PASSWORD", OTHER));
        let problem = ended.problem();
        assert_eq!(
            (ended.code, &problem["code"]),
            (exit, &code.into()),
            "{words:?}"
        );
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(named), "{words:?}: {detail}");
    }
    assert!(!Path::new(none.as_ref()).exists());
    // The password of the source is no password of the destination.
    let ended = run(&mut place.command(["copy", "--json", &other]));
    assert_eq!((ended.code, &ended.problem()["code"]), (2, &"usage".into()));
    assert!(
        ended.stderr.contains("HOLDFAST_DESTINATION_PASSWORD"),
        "{ended:#?}"
    );
}
