//! `find`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::program::{Place, run};

/// Three snapshots, between which one file changes.
fn three() -> (Place, Vec<String>) {
    let place = Place::with_repository();
    let source = place.path("source");
    fs::create_dir_all(source.join("docs/old")).expect("plant folders");
    fs::write(source.join("docs/old/report.txt"), "old").expect("plant a file");
    fs::write(source.join("docs/Report.md"), "# Report").expect("plant a file");
    let ids = ["one", "one", "three"].map(|text| {
        let path = source.join("docs/report.txt");
        if !path.exists() || fs::read_to_string(&path).expect("read") != text {
            fs::write(&path, text).expect("change the file");
        }
        let report = place.json([Path::new("snapshot"), Path::new("create"), &source]);
        report["id"].as_str().expect("an id").to_owned()
    });
    (place, ids.to_vec())
}

fn paths(found: &Value) -> Vec<&str> {
    let found = found["found"].as_array().expect("an array").iter();
    found.filter_map(|found| found["path"].as_str()).collect()
}

#[test]
fn versions_are_told_with_their_snapshots() {
    let (place, ids) = three();
    let found = place.json(["find", "report.txt"]);
    assert_eq!(paths(&found), ["docs/old/report.txt", "docs/report.txt"]);
    assert_eq!(
        (&found["paths"], &found["versions"]),
        (&2.into(), &3.into())
    );
    let versions = &found["found"][1]["versions"];
    let snapshots = |version: usize| -> Vec<&str> {
        let snapshots = versions[version]["snapshots"].as_array().expect("an array");
        snapshots
            .iter()
            .filter_map(|snapshot| snapshot["id"].as_str())
            .collect()
    };
    assert_eq!(snapshots(0), ids[..2]);
    assert_eq!(snapshots(1), ids[2..]);
    assert_eq!(
        (&versions[0]["size"], &versions[1]["size"]),
        (&3.into(), &5.into())
    );
    let text = place.succeed(["find", "report.txt"]);
    assert!(text.contains("  docs/report.txt\n"), "{text}");
    assert!(
        text.contains(&format!("in 2 snapshots, {} of ", ids[0])),
        "{text}"
    );
    assert!(text.contains(&format!("in {} of ", ids[2])), "{text}");
    assert!(
        text.ends_with("2 paths with 3 versions in 3 snapshots\n"),
        "{text}"
    );
}

#[test]
fn the_index_says_what_the_folders_say() {
    let (place, ids) = three();
    for words in [
        &["find", "report"][..],
        &["find", "*"],
        &["find", "*", "--path", "docs/old"],
        &["find", "none"],
    ] {
        let mut slow = words.to_vec();
        slow.push("--no-index");
        assert_eq!(place.json(words), place.json(&slow), "{words:?}");
    }
    // In a second cache, and after the files of the first one were overwritten.
    let expected = place.json(["find", "*"]);
    let files = |folder: &Path| -> Vec<PathBuf> {
        let listed = fs::read_dir(folder).expect("list").flatten();
        listed.map(|entry| entry.path()).collect()
    };
    let search = files(&place.path("cache")).remove(0).join("search");
    let indexes = files(&search).into_iter();
    for file in indexes.filter(|file| file.extension().is_some_and(|end| end == "find")) {
        fs::write(file, b"nothing of use").expect("overwrite");
    }
    assert_eq!(place.json(["find", "*"]), expected);
    place.succeed(["snapshot", "delete", ids[0].as_str()]);
    let left = place.json(["find", "report.txt"]);
    assert_eq!(left["snapshots"], 2);
    assert_eq!(left, place.json(["find", "report.txt", "--no-index"]));
}

#[test]
fn options_narrow_the_search() {
    let (place, _) = three();
    for (words, expected) in [
        (
            &["find", "report"][..],
            &["docs/old/report.txt", "docs/report.txt"][..],
        ),
        (
            &["find", "-i", "report"],
            &["docs/Report.md", "docs/old/report.txt", "docs/report.txt"],
        ),
        (&["find", "*.md"], &["docs/Report.md"]),
        (&["find", "docs/*.txt"], &["docs/report.txt"]),
        (
            &["find", "*", "--path", "/docs/old/"],
            &["docs/old/report.txt"],
        ),
        (&["find", "*", "--type", "d"], &["docs", "docs/old"]),
        (
            &["find", "*", "--min-size", "5", "--max-size", "6"],
            &["docs/report.txt"],
        ),
        (&["find", "none"], &[]),
        (&["find", "*", "--path", "none"], &[]),
    ] {
        assert_eq!(paths(&place.json(words)), expected, "{words:?}");
    }
    let none = place.json(["find", "none"]);
    assert_eq!(none["found"], json!([]));
}

#[test]
fn wrong_patterns_and_sources_are_refused() {
    let (place, _) = three();
    for (words, exit, code) in [
        (&["find", "[a"][..], 2, "usage"),
        (
            &["find", "x", "--source", "ann@nowhere:/x"],
            1,
            "snapshot_not_found",
        ),
    ] {
        let ended = run(place.command(words).arg("--json"));
        assert_eq!(
            (ended.code, &ended.problem()["code"]),
            (exit, &code.into()),
            "{words:?}"
        );
    }
    for words in [
        &["find"][..],
        &["find", "x", "--type", "x"],
        &["find", "x", "--path", "../up"],
    ] {
        assert_eq!(run(&mut place.command(words)).code, 2, "{words:?}");
    }
}
