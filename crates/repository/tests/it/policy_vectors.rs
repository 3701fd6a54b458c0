//! `policy.json`: merging, lookup below a source, compression decisions and canonical payloads.

use holdfast_repository::json::{from_slice, to_vec};
use holdfast_repository::policy::{Compression, Policy, PolicyTree, compressor_for, effective};
use serde_json::Value;

use crate::data::{list, text, vectors};

fn policy(value: &Value) -> Policy {
    from_slice(value.to_string().as_bytes()).expect("policy")
}

fn payload(policy: &Policy) -> Value {
    serde_json::from_slice(&to_vec(policy).expect("serialize")).expect("JSON")
}

#[test]
fn levels_merge_as_in_the_reference() {
    let vectors = vectors("policy");
    for case in list(&vectors, "merge") {
        let levels: Vec<Policy> = list(case, "levels")
            .iter()
            .map(|level| policy(&level["policy"]))
            .collect();
        assert_eq!(
            payload(&effective(&levels)),
            case["effective"],
            "{}",
            text(case, "name")
        );
    }
}

#[test]
fn lookups_below_a_source_do_not_merge() {
    let vectors = vectors("policy");
    for case in list(&vectors, "tree") {
        let defined = case["defined"].as_object().expect("object");
        let below = defined.iter().filter(|(path, _)| *path != ".");
        let tree = PolicyTree::new(
            policy(&defined["."]),
            below.map(|(path, value)| (path.clone(), policy(value))),
        );
        for lookup in list(case, "lookups") {
            let path = text(lookup, "path");
            let found = tree.policy(path);
            assert_eq!(
                found.compression.compressor_name,
                text(lookup, "compressor"),
                "{path}"
            );
            assert_eq!(
                found.metadata_compression.compressor_name,
                text(lookup, "metadataCompressor"),
                "{path}"
            );
            assert_eq!(found.splitter.algorithm, text(lookup, "splitter"), "{path}");
            assert_eq!(
                tree.defined(path).is_some(),
                lookup["defined"] == true,
                "{path}"
            );
        }
    }
}

#[test]
fn files_are_compressed_as_the_reference_decides() {
    let vectors = vectors("policy");
    for case in list(&vectors, "compression") {
        let policy: Compression =
            from_slice(case["policy"].to_string().as_bytes()).expect("section");
        for file in list(case, "files") {
            let (name, size) = (
                file[0].as_str().expect("name"),
                file[1].as_u64().expect("size"),
            );
            let chosen = compressor_for(&policy, name, size).unwrap_or_default();
            assert_eq!(
                chosen,
                file[2].as_str().expect("compressor"),
                "{name} {size} {policy:?}"
            );
        }
    }
}

#[test]
fn payloads_are_written_to_the_byte() {
    let vectors = vectors("policy");
    for case in list(&vectors, "encoding") {
        let written = to_vec(&policy(&case["in"])).expect("serialize");
        assert_eq!(String::from_utf8_lossy(&written), text(case, "out"));
    }
}
