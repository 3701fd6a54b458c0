//! A repository with many contents: full maintenance, and what goes on in it every day.

use holdfast_testkit::soak;
use holdfast_testkit::tree::source_like;
use holdfast_tests::many_contents;
use serde_json::Value;

use crate::room::Room;

#[test]
fn a_repository_with_many_contents_is_used_and_maintained() {
    let Some(room) = Room::new() else { return };
    let contents = if soak() { 10_000_000 } else { 120_000 };
    let made = many_contents::write(&room.path("repository"), room.cli.password(), contents)
        .expect("repository");
    println!("{contents} contents: {made:?}");
    let source = room.path("source");
    source_like(&source, 7, 1000, 1_000_000).expect("files");
    let source = source.to_str().expect("a plain name");
    let back_up = |when: &str| {
        let what = format!("snapshot of 1000 files among {contents} contents, {when}");
        room.call(&what, &["snapshot", "create", source])
    };
    back_up("first");
    assert_eq!(back_up("unchanged")["bytes_new"], 0);

    let words = ["maintenance", "run", "--full", "--safety", "none"];
    let report = room.call(&format!("full maintenance of {contents} contents"), &words);
    assert_eq!(report["problems"], Value::Array(Vec::new()));
    let figure = |task: &str, name: &str| {
        let tasks = report["tasks"].as_array().expect("tasks");
        let done = tasks.iter().find(|done| done["task"] == task);
        let data = &done.expect("the task")["statistics"]["data"];
        data[name]
            .as_u64()
            .unwrap_or_else(|| panic!("no {name} of {task}: {report:#}"))
    };
    // All of it was work: marking and sweeping, moving, dropping, deleting and merging.
    assert_eq!(figure("snapshot-gc", "deletedContentCount"), made.garbage);
    assert!(figure("snapshot-gc", "inUseContentCount") >= made.files);
    let moved = figure("full-rewrite-contents", "rewrittenContentCount");
    assert!(moved >= made.short_packs, "{moved} contents");
    let deleted = figure("full-delete-blobs", "deletedPackCount");
    assert!(deleted > made.short_packs, "{deleted} packs");
    assert_eq!(
        figure("generate-epoch-range-index", "rangeMaxEpoch"),
        made.last_settled_epoch
    );

    assert_eq!(back_up("unchanged after maintenance")["bytes_new"], 0);
    let check = room.call("check", &["repo", "check"]);
    assert_eq!(check["problems"], Value::Array(Vec::new()), "{check}");
    let left = check["counts"]["contents"].as_u64().expect("contents");
    assert!(left >= made.files && left < contents, "{left} contents");
}
