//! `snapshot verify --coverage-days`, and `maintenance status` about it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::program::{Place, run};
use crate::support::packs;

/// A repository with some snapshots.
fn with_snapshots() -> Place {
    let place = Place::with_repository();
    let source = place.path("source");
    fs::create_dir_all(&source).expect("make a folder");
    for name in ["one", "two", "three"] {
        fs::write(source.join(name), name.repeat(10_000)).expect("plant a file");
        place.json(["snapshot", "create", source.to_str().expect("a plain name")]);
    }
    // The record keeps seconds: what was stored in the second of its reading counts as stored after it.
    std::thread::sleep(Duration::from_millis(1001));
    place
}

#[test]
fn everything_that_is_due_is_read_and_the_status_tells() {
    let place = with_snapshots();
    let text = place.succeed(["maintenance", "status"]);
    assert!(text.contains("read back  never"), "{text}");
    let first = place.json(["snapshot", "verify", "--coverage-days", "30"]);
    let all = first["coverage"]["blobs"].as_u64().expect("blobs");
    let read = first["read_blobs"].as_u64().expect("blobs");
    assert!(0 < read && read < all, "{first:#}");
    assert_eq!(first["damaged_blobs"], json!([]));
    // In a window of a day everything is due at once.
    let second = place.json(["snapshot", "verify", "--coverage-days", "1"]);
    assert_eq!(second["coverage"]["readBlobs"], all);
    let status = place.json(["maintenance", "status"]);
    assert_eq!(status["readBack"], second["coverage"]);
    assert_eq!(status["readBack"]["windowDays"], 1);
    let text = place.succeed(["maintenance", "status"]);
    assert!(text.contains("read back  100% of"), "{text}");
    let little = place.json(["snapshot", "verify", "--coverage-days=1", "--budget=1%"]);
    assert!(little["read_blobs"].as_u64() < Some(all), "{little:#}");
    place.succeed(["repo", "check", "--strict", "--read-data"]);
}

#[test]
fn damage_is_named_with_its_files_until_it_is_made_good() {
    let place = with_snapshots();
    let length = |path: &PathBuf| fs::metadata(path).expect("look up").len();
    let pack = packs(&place)
        .into_iter()
        .max_by_key(length)
        .expect("a pack");
    let whole = fs::read(&pack).expect("read the pack");
    let mut bad = whole.clone();
    bad[1000] ^= 4;
    fs::write(&pack, bad).expect("damage the pack");
    let verify = ["snapshot", "verify", "--coverage-days", "1"];
    let ended = run(place.command(verify).arg("--json"));
    assert_eq!(ended.code, 1, "{ended:#?}");
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(report["damaged_blobs"].as_array().map(Vec::len), Some(1));
    let damaged = report["damaged"].as_array().expect("files");
    assert!(!damaged.is_empty(), "{report:#}");
    for file in damaged {
        assert!(["one", "two", "three"].contains(&file["path"].as_str().expect("a path")));
    }
    let ended = run(&mut place.command(verify));
    assert_eq!(ended.code, 1, "{ended:#?}");
    assert!(ended.stdout.contains("damaged: blob p"), "{ended:#?}");
    assert!(ended.stdout.contains("repo repair"), "{ended:#?}");
    fs::write(&pack, whole).expect("mend the pack");
    place.succeed(verify);
    let status = place.json(["maintenance", "status"]);
    assert_eq!(status["readBack"]["damaged"], json!([]));
}

#[test]
fn senseless_words_are_refused() {
    let place = Place::with_repository();
    for words in [
        &["--coverage-days", "0"][..],
        &["--coverage-days", "30", "--read-data"],
        &["--coverage-days", "30", "some-id"],
        &["--budget", "5%"],
        &["--coverage-days", "30", "--budget", "0%"],
        &["--coverage-days", "30", "--budget", "101%"],
        &["--coverage-days", "30", "--budget", "much"],
    ] {
        let ended = run(place.command(["snapshot", "verify"]).args(words));
        assert_eq!(ended.code, 2, "{words:?}: {ended:#?}");
    }
}
