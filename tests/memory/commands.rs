//! Backup and restore of many files and of a large one.

use std::path::Path;

use holdfast_testkit::soak;
use holdfast_testkit::tree::{Compare, assert_same, source_like, write_random_file};

use crate::room::Room;

/// Mean size of a tiny file, in bytes.
const TINY: u64 = 300;

#[test]
fn many_tiny_files_are_backed_up_and_restored() {
    let files = if soak() { 300_000 } else { 5_000 };
    back_up_and_restore(&format!("{files} tiny files"), |source| {
        source_like(source, 7, files, files as u64 * TINY).expect("files");
    });
}

#[test]
fn a_large_file_is_backed_up_and_restored() {
    let mebibytes = if soak() { 4096 } else { 300 };
    back_up_and_restore(&format!("a file of {mebibytes} MiB"), |source| {
        write_random_file(&source.join("large"), 7, mebibytes << 20).expect("file");
    });
}

fn back_up_and_restore(what: &str, make: impl FnOnce(&Path)) {
    let Some(room) = Room::new() else { return };
    let (source, target) = (room.path("source"), room.path("target"));
    std::fs::create_dir(&source).expect("folder");
    make(&source);
    let [from, to] = [&source, &target].map(|path| path.to_str().expect("a plain name"));
    room.cli.succeed(["repo", "create"]);
    let taken = room.call(&format!("backup of {what}"), &["snapshot", "create", from]);
    let id = taken["id"].as_str().expect("id");
    let again = room.call(
        &format!("unchanged backup of {what}"),
        &["snapshot", "create", from],
    );
    assert_eq!(again["bytes_new"], 0, "{again}");
    room.call(
        &format!("restore of {what}"),
        &["snapshot", "restore", id, to],
    );
    room.call(
        &format!("verification of {what}"),
        &["snapshot", "verify", "--read-data"],
    );
    assert_same(&source, &target, &Compare::ALL);
}
