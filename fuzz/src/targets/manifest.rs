//! Containers of manifests, snapshots, and the sources that they name.

use std::str::from_utf8;

use holdfast_repository::SourceIdentity;
use holdfast_repository::json::{from_slice, to_vec};
use holdfast_repository::manifest::{Manifest, decode_container, encode_container, read_container};
use holdfast_repository::snapshot::SnapshotManifest;
use holdfast_repository::source::{LocalContext, clean_unix_path, clean_windows_path};

use super::directory::has_text;
use super::json::WRITTEN_AGAIN;
use crate::{Flood, Target};

pub(super) const CONTAINER: Target = Target {
    name: "manifest_container",
    run: |input| {
        let _ = read_container(input);
    },
    floods: &[Flood {
        head: b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
        unit: b"\0\0\0\xff\xff",
        tail: b"",
    }],
};

pub(super) const CONTAINER_TEXT: Target = Target {
    name: "manifest_text",
    run: container_text,
    floods: &[
        Flood::new("{\"entries\":[", "{},", "{}]}"),
        Flood::new(
            "{\"entries\":[{\"labels\":{",
            "\"a\":\"\",",
            "\"b\":\"\"}}]}",
        ),
        Flood::new("{\"entries\":[{\"data\":[", "[[1]],", "1]}]}"),
        Flood::new("{\"entries\":[", "{\"labels\":{\"a\":\"\"}},", "{}]}"),
        Flood::new("{\"a\":\"\"", ",\"a\":\"\"", "}"),
    ],
};

fn container_text(input: &[u8]) {
    let Ok(entries) = decode_container(input) else {
        return;
    };
    if entries.len() > 1000 {
        return;
    }
    let Ok(again) = decode_container(&encode_container(&entries)) else {
        panic!("a container that was read is written as another thing");
    };
    let facts = |entry: &Manifest| {
        (
            entry.id.clone(),
            entry.modified,
            entry.deleted,
            entry.labels.clone(),
        )
    };
    assert!(
        entries.iter().map(facts).eq(again.iter().map(facts)),
        "a container changes when it is written"
    );
}

pub(super) const SNAPSHOT: Target = Target {
    name: "snapshot_manifest",
    run: |input| {
        let Ok(snapshot) = from_slice::<SnapshotManifest>(input) else {
            return;
        };
        let _ = snapshot.labels();
        let _ = snapshot.root_object();
        let root = snapshot.root_entry.as_ref();
        if input.len() > WRITTEN_AGAIN || !root.is_none_or(has_text) {
            return;
        }
        let text = to_vec(&snapshot).unwrap_or_default();
        assert!(
            from_slice::<SnapshotManifest>(&text).is_ok(),
            "a snapshot that was read is written as another thing"
        );
    },
    floods: &[
        Flood::new("{\"pins\":[", "\"\",", "\"\"]}"),
        Flood::new("{\"tags\":{", "\"a\":\"\",", "\"b\":\"\"}}"),
        Flood::new("{\"rootEntry\":{", "\"a\":1,", "\"name\":\"\"}}"),
        Flood::new("{\"rootEntry\":{\"summ\":{\"errors\":[", "{},", "{}]}}}"),
        Flood::new("{", "\"a\":1,", "\"b\":2}"),
    ],
};

pub(super) const SOURCE: Target = Target {
    name: "source",
    run: source,
    floods: &[Flood::new("/", "a/../", ""), Flood::new("u@h:", "/", "")],
};

fn source(input: &[u8]) {
    let Ok(text) = from_utf8(input) else { return };
    let local = LocalContext {
        user: "user",
        host: "host",
        directory: "/home",
    };
    let _ = SourceIdentity::parse(text, local);
    let _ = SourceIdentity::parse_full(text);
    for clean in [clean_unix_path, clean_windows_path] {
        let path = clean(text);
        assert_eq!(
            clean(&path),
            path,
            "a clean path changes when it is cleaned"
        );
    }
}
