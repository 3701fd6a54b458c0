//! What the product writes, held to the letter of the format.

use holdfast_testkit::tree::{self, Compare};

use crate::programs::Holdfast;
use crate::trees;

#[test]
fn everything_comes_back_and_an_unchanged_tree_adds_nothing() {
    let place = tempfile::tempdir().expect("directory");
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    std::fs::create_dir(&source).expect("folder");
    tree::golden(&source).expect("tree");
    let holdfast = Holdfast::new(&place.path().join("repository"), "own password");
    std::fs::create_dir(place.path().join("repository")).expect("folder");
    holdfast.json(&["repo", "create"]);
    holdfast.assert_strictly_clean();

    let first = holdfast.snapshot("user@host:/golden", &source);
    holdfast.assert_strictly_clean();
    let second = holdfast.snapshot("user@host:/golden", &source);
    assert_eq!(second["root_object"], first["root_object"]);
    assert_eq!(second["bytes_new"], 0);
    holdfast.restore(second["id"].as_str().expect("id"), &target);
    trees::assert_equal(&source, &target, Compare::ALL);

    holdfast.json(&["snapshot", "delete", first["id"].as_str().expect("id")]);
    let left = holdfast.json(&["snapshot", "list", "--all"]);
    assert_eq!(left.as_array().map(Vec::len), Some(1));
    holdfast.assert_strictly_clean();
}
