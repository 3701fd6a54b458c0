//! Standard input as a source, by both programs.

use std::fs;
use std::path::Path;

use holdfast_testkit::tree::random_bytes;
use serde_json::Value;

use crate::parameters::Parameters;
use crate::programs::{Holdfast, Stock};
use crate::stock;

/// What the root of a snapshot says of itself, and what is in it.
fn root(repository: &Holdfast, id: &str) -> (Value, Value, Value) {
    let listed = repository.json(&["snapshot", "list", "--all"]);
    let snapshots = listed.as_array().expect("list");
    let snapshot = snapshots.iter().find(|snapshot| snapshot["id"] == id);
    let root = snapshot.expect("the snapshot")["rootEntry"].clone();
    (
        root["name"].clone(),
        root["mode"].clone(),
        root["mtime"].clone(),
    )
}

#[test]
fn a_stream_is_the_same_to_both_programs() {
    let Some(program) = stock::program() else {
        return;
    };
    let place = tempfile::tempdir().expect("directory");
    let at = |name: &str| place.path().join(name);
    let holdfast = Holdfast::create(&at("repository"), "a password", &Parameters::default());
    let stock = Stock::connect(&program, &holdfast, at("stock.config"));
    let dump = at("dump");
    let content = random_bytes(1, 9 << 20);
    fs::write(&dump, &content).expect("write");
    let create = [
        "snapshot",
        "create",
        "--stdin-file=shop.sql",
        "/no such/shop",
    ];
    let source = ["--override-source", "user@host:/no such/shop"];
    let said = holdfast.json_from(&[&create[..], &source].concat(), &dump);
    let ours = said["id"].as_str().expect("id");
    holdfast.assert_strictly_clean();
    stock.verify();
    let theirs = stock.json_from(&[&create[..], &["--json"]].concat(), &dump);
    let theirs = theirs["id"].as_str().expect("id");
    assert_eq!(root(&holdfast, ours), root(&holdfast, theirs));
    for (number, id) in [ours, theirs].into_iter().enumerate() {
        let targets = [
            at(&format!("stock-{number}")),
            at(&format!("ours-{number}")),
        ];
        stock.restore(id, &targets[0]);
        holdfast.restore(id, &targets[1]);
        for target in targets {
            let restored = |path: &Path| fs::read(path.join("shop.sql")).expect("read");
            assert!(restored(&target) == content, "{}", target.display());
        }
    }
}
