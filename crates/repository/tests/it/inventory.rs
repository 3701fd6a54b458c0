//! Every golden file is used by a test or waits, by name, for a later release.

use std::collections::BTreeSet;

use crate::{data, fixture_trees};

/// Vectors that tests of this crate use.
const VECTORS: &[&str] = &[
    "compression",
    "directory-encoding",
    "encryption",
    "epoch",
    "format",
    "hashes",
    "index",
    "kdf",
    "manifest-merge",
    "object",
    "paths",
    "policy",
    "repo-v3",
    "scheduling",
    "splitters",
];

/// Vectors that tests of other crates use, with the crate.
const ELSEWHERE: &[(&str, &str)] = &[
    ("ignore", "planning"),
    ("retention", "planning"),
    ("sharding", "storage"),
];

/// Vectors for a later release, with what they wait for.
const LATER_VECTORS: &[(&str, &str)] = &[
    ("ecc", "error correction"),
    ("repo-v1", "format version 1"),
    ("repo-v1-compacted", "format version 1"),
    ("repo-v1-upgraded", "format version 1"),
    ("repo-v3-ecc", "error correction"),
    ("repo-v3-sha256-chacha", "the other ciphers"),
];

/// Fixtures for a later release, with what they wait for.
const LATER_FIXTURES: &[(&str, &str)] = &[
    ("compressors", "the other compressors"),
    ("ecc", "error correction"),
    ("enc-chacha20-poly1305-hmac-sha256", "the other ciphers"),
    ("format-v1", "format version 1"),
    ("format-v1-upgraded", "format version 1"),
    ("format-v2", "format version 2"),
    ("format-v3", "the other compressors"),
    ("hash-blake2b-256", "the other hashes"),
    ("hash-blake2s-128", "the other hashes"),
    ("hash-blake2s-256", "the other hashes"),
    ("hash-blake3-256", "the other hashes"),
    ("hash-blake3-256-128", "the other hashes"),
    ("hash-hmac-sha224", "the other hashes"),
    ("hash-hmac-sha256", "the other hashes"),
    ("hash-hmac-sha256-128", "the other hashes"),
    ("hash-hmac-sha3-224", "the other hashes"),
    ("hash-hmac-sha3-256", "the other hashes"),
    ("incomplete", "checkpoints of uploads"),
    ("indirect-directory", "the other splitters"),
    ("split-dynamic-128k-buzhash", "the other splitters"),
    ("split-dynamic-128k-rabinkarp", "the other splitters"),
    ("split-fixed-128k", "the other splitters"),
];

fn files(folder: &str, suffix: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(data::path(folder)).expect("folder");
    let names = entries.map(|entry| {
        entry
            .expect("entry")
            .file_name()
            .into_string()
            .expect("name")
    });
    names
        .filter_map(|name| name.strip_suffix(suffix).map(str::to_owned))
        .collect()
}

fn names<'n>(lists: impl IntoIterator<Item = &'n str>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for name in lists {
        assert!(seen.insert(name.to_owned()), "{name} is listed twice");
    }
    seen
}

#[test]
fn every_vector_is_listed() {
    let others = ELSEWHERE.iter().chain(LATER_VECTORS).map(|(name, _)| *name);
    assert_eq!(
        files("vectors", ".json"),
        names(VECTORS.iter().copied().chain(others))
    );
}

#[test]
fn every_fixture_is_listed() {
    let later = LATER_FIXTURES.iter().map(|(name, _)| *name);
    let listed = names(fixture_trees::READ.iter().copied().chain(later));
    assert_eq!(files("fixtures", ".tar.gz"), listed);
    assert_eq!(files("fixtures", ".json"), listed);
}
