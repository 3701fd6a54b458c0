//! Repositories of the format's reference program: everything in them is restored as it was, and verifies.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use holdfast_repository::directory::FileMode;
use holdfast_repository::json::UnixNanos;
use holdfast_repository::{OpenOptions, Repository};
use holdfast_snapshot::{RestoreRequest, VerifyRequest, restore, verify};
use holdfast_storage::LocalStore;
use holdfast_testkit::Fixture;
use secrecy::SecretString;
use serde_json::Value;

/// Fixtures whose parameters this version supports.
const NAMES: [&str; 18] = [
    "default",
    "big-indirect",
    "enc-aes256-gcm-hmac-sha256",
    "errors",
    "format-v1",
    "format-v1-upgraded",
    "format-v2",
    "format-v3",
    "hash-blake2b-256-128",
    "ignore",
    "maintained",
    "multiuser",
    "oddities",
    "parallel-parts",
    "pins-tags",
    "policies",
    "retention",
    "split-policy-override",
];

fn open(fixture: &Fixture) -> Arc<Repository> {
    let store = Arc::new(LocalStore::open(fixture.repository()).expect("open the store"));
    let password = SecretString::from(fixture.password().to_owned());
    Repository::open(store, &password, &OpenOptions::default()).expect("open the repository")
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

fn check(target: &Path, row: &Value, names: &BTreeMap<&str, usize>) {
    let path = text(row, "path");
    // Of entries with one name, others than the first were given another.
    if names[path] > 1 {
        return;
    }
    let path = if path == "." {
        target.to_path_buf()
    } else {
        target.join(path)
    };
    let metadata =
        fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let shown = path.display();
    match text(row, "type") {
        "f" => {
            let content = fs::read(&path).expect("read");
            assert_eq!(
                content.len() as u64,
                row["objectLength"].as_u64().unwrap_or(0),
                "{shown}"
            );
            let digest = sha2_hex(&content);
            assert_eq!(digest, text(row, "sha256"), "{shown}");
        }
        "s" => {
            assert!(metadata.is_symlink(), "{shown}");
            let target = fs::read_link(&path).expect("read the link");
            if let Some(expected) = row["target"].as_str() {
                assert_eq!(target.to_string_lossy(), expected, "{shown}");
            }
        }
        "d" => assert!(metadata.is_dir(), "{shown}"),
        other => panic!("{shown} has the type {other:?}"),
    }
    let time = row["mtime"].as_str().map_or(UnixNanos::EPOCH, |text| {
        UnixNanos::parse(text.as_bytes()).expect("a time")
    });
    let found = UnixNanos::from_parts(metadata.mtime(), metadata.mtime_nsec());
    // Earlier times do not fit into the file systems that tests run on.
    if time >= UnixNanos::from_parts(-(1 << 31), 0) {
        assert_eq!(found, time, "{shown}");
    }
    if !metadata.is_symlink() {
        let mode = row["mode"].as_str().map_or(FileMode::default(), |text| {
            FileMode::parse(text).expect("a mode")
        });
        assert_eq!(metadata.mode() & 0o7777, mode.to_unix(), "{shown}");
    }
    if rustix::process::geteuid().is_root() {
        let id = |key: &str| row[key].as_u64().unwrap_or(0) as u32;
        assert_eq!(
            (metadata.uid(), metadata.gid()),
            (id("uid"), id("gid")),
            "{shown}"
        );
    }
}

fn sha2_hex(content: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(content))
}

#[test]
fn every_snapshot_is_restored_as_it_was() {
    for name in NAMES {
        let fixture = Fixture::open(name);
        let repo = open(&fixture);
        let mut restored = 0;
        for snapshot in fixture.description()["snapshots"]
            .as_array()
            .expect("snapshots")
        {
            let Some(tree) = snapshot["tree"].as_array() else {
                continue;
            };
            let place = tempfile::tempdir().expect("a temporary directory");
            let target = place.path().join("target");
            let report = restore(
                &repo,
                &RestoreRequest::new(text(snapshot, "id"), "", &target),
            )
            .expect("restore");
            assert_eq!(report.errors(), 0, "{name}: {:?}", report.problems);
            let mut names = BTreeMap::new();
            tree.iter()
                .for_each(|row| *names.entry(text(row, "path")).or_default() += 1);
            for row in tree {
                check(&target, row, &names);
            }
            restored += 1;
        }
        assert!(restored > 0, "{name}");
    }
}

#[test]
fn every_fixture_verifies() {
    for name in NAMES {
        let fixture = Fixture::open(name);
        let repo = open(&fixture);
        for read_data in [false, true] {
            let report = verify(&repo, &VerifyRequest::new(Vec::new(), read_data)).expect("verify");
            assert_eq!(report.damaged, [], "{name}");
            assert!(
                report.snapshots > 0 && report.contents > 0,
                "{name}: {report:?}"
            );
        }
    }
}
