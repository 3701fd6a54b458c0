//! A snapshot that the reference implementation took, restored and taken again: same root, no new data.

use holdfast_testkit::Fixture;
use serde_json::Value;

use crate::programs::Holdfast;

fn again(name: &str) {
    let fixture = Fixture::open(name);
    let holdfast = Holdfast::new(&fixture.repository(), fixture.password());
    let newest = newest(&holdfast.json(&["snapshot", "list", "--all"]));
    let target = fixture.directory().join("restored");
    holdfast.restore(text(&newest["id"]), &target);

    let source = &newest["source"];
    let source = format!(
        "{}@{}:{}",
        text(&source["userName"]),
        text(&source["host"]),
        text(&source["path"])
    );
    let taken = holdfast.snapshot(&source, &target);
    assert_eq!(taken["root_object"], newest["rootEntry"]["obj"], "{name}");
    assert_eq!(taken["bytes_new"], 0, "{name}");
    assert_eq!(taken["errors"], 0, "{name}");
    holdfast.assert_strictly_clean();
}

/// The newest complete snapshot of a directory.
fn newest(listed: &Value) -> Value {
    let snapshots = listed.as_array().expect("list").iter();
    let of_directories =
        snapshots.filter(|item| item["rootEntry"]["type"] == "d" && item["incomplete"].is_null());
    of_directories
        .max_by_key(|item| text(&item["startTime"]).to_owned())
        .expect("a snapshot")
        .clone()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

// Requirements: PLT-9
#[test]
fn default() {
    again("default");
}

#[test]
fn maintained() {
    again("maintained");
}

#[test]
fn pins_tags() {
    again("pins-tags");
}

#[test]
fn retention() {
    again("retention");
}
