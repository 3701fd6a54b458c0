//! What the product writes, held to the letter of the format.

use holdfast_testkit::tree::{self, Compare};

use crate::parameters::Parameters;
use crate::programs::Holdfast;
use crate::trees;

#[test]
fn everything_comes_back_and_an_unchanged_tree_adds_nothing() {
    let place = tempfile::tempdir().expect("directory");
    let (source, target) = (place.path().join("source"), place.path().join("target"));
    std::fs::create_dir(&source).expect("folder");
    tree::golden(&source).expect("tree");
    let repository = place.path().join("repository");
    let holdfast = Holdfast::create(&repository, "own password", &Parameters::default());
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

/// Every value of every parameter; every pair of values in the long run.
#[test]
fn every_parameter_set_is_clean_and_restores() {
    let sets = if holdfast_testkit::soak() {
        Parameters::pairs()
    } else {
        Parameters::each()
    };
    for (number, parameters) in sets.iter().enumerate() {
        let place = tempfile::tempdir().expect("directory");
        let (source, target) = (place.path().join("source"), place.path().join("target"));
        trees::small(&source, number as u64, parameters);
        let repository = place.path().join("repository");
        let holdfast = Holdfast::create(&repository, "own password", parameters);
        let taken = holdfast.snapshot("user@host:/source", &source);
        assert_eq!(taken["errors"], 0, "{parameters:?}");
        println!("set {number}: {parameters:?}");
        holdfast.assert_strictly_clean();
        holdfast.restore(taken["id"].as_str().expect("id"), &target);
        trees::assert_equal(&source, &target, Compare::ALL);
    }
    println!("{} parameter sets", sets.len());
}
