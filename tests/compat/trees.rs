//! Trees that both programs can hold.

use std::path::Path;

use holdfast_testkit::tree::{Compare, RandomTree, assert_same, random_bytes};

use crate::parameters::Parameters;

/// Everything but times of directories, which a stock program restores differently (format 2 §4.7).
pub(crate) const WITHOUT_TIMES: Compare = Compare {
    times: false,
    link_times: false,
    ..Compare::WITHOUT_OWNERS
};

/// A few files, one of them long enough for several chunks.
pub(crate) fn small(root: &Path, seed: u64, parameters: &Parameters) {
    std::fs::create_dir_all(root).expect("folder");
    let tree = RandomTree {
        files: 12,
        directories: 4,
        max_file_size: 200_000,
        ..RandomTree::new(seed)
    };
    tree.create(root).expect("tree");
    long_file(root, seed, parameters);
    text(&root.join("text"), seed);
}

/// Writes a file that compresses well.
pub(crate) fn text(path: &Path, seed: u64) {
    let lines: Vec<String> = (0..5000)
        .map(|line| format!("line {line} of {seed}\n"))
        .collect();
    std::fs::write(path, lines.concat()).expect("file");
}

/// Adds a file that the repository's splitter cuts.
fn long_file(root: &Path, seed: u64, parameters: &Parameters) {
    let bytes = random_bytes(seed, parameters.several_chunks());
    std::fs::write(root.join("several chunks"), bytes).expect("file");
}

/// A random tree with a file of several chunks. With `text_names`, names that are not UTF-8 are replaced: a stock program cannot bring them back.
pub(crate) fn random(root: &Path, seed: u64, parameters: &Parameters, text_names: bool) {
    std::fs::create_dir_all(root).expect("folder");
    let tree = RandomTree {
        files: 60,
        directories: 15,
        ..RandomTree::new(seed)
    };
    tree.create(root).expect("tree");
    long_file(root, seed, parameters);
    text(&root.join("text"), seed);
    if text_names {
        rename(root);
    }
}

fn rename(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("folder") {
        let entry = entry.expect("entry");
        let mut path = entry.path();
        if entry.file_name().to_str().is_none() {
            let name: Vec<u8> = entry.file_name().into_encoded_bytes();
            path = folder.join(format!("renamed-{}", hex::encode(name)));
            std::fs::rename(entry.path(), &path).expect("rename");
        }
        if path.symlink_metadata().expect("metadata").is_dir() {
            rename(&path);
        }
    }
}

/// Fails, naming the differences, unless the trees are equal.
pub(crate) fn assert_equal(first: &Path, second: &Path, options: Compare) {
    assert_same(first, second, &options);
}
