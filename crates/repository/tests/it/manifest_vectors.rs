//! `manifest-merge.json`: containers and the manifests that are visible in them.

use holdfast_repository::manifest::{
    ContainerError, Labels, Manifest, decode_container, encode_container, gzip_container, merge,
    read_container,
};
use serde_json::{Value, json};

use crate::data::{list, text, vectors};

fn read(case: &Value) -> Result<Vec<Manifest>, ContainerError> {
    let mut entries = Vec::new();
    for content in list(case, "contents") {
        let plain = content.as_str().expect("text").as_bytes();
        entries.extend(read_container(&gzip_container(plain))?);
    }
    Ok(entries)
}

#[test]
fn containers_show_what_the_reference_shows() {
    let vectors = vectors("manifest-merge");
    for case in list(&vectors, "cases") {
        let name = text(case, "name");
        if case["error"] == true {
            assert!(read(case).is_err(), "{name}");
            continue;
        }
        let wanted: Labels = serde_json::from_value(case["find"].clone()).expect("labels");
        let manifests = merge(read(case).expect(name));
        let found: Vec<Value> = manifests
            .find(&wanted)
            .iter()
            .map(|entry| json!({"id": entry.id, "labels": entry.labels, "data": entry.data}))
            .collect();
        assert_eq!(Value::Array(found), case["found"], "{name}");
    }
}

#[test]
fn canonical_containers_are_written_to_the_byte() {
    let vectors = vectors("manifest-merge");
    let mut checked = 0;
    for case in list(&vectors, "cases")
        .iter()
        .filter(|case| case["error"] != true)
    {
        for content in list(case, "contents") {
            let plain = content.as_str().expect("text");
            // Labels that are out of order, offsets and unknown keys are not canonical.
            let unusual = [
                "note",
                "ENTRIES",
                "future",
                "garbage",
                "+02:00",
                "\"hostname\"",
            ];
            if !plain.ends_with("]}\n") || unusual.iter().any(|word| plain.contains(word)) {
                continue;
            }
            let entries = decode_container(plain.as_bytes()).expect("decode");
            assert_eq!(String::from_utf8_lossy(&encode_container(&entries)), plain);
            checked += 1;
        }
    }
    assert!(checked > 0, "no canonical container among the vectors");
}
