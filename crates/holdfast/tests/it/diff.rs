//! `snapshot diff`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{Place, run};

/// Two snapshots of a folder that changed between them.
fn two() -> (Place, String, String) {
    let place = Place::with_repository();
    let source = place.path("source");
    fs::create_dir_all(source.join("docs")).expect("plant a folder");
    fs::create_dir_all(source.join("same/deep")).expect("plant a folder");
    fs::write(source.join("docs/readme"), "old").expect("plant a file");
    fs::write(source.join("docs/gone"), "four").expect("plant a file");
    fs::write(source.join("same/deep/file"), "same").expect("plant a file");
    let first = snapshot(&place, &source);
    fs::write(source.join("docs/readme"), "newer").expect("change a file");
    fs::remove_file(source.join("docs/gone")).expect("remove a file");
    fs::write(source.join("two\nlines"), "22").expect("plant a file");
    let second = snapshot(&place, &source);
    (place, first, second)
}

fn snapshot(place: &Place, source: &Path) -> String {
    let report = place.json([Path::new("snapshot"), Path::new("create"), source]);
    report["id"].as_str().expect("an id").to_owned()
}

#[test]
fn text_is_a_listing_of_marks_and_paths() {
    let (place, first, second) = two();
    let printed = place.succeed(["snapshot", "diff", &first, &second]);
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines[0].starts_with(&format!("--- {first}  ")), "{printed}");
    assert!(
        lines[1].starts_with(&format!("+++ {second}  ")),
        "{printed}"
    );
    let readme = lines.iter().find(|line| line.contains("readme"));
    let readme = readme.expect("the changed file");
    assert!(
        readme.starts_with("~docs/readme  content 3 B → 5 B, mtime "),
        "{printed}"
    );
    assert!(lines.contains(&"-docs/gone"), "{printed}");
    assert!(lines.contains(&"+two\\nlines"), "{printed}");
    assert!(!printed.contains("same"), "{printed}");
    let last = lines.last().expect("the totals");
    assert!(
        last.starts_with("1 added (2 B), 1 removed (4 B), "),
        "{last}"
    );
    let none = place.succeed(["snapshot", "diff", &first, &first]);
    assert!(none.ends_with("\nno differences\n"), "{none}");
}

#[test]
fn json_names_both_sides_and_every_change() {
    let (place, first, second) = two();
    let found = place.json([
        "snapshot",
        "diff",
        &format!("{first}:docs"),
        &format!("{second}:docs"),
    ]);
    assert_eq!(found["from"]["id"], first.as_str());
    assert_eq!(found["from"]["path"], "docs");
    assert!(
        found["to"]["source"]
            .as_str()
            .is_some_and(|source| source.contains("source"))
    );
    let changes = found["changes"].as_array().expect("an array");
    let of = |path: &str| {
        let found = changes.iter().find(|change| change["path"] == path);
        found.unwrap_or_else(|| panic!("{path} is missing: {changes:#?}"))
    };
    assert_eq!(of("gone")["change"], "removed");
    assert_eq!(of("gone")["before"]["size"], 4);
    assert_eq!(of("gone")["after"], Value::Null);
    assert_eq!(of("readme")["what"], json!(["content", "mtime"]));
    assert_eq!(of("readme")["before"]["size"], 3);
    assert_eq!(of("readme")["after"]["size"], 5);
    assert_eq!(
        (&found["added"], &found["removed"], &found["removed_bytes"]),
        (&0.into(), &1.into(), &4.into())
    );
    let none = place.json(["snapshot", "diff", &first, &first]);
    assert_eq!(none["changes"], json!([]));
    assert_eq!(none["changed"], 0);
}

#[test]
fn what_is_not_there_is_named() {
    let (place, first, second) = two();
    for (from, to, code) in [
        ("no-such-id", second.as_str(), "snapshot_not_found"),
        (first.as_str(), "no-such-id", "snapshot_not_found"),
        (&format!("{first}:none"), second.as_str(), "path_not_found"),
    ] {
        let ended = run(&mut place.command(["snapshot", "diff", "--json", from, to]));
        assert_eq!(
            (ended.code, &ended.problem()["code"]),
            (1, &code.into()),
            "{from} {to}"
        );
        assert!(ended.stdout.is_empty(), "{ended:#?}");
    }
    let ended = run(&mut place.command(["snapshot", "diff", &first]));
    assert_eq!(ended.code, 2, "{ended:#?}");
}
