//! Copies of repositories and of snapshots that we make, read by a stock program; and what both say of their parts.

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;

use crate::parameters::Parameters;
use crate::programs::{Holdfast, Stock};
use crate::rounds::{Kept, Program, Shared, change};
use crate::stock::program;
use crate::trees;

/// Snapshots of both programs, some deleted, maintained.
fn used(shared: &Shared, seed: u64) -> Vec<Kept> {
    let folder = shared.path("source");
    let mut random = StdRng::seed_from_u64(seed);
    let mut kept = Vec::new();
    for by in [Program::Ours, Program::Theirs, Program::Ours] {
        change(&folder, &mut random);
        let copy = format!("copy-{}", kept.len());
        kept.push(shared.snapshot(by, &folder, &copy));
    }
    shared.delete(Program::Ours, &kept.remove(0));
    shared.maintain(Program::Ours);
    kept
}

#[test]
fn a_stock_program_uses_a_repository_that_was_copied_blob_by_blob() {
    let Some(program) = program() else { return };
    let shared = Shared::new(&program, &Parameters::default());
    let mut kept = used(&shared, 11);
    let place = shared.path("synced");
    let to = place.display().to_string();
    shared.ours.json(&["repo", "sync-to", &to]);
    let folder = shared.path("source");
    kept.push(shared.snapshot(Program::Theirs, &folder, "later"));
    shared.ours.json(&["repo", "sync-to", "--delete", &to]);
    let copy = Holdfast::new(&place, "shared");
    copy.assert_strictly_clean();
    let stock = Stock::connect(&program, &copy, shared.path("synced.config"));
    stock.verify();
    for (number, kept) in kept.iter().enumerate() {
        let target = shared.path(&format!("synced-{number}"));
        stock.restore(&kept.id, &target);
        trees::assert_equal(&kept.copy, &target, trees::WITHOUT_TIMES);
    }
}

#[test]
fn a_stock_program_uses_snapshots_that_were_copied() {
    let Some(program) = program() else { return };
    let shared = Shared::new(&program, &Parameters::default());
    let kept = used(&shared, 12);
    let place = shared.path("other");
    let other = Holdfast::create(&place, "other password", &Parameters::default());
    let file = shared.path("password");
    std::fs::write(&file, "other password\n").expect("write the password");
    let report = shared.ours.json(&[
        "copy",
        &place.display().to_string(),
        "--destination-password-file",
        &file.display().to_string(),
    ]);
    other.assert_strictly_clean();
    let stock = Stock::connect(&program, &other, shared.path("other.config"));
    stock.verify();
    let copied = report["copied"].as_array().expect("an array");
    assert_eq!(copied.len(), kept.len());
    for kept in &kept {
        let found = copied
            .iter()
            .find(|copied| copied["oldId"] == kept.id.as_str());
        let id = found.expect("it was copied")["id"].as_str().expect("an id");
        let target = shared.path(&format!("copied-{id}"));
        stock.restore(id, &target);
        trees::assert_equal(&kept.copy, &target, trees::WITHOUT_TIMES);
    }
}

/// Both programs list the same contents, blobs, indexes and manifests.
#[test]
fn support_commands_say_what_stock_says() {
    let Some(program) = program() else { return };
    let shared = Shared::new(&program, &Parameters::default());
    used(&shared, 13);
    let cache = shared.path("cache").display().to_string();
    let sorted = |list: Value, key: &str, drop: &[&str]| -> Vec<Value> {
        let mut list = list.as_array().expect("an array").clone();
        for item in &mut list {
            let item = item.as_object_mut().expect("an object");
            item.retain(|name, value| {
                // Stock leaves empty values out, and has its own notation of times.
                !drop.contains(&name.as_str()) && *value != 0 && !value.is_null()
            });
        }
        list.sort_by_key(|item| item[key].to_string());
        list
    };
    for (words, key, drop) in [
        (&["content", "list", "--deleted"][..], "contentID", &[][..]),
        (&["content", "list", "--prefix", "k"], "contentID", &[]),
        (&["content", "list", "--non-prefixed"], "contentID", &[]),
        (&["blob", "list"], "id", &["timestamp"]),
        (
            &["blob", "list", "--prefix", "q", "--min-size", "100"],
            "id",
            &["timestamp"],
        ),
        (&["index", "list"], "id", &["timestamp", "superseded"]),
        (&["manifest", "list"], "id", &["mtime"]),
        (
            &["manifest", "list", "--filter", "type:snapshot"],
            "id",
            &["mtime"],
        ),
    ] {
        let stock = shared.stock.json(&[words, &["--json"]].concat());
        let ours = match words[0] {
            "content" => shared
                .ours
                .json(&[words, &["--cache-dir", &cache]].concat()),
            _ => shared.ours.json(words),
        };
        let without_state = |list: Vec<Value>| -> Vec<Value> {
            let mut list = list;
            for item in &mut list {
                if let Some(item) = item.as_object_mut() {
                    item.retain(|_, value| *value != Value::Bool(false));
                }
            }
            list
        };
        let (ours, stock) = (
            without_state(sorted(ours, key, drop)),
            without_state(sorted(stock, key, drop)),
        );
        assert!(
            !ours.is_empty() || words.contains(&"--deleted"),
            "{words:?}"
        );
        assert_eq!(ours, stock, "{words:?}");
    }
}
