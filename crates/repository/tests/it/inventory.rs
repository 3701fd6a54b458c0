//! Every golden file is the one that was taken over, and is used by a test.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::{data, fixture_trees};

/// Vectors that tests of this crate use.
const VECTORS: &[&str] = &[
    "compression",
    "directory-encoding",
    "ecc",
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
    "repo-v1",
    "repo-v1-compacted",
    "repo-v1-upgraded",
    "repo-v3",
    "repo-v3-ecc",
    "repo-v3-sha256-chacha",
    "scheduling",
    "splitters",
];

/// Vectors that tests of other crates use, with the crate.
const ELSEWHERE: &[(&str, &str)] = &[
    ("ignore", "planning"),
    ("retention", "planning"),
    ("sharding", "storage"),
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
    let others = ELSEWHERE.iter().map(|(name, _)| *name);
    assert_eq!(
        files("vectors", ".json"),
        names(VECTORS.iter().copied().chain(others))
    );
}

#[test]
fn every_fixture_is_listed() {
    let listed = names(fixture_trees::READ.iter().copied());
    assert_eq!(files("fixtures", ".tar.gz"), listed);
    assert_eq!(files("fixtures", ".json"), listed);
}

#[test]
fn every_golden_file_has_its_checksum() {
    let list = std::fs::read_to_string(data::path("SHA256SUMS")).expect("SHA256SUMS");
    let expected: BTreeMap<String, String> = list
        .lines()
        .map(|line| {
            let (sum, name) = line.split_once("  ").expect("sum and name");
            (name.to_owned(), sum.to_owned())
        })
        .collect();
    let mut found = BTreeMap::new();
    for (folder, suffixes) in [
        ("vectors", &[".json"][..]),
        ("fixtures", &[".json", ".tar.gz"]),
    ] {
        for suffix in suffixes {
            for name in files(folder, suffix) {
                let name = format!("{folder}/{name}{suffix}");
                let bytes = std::fs::read(data::path(&name)).expect("read");
                found.insert(name, hex::encode(Sha256::digest(bytes)));
            }
        }
    }
    assert_eq!(found, expected);
}
