use std::fs;

use holdfast_testkit::tree::{RandomTree, golden, source_like};
use holdfast_testkit::{CompareOptions, compare_trees};
use tempfile::tempdir;

#[test]
fn the_golden_tree_is_always_the_same() {
    let (a, b) = (tempdir().unwrap(), tempdir().unwrap());
    golden(a.path()).unwrap();
    golden(b.path()).unwrap();
    // Most files have the time at which they were made; those with a fixed one are compared below.
    let compare = CompareOptions {
        times: false,
        ..CompareOptions::ALL
    };
    compare_trees(a.path(), b.path(), compare)
        .unwrap()
        .assert_equal();
    let compared = compare_trees(
        &a.path().join("times"),
        &b.path().join("times"),
        CompareOptions::ALL,
    );
    compared.unwrap().assert_equal();
}

#[test]
fn random_trees_follow_their_seed() {
    let trees = [tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap()];
    for (tree, seed) in trees.iter().zip([7, 7, 8]) {
        let spec = RandomTree {
            max_file_size: 64 << 10,
            ..RandomTree::new(seed)
        };
        spec.create(tree.path()).unwrap();
    }
    let compare = |a: usize, b: usize| {
        compare_trees(trees[a].path(), trees[b].path(), CompareOptions::ALL).unwrap()
    };
    compare(0, 1).assert_equal();
    assert!(!compare(0, 2).differences.is_empty());
}

#[test]
fn source_like_trees_have_the_size_that_was_asked_for() {
    let tree = tempdir().unwrap();
    source_like(tree.path(), 1, 130, 500_000).unwrap();
    let (mut files, mut bytes) = (0, 0);
    let mut open = vec![tree.path().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                files += 1;
                bytes += entry.metadata().unwrap().len();
            }
        }
    }
    assert_eq!((files, bytes), (130, 500_000));
}
