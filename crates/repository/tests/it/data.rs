//! The golden data shared by the tests.

use std::path::PathBuf;

use serde_json::Value;

/// A folder or file below `tests/data/kopia`.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/kopia")
        .join(name)
}

/// A vector file.
pub(crate) fn vectors(name: &str) -> Value {
    json(&format!("vectors/{name}.json"))
}

/// A JSON file below `tests/data/kopia`.
pub(crate) fn json(name: &str) -> Value {
    let path = path(name);
    let text =
        std::fs::read(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    serde_json::from_slice(&text)
        .unwrap_or_else(|error| panic!("parse {}: {error}", path.display()))
}

/// The list under `key`; it must not be empty, or the test would check nothing.
pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    let list = value[key].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(!list.is_empty(), "no {key} in the vectors");
    list
}

/// The text under `key`, empty when it is absent.
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}
