//! Repositories that the reference implementation wrote, read to the last byte.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use holdfast_repository::directory::{TreeItem, decode, encode, encode_entry};
use holdfast_repository::json::{from_slice, to_vec};
use holdfast_repository::manifest::Labels;
use holdfast_repository::object::ObjectReader;
use holdfast_repository::policy::{Policy, defined, effective_policy};
use holdfast_repository::snapshot::{self, SnapshotManifest};
use holdfast_repository::{ContentFilter, OpenOptions, Repository, SourceIdentity};
use holdfast_storage::LocalStore;
use holdfast_testkit::Fixture;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::data::{list, text};

/// Defines a test for each fixture, and the list of their names.
macro_rules! fixtures {
    ($($test:ident = $name:literal,)*) => {
        pub(crate) const READ: &[&str] = &[$($name),*];
        $(
            #[test]
            fn $test() {
                check($name);
            }
        )*
    };
}

fixtures! {
    big_indirect = "big-indirect",
    compressors = "compressors",
    default = "default",
    ecc = "ecc",
    enc_aes256_gcm_hmac_sha256 = "enc-aes256-gcm-hmac-sha256",
    enc_chacha20_poly1305_hmac_sha256 = "enc-chacha20-poly1305-hmac-sha256",
    errors = "errors",
    format_v1 = "format-v1",
    format_v1_upgraded = "format-v1-upgraded",
    format_v2 = "format-v2",
    format_v3 = "format-v3",
    hash_blake2b_256 = "hash-blake2b-256",
    hash_blake2b_256_128 = "hash-blake2b-256-128",
    hash_blake2s_128 = "hash-blake2s-128",
    hash_blake2s_256 = "hash-blake2s-256",
    hash_blake3_256 = "hash-blake3-256",
    hash_blake3_256_128 = "hash-blake3-256-128",
    hash_hmac_sha224 = "hash-hmac-sha224",
    hash_hmac_sha256 = "hash-hmac-sha256",
    hash_hmac_sha256_128 = "hash-hmac-sha256-128",
    hash_hmac_sha3_224 = "hash-hmac-sha3-224",
    hash_hmac_sha3_256 = "hash-hmac-sha3-256",
    ignore = "ignore",
    incomplete = "incomplete",
    indirect_directory = "indirect-directory",
    maintained = "maintained",
    multiuser = "multiuser",
    oddities = "oddities",
    parallel_parts = "parallel-parts",
    pins_tags = "pins-tags",
    policies = "policies",
    retention = "retention",
    split_dynamic_128k_buzhash = "split-dynamic-128k-buzhash",
    split_dynamic_128k_rabinkarp = "split-dynamic-128k-rabinkarp",
    split_fixed_128k = "split-fixed-128k",
    split_policy_override = "split-policy-override",
}

/// Opens a fixture's repository without a cache.
pub(crate) fn open(fixture: &Fixture) -> Arc<Repository> {
    let store = Arc::new(LocalStore::open(fixture.repository()).expect("store"));
    let password = SecretString::from(fixture.password());
    Repository::open(store, &password, &OpenOptions::default()).expect("open")
}

fn check(name: &str) {
    let fixture = Fixture::open(name);
    let repository = open(&fixture);
    let expected = fixture.description();
    check_manifests(&repository, expected);
    check_policies(&repository, expected);
    check_snapshots(&repository, expected);
    check_directories(&repository, expected);
    check_contents(&repository, expected);
}

fn value<T: serde::Serialize + ?Sized>(item: &T) -> Value {
    serde_json::from_slice(&to_vec(item).expect("serialize")).expect("JSON")
}

fn check_manifests(repository: &Repository, expected: &Value) {
    let manifests = repository.manifests().expect("manifests");
    let (others, policies) = (list(expected, "manifests"), list(expected, "policies"));
    assert_eq!(manifests.len(), others.len() + policies.len());
    for item in others {
        let manifest = manifests.get(&text(item, "id").into()).expect("manifest");
        assert_eq!(value(&manifest.labels), item["labels"]);
        assert_eq!(manifest.modified.to_string(), text(item, "mtime"));
        assert_eq!(
            serde_json::from_str::<Value>(manifest.data.get()).expect("payload"),
            item["payload"]
        );
        assert_eq!(
            manifest.data.get().len() as u64,
            item["length"].as_u64().expect("length")
        );
    }
}

fn check_policies(repository: &Repository, expected: &Value) {
    let manifests = repository.manifests().expect("manifests");
    for item in list(expected, "policies") {
        let labels: Labels = serde_json::from_value(item["labels"].clone()).expect("labels");
        let part = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let target = SourceIdentity::new(part("username"), part("hostname"), part("path"));
        let policy = defined(&manifests, &target)
            .expect("read")
            .expect("defined");
        assert_eq!(value(&policy), item["defined"], "{target}");
        let effective = effective_policy(&manifests, &target).expect("effective");
        assert_eq!(value(&effective), item["effective"], "{target}");
        // What is written back is what was stored.
        let stored = manifests
            .get(&text(item, "id").into())
            .expect("manifest")
            .data
            .get();
        let again =
            to_vec(&from_slice::<Policy>(stored.as_bytes()).expect("policy")).expect("serialize");
        assert_eq!(String::from_utf8_lossy(&again), stored);
    }
    for item in list(expected, "sourcePolicies") {
        let source = SourceIdentity::parse_full(text(item, "source"))
            .expect("source")
            .expect("full");
        let effective = effective_policy(&manifests, &source).expect("effective");
        assert_eq!(value(&effective), item["effective"], "{source}");
    }
}

fn check_snapshots(repository: &Arc<Repository>, expected: &Value) {
    let manifests = repository.manifests().expect("manifests");
    let expected = list(expected, "snapshots");
    let listed = snapshot::list(&manifests, None);
    assert_eq!(listed.len(), expected.len());
    for item in expected {
        let found = listed
            .iter()
            .find(|snapshot| snapshot.id.as_str() == text(item, "id"))
            .expect("snapshot");
        check_snapshot(found, item);
        let stored = manifests.get(&found.id).expect("manifest").data.get();
        let unnamed = SnapshotManifest {
            id: "".into(),
            ..found.clone()
        };
        assert_eq!(
            String::from_utf8_lossy(&to_vec(&unnamed).expect("serialize")),
            stored
        );
        let tree = match text(&item["tree"], "sameAsSnapshot") {
            "" => &item["tree"],
            other => &expected
                .iter()
                .find(|item| text(item, "id") == other)
                .expect("other")["tree"],
        };
        check_tree(repository, found, tree.as_array().expect("tree"));
    }
}

fn check_snapshot(found: &SnapshotManifest, item: &Value) {
    assert_eq!(value(&found.source), item["source"]);
    assert_eq!(found.start_time.to_string(), text(item, "startTime"));
    assert_eq!(found.end_time.to_string(), text(item, "endTime"));
    assert_eq!(found.description, text(item, "description"));
    assert_eq!(found.incomplete_reason, text(item, "incomplete"));
    assert_eq!(
        found.root_object().expect("root").to_string(),
        text(item, "rootObject")
    );
    let or_empty = |value: &Value, empty: Value| {
        if value.is_null() {
            empty
        } else {
            value.clone()
        }
    };
    assert_eq!(value(&found.tags), or_empty(&item["tags"], json!({})));
    assert_eq!(value(&found.pins), or_empty(&item["pins"], json!([])));
    let mut root = Vec::new();
    encode_entry(&mut root, found.root_entry.as_ref().expect("root"));
    assert_eq!(
        serde_json::from_slice::<Value>(&root).expect("JSON"),
        item["rootEntry"]
    );
}

/// Compares every entry, and the data of every file and symlink.
fn check_tree(repository: &Arc<Repository>, snapshot: &SnapshotManifest, tree: &[Value]) {
    let mut rows = tree.iter();
    let root = snapshot.root_entry.as_ref().expect("root");
    repository
        .walk_tree(root, &mut |item| {
            let expected = rows
                .next()
                .unwrap_or_else(|| panic!("{} is not expected", item.path));
            assert_eq!(
                &row(repository, item),
                expected.as_object().expect("row"),
                "{}",
                item.path
            );
            Ok(ControlFlow::Continue(()))
        })
        .expect("walk");
    assert!(rows.next().is_none(), "entries are missing");
}

/// What the expectation says about an entry.
fn row(repository: &Arc<Repository>, item: TreeItem<'_>) -> Map<String, Value> {
    let mut entry = Vec::new();
    encode_entry(&mut entry, item.entry);
    let mut row: Map<String, Value> = serde_json::from_slice(&entry).expect("JSON");
    row.remove("name");
    row.insert("path".to_owned(), item.path.into());
    if item.path == "." && item.directory.is_none() {
        row.remove("summ");
    }
    if item.directory.is_some() {
        return row;
    }
    let object = item.entry.object.expect("object");
    let mut reader = repository.object_reader(&object).expect("reader");
    row.insert("objectLength".to_owned(), reader.length().into());
    if item.entry.kind.as_str() == "s" {
        let target = repository.read_object(&object).expect("target");
        let (key, text) = match std::str::from_utf8(&target) {
            Ok(text) => ("linkTarget", text.to_owned()),
            Err(_) => ("linkTargetHex", hex::encode(&target)),
        };
        row.insert(key.to_owned(), text.into());
    } else {
        row.insert("sha256".to_owned(), sha256(&mut reader).into());
    }
    row
}

fn sha256(reader: &mut ObjectReader) -> String {
    let mut digest = Sha256::new();
    loop {
        let chunk = reader.next_chunk().expect("read");
        if chunk.is_empty() {
            return hex::encode(digest.finalize());
        }
        digest.update(&chunk);
    }
}

fn check_directories(repository: &Repository, expected: &Value) {
    let streams = expected["directoryStreams"].as_object().expect("streams");
    assert!(!streams.is_empty());
    for (id, stream) in streams {
        let bytes = repository
            .read_object(&id.parse().expect("id"))
            .expect("read");
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            stream.as_str().expect("text")
        );
        assert_eq!(
            hex::encode(Sha256::digest(&bytes)),
            text(&expected["directoryStreamSha256"], id)
        );
        let directory = decode(&bytes).expect("decode");
        let again = encode(&directory.entries, &directory.summary, None);
        // Names that were stored lossily are the only thing that is not written back as it was.
        let lossy = stream
            .as_str()
            .expect("text")
            .replace("\\ufffd", "\u{fffd}");
        assert_eq!(String::from_utf8_lossy(&again), lossy);
    }
}

fn check_contents(repository: &Repository, expected: &Value) {
    let mut prefixes: BTreeMap<String, (u64, u64, u64)> = BTreeMap::new();
    let mut deleted = 0;
    let filter = ContentFilter {
        include_deleted: true,
        prefix: None,
    };
    repository
        .for_each_content(filter, &mut |info| {
            if info.deleted {
                deleted += 1;
                return Ok(());
            }
            let prefix = info
                .id
                .prefix()
                .map_or("(none)".to_owned(), |letter| char::from(letter).to_string());
            let (count, original, packed) = prefixes.entry(prefix).or_default();
            *count += 1;
            *original += u64::from(info.original_length);
            *packed += u64::from(info.packed_length);
            Ok(())
        })
        .expect("contents");
    let mut total = 0;
    for (prefix, numbers) in expected["contents"]["byPrefix"]
        .as_object()
        .expect("prefixes")
    {
        let number = |key: &str| numbers[key].as_u64().expect("number");
        let found = prefixes.get(prefix).copied().unwrap_or_default();
        assert_eq!(
            found,
            (
                number("count"),
                number("originalBytes"),
                number("packedBytes")
            ),
            "{prefix}"
        );
        total += found.0;
    }
    assert_eq!(Some(total), expected["contents"]["total"].as_u64());
    assert_eq!(Some(deleted), expected["contents"]["totalDeleted"].as_u64());
}
