//! Policies in a repository: levels, origins, what later versions add, damage, checks before they are stored; pins.

use std::sync::Arc;

use holdfast_host::SystemClock;
use holdfast_repository::Error;
use holdfast_repository::json::{UnixNanos, from_slice, to_vec};
use holdfast_repository::manifest::{Labels, Manifest, ManifestEdits, Manifests, merge};
use holdfast_repository::policy::{
    self, InvalidPolicy, Level, Origin, Policy, PolicyDocument, PolicyTarget, policy_labels,
    validate, validate_change, validate_document,
};
use holdfast_repository::snapshot;
use holdfast_repository::source::SourceIdentity;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::data::{list, vectors};

fn source() -> SourceIdentity {
    SourceIdentity::new("u", "h", "/data/files")
}

fn policy(value: Value) -> Policy {
    from_slice(value.to_string().as_bytes()).expect("policy")
}

fn manifest(id: &str, labels: Labels, modified: i64, data: &str) -> Manifest {
    Manifest {
        id: id.into(),
        labels,
        modified: UnixNanos(modified),
        deleted: false,
        data: RawValue::from_string(data.to_owned()).expect("JSON"),
    }
}

fn edits() -> ManifestEdits {
    ManifestEdits::new(Arc::new(SystemClock::new()))
}

/// The manifests after the changes.
fn after(manifests: &Manifests, edits: &ManifestEdits) -> Manifests {
    let mut changed = manifests.clone();
    changed.apply(edits.entries().to_vec());
    changed
}

#[test]
fn schedules_are_checked_as_in_the_reference() {
    let vectors = vectors("scheduling");
    assert_eq!(list(&vectors, "validation").len(), 9);
    for case in list(&vectors, "validation") {
        let document = json!({"scheduling": case["policy"]}).to_string();
        let checked = validate_document(&source(), document.as_bytes());
        assert_eq!(
            checked.is_ok(),
            case["valid"] == true,
            "{document}: {checked:?}"
        );
    }
}

#[test]
fn what_later_versions_add_outlives_an_edit() {
    let stored = r#"{"retention":{"keepLatest":3,"keepDecades":2},"files":{},"future":{"a":[1, 2]},"logging":{"entries":{"colour":"red"}},"noParent":true}"#;
    let target = source();
    let before = merge([manifest("a", policy_labels(&target), 5, stored)]);
    let document = policy::defined_document(&before, &target)
        .expect("read")
        .expect("defined");
    let unknown: Vec<String> = document.unknown_fields().collect();
    assert_eq!(
        unknown,
        ["future", "retention.keepDecades", "logging.entries.colour"]
    );

    let mut edits = edits();
    let mut changed = document.policy.clone();
    changed.retention.keep_latest = Some(4);
    policy::set(&mut edits, &before, &target, &changed).expect("set");
    let now = after(&before, &edits);
    assert_eq!(now.len(), 1);
    let text = now
        .latest(&policy_labels(&target))
        .expect("stored")
        .data
        .get();
    let value: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(
        value["retention"],
        json!({"keepLatest": 4, "keepDecades": 2})
    );
    assert_eq!(value["future"], json!({"a": [1, 2]}));
    assert_eq!(value["logging"]["entries"], json!({"colour": "red"}));
    assert_eq!(value["noParent"], true);
    // The same again: nothing is doubled or lost.
    let again = PolicyDocument::parse(text.as_bytes()).expect("parse");
    assert_eq!(to_vec(&again).expect("write"), text.as_bytes());
}

#[test]
fn a_damaged_policy_is_no_empty_policy() {
    let target = SourceIdentity::new("u", "h", "/data");
    let damaged = r#"{"retention":{"keepLatest":"three"}}"#;
    let manifests = merge([manifest("bad", policy_labels(&target), 5, damaged)]);
    for error in [
        policy::effective_policy(&manifests, &source()).expect_err("damaged"),
        policy::defined(&manifests, &target).expect_err("damaged"),
        policy::policy_tree(&manifests, &SourceIdentity::new("u", "h", "/")).expect_err("damaged"),
    ] {
        assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
        let text = error.to_string();
        for part in ["u@h:/data", "bad", "retention.keepLatest", "policy delete"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
    // Elsewhere it does not matter.
    let other = SourceIdentity::new("u", "h", "/srv");
    assert!(policy::effective_policy(&manifests, &other).is_ok());
    let listed = policy::list(&manifests);
    assert!(matches!(&listed[..], [one] if one.document.is_err() && one.target == target));
    // It can be removed, and replaced as a whole.
    let mut removed = edits();
    assert!(policy::remove(&mut removed, &manifests, &target));
    assert!(after(&manifests, &removed).is_empty());
    let mut replaced = edits();
    policy::set(&mut replaced, &manifests, &target, &Policy::default()).expect("set");
    let now = after(&manifests, &replaced);
    assert_eq!(
        policy::defined(&now, &target).expect("read"),
        Some(Policy::default())
    );
}

#[test]
fn every_value_has_its_origin() {
    let level = |target: PolicyTarget, value: Value| Level {
        target,
        policy: policy(value),
    };
    let host = SourceIdentity::new("", "h", "");
    let levels = [
        level(
            source(),
            json!({"retention": {"keepLatest": 0}, "compression": {"neverCompress": [".a"]}}),
        ),
        level(
            host.clone(),
            json!({"retention": {"keepLatest": 5, "keepDaily": 1},
            "compression": {"neverCompress": [".b"], "noParentNeverCompress": true},
            "actions": {"beforeSnapshotRoot": {"path": "/bin/true"}, "beforeFolder": {"path": "/bin/false"}}}),
        ),
        level(
            SourceIdentity::default(),
            json!({"compression": {"neverCompress": [".c"]}, "files": {"ignore": ["x"]}}),
        ),
    ];
    let merged = policy::effective(levels.iter().map(|level| &level.policy));
    let origins = policy::origins(&levels, &merged);
    let defined = |target: &PolicyTarget| Origin::Defined(target.clone());
    let of = |field: &str| origins.get(field).cloned().unwrap_or_default();
    assert_eq!(of("retention.keepLatest"), [defined(&source())]);
    assert_eq!(of("retention.keepDaily"), [defined(&host)]);
    assert_eq!(of("retention.keepAnnual"), [Origin::Default]);
    assert_eq!(
        of("compression.neverCompress"),
        [defined(&source()), defined(&host)]
    );
    assert_eq!(of("files.ignore"), [defined(&SourceIdentity::default())]);
    assert_eq!(of("actions.beforeSnapshotRoot"), [defined(&host)]);
    assert_eq!(of("actions.beforeFolder"), []);
    assert_eq!(of("logging.entries.ignored"), [Origin::Default]);
    // A level without parents ends everything.
    let alone = [
        level(
            source(),
            json!({"noParent": true, "retention": {"keepLatest": 1}}),
        ),
        levels[1].clone(),
    ];
    let merged = policy::effective(alone.iter().map(|level| &level.policy));
    let origins = policy::origins(&alone, &merged);
    assert_eq!(
        origins.into_iter().collect::<Vec<_>>(),
        [("retention.keepLatest".to_owned(), vec![defined(&source())])]
    );
}

#[test]
fn values_that_nobody_could_obey_are_refused_by_name() {
    for (value, field) in [
        (
            json!({"retention": {"keepDaily": -1}}),
            "retention.keepDaily",
        ),
        (json!({"files": {"ignore": ["a[", "b"]}}), "files.ignore"),
        (
            json!({"files": {"ignoreDotFiles": ["a/b"]}}),
            "files.ignoreDotFiles",
        ),
        (json!({"files": {"maxFileSize": -5}}), "files.maxFileSize"),
        (
            json!({"compression": {"compressorName": "middle-out"}}),
            "compression.compressorName",
        ),
        (
            json!({"compression": {"compressorName": "lz4"}}),
            "compression.compressorName",
        ),
        (
            json!({"metadataCompression": {"compressorName": "x"}}),
            "metadataCompression.compressorName",
        ),
        (
            json!({"splitter": {"algorithm": "ROUND"}}),
            "splitter.algorithm",
        ),
        (
            json!({"scheduling": {"cron": ["61 * * * *"]}}),
            "scheduling.cron",
        ),
        (
            json!({"scheduling": {"timeOfDay": [{"hour": 24, "min": 0}]}}),
            "scheduling.timeOfDay",
        ),
        (
            json!({"actions": {"afterFolder": {"path": "/x", "mode": "maybe"}}}),
            "actions.afterFolder",
        ),
        (
            json!({"actions": {"beforeFolder": {}}}),
            "actions.beforeFolder",
        ),
        (
            json!({"osSnapshots": {"volumeShadowCopy": {"enable": 3}}}),
            "osSnapshots.volumeShadowCopy.enable",
        ),
        (
            json!({"logging": {"entries": {"ignored": 11}}}),
            "logging.entries",
        ),
        (
            json!({"upload": {"maxParallelFileReads": -1}}),
            "upload.maxParallelFileReads",
        ),
    ] {
        let invalid = policy(value);
        match validate(&source(), &invalid) {
            Err(InvalidPolicy::Field { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
        // What was there before does not stand in the way of another change.
        let mut changed = invalid.clone();
        changed.retention.keep_latest = Some(1);
        assert_eq!(
            validate_change(&source(), &invalid, &changed),
            Ok(()),
            "{field}"
        );
    }
    assert!(validate(&source(), &policy::default_policy()).is_err());
    assert!(validate(&SourceIdentity::default(), &policy::default_policy()).is_ok());
}

#[test]
fn pins_replace_the_manifest_and_nothing_else() {
    let payload = r#"{"id":"","source":{"host":"h","userName":"u","path":"/data/files"},"description":"","startTime":"2024-01-01T00:00:00Z","endTime":"2024-01-01T00:00:01Z","stats":{},"rootEntry":{"name":"files","type":"d","obj":"k0123456789abcdef0123456789abcdef","hf":{"x":{"user.a":"AA=="}},"later":7},"tags":{"tag:a":"b"},"pins":["old"]}"#;
    let mut labels = snapshot::snapshot_labels(&source());
    labels.insert("tag:a".to_owned(), "b".to_owned());
    let manifests = merge([manifest("one", labels.clone(), 5, payload)]);
    let mut edits = edits();
    let (add, remove) = (["z".to_owned(), "b".to_owned()], ["old".to_owned()]);
    let id = snapshot::change_pins(&mut edits, &manifests, &"one".into(), &add, &remove)
        .expect("pin")
        .expect("changed");
    let now = after(&manifests, &edits);
    assert_eq!(now.len(), 1);
    let pinned = now.get(&id).expect("the new manifest");
    assert_eq!(pinned.labels, labels);
    assert_eq!(
        pinned.data.get(),
        payload.replace(r#"["old"]"#, r#"["b","z"]"#)
    );

    let unchanged = snapshot::change_pins(&mut edits, &now, &id, &["b".to_owned()], &remove);
    assert_eq!(unchanged.expect("pin"), None);
    let none = snapshot::change_pins(&mut edits, &now, &id, &[], &add)
        .expect("unpin")
        .expect("changed");
    let text = after(&now, &edits)
        .get(&none)
        .expect("manifest")
        .data
        .get()
        .to_owned();
    assert_eq!(text, payload.replace(r#","pins":["old"]"#, ""));
    assert!(snapshot::change_pins(&mut edits, &now, &"no".into(), &add, &[]).is_err());
}
