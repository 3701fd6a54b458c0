//! The JSON reader, times, and documents that are read by serde.

use holdfast_repository::json::{Kind, Node, UnixNanos, parse_prefix, push_string};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Flood, Target};

pub(super) const JSON: Target = Target {
    name: "json",
    run: |input| {
        if let Ok(node) = parse_prefix(input) {
            check(&node);
        }
    },
    floods: &[
        Flood::new("", "[", ""),
        Flood::new("", "{\"\":", ""),
        Flood::new("[", "[[1]],", "1]"),
        Flood::new("[", "[1],", "1]"),
        Flood::new("[", "1,", "1]"),
        Flood::new("{\"\":1", ",\"\":1", "}"),
        Flood::new("[", "{\"\":1},", "1]"),
        Flood::new("[", "\"\\n\",", "1]"),
        Flood::new("\"", "\\u0000", "\""),
        Flood {
            head: b"\"",
            unit: b"\xff",
            tail: b"\"",
        },
    ],
};

/// Every value stands in the text that it came from, and every string can be written.
fn check(node: &Node<'_>) {
    match &node.kind {
        Kind::Array(items) => items.iter().for_each(check),
        Kind::Object(members) => members.iter().for_each(|(_, value)| check(value)),
        Kind::String(text) => {
            let mut out = Vec::new();
            push_string(&mut out, text.as_bytes());
            let again = parse_prefix(&out).map(|node| node.kind == Kind::String(text.clone()));
            assert_eq!(again, Ok(true), "{text:?} is written as another string");
        }
        _ => assert!(!node.raw.is_empty(), "a value without text"),
    }
}

pub(super) const TIME: Target = Target {
    name: "time",
    run: |input| {
        if let Ok(time) = UnixNanos::parse(input) {
            assert_eq!(UnixNanos::parse(time.to_string().as_bytes()), Ok(time));
            let _ = time.to_timestamp();
        }
    },
    floods: &[Flood::new("2026-11-22T10:58:59.", "9", "Z")],
};

/// Longer documents are only read: written with all their fields, they would be longer than any input.
pub(super) const WRITTEN_AGAIN: usize = 64 << 10;

/// A document that can be read is written and read again without a change.
pub(super) fn round_trip<T: DeserializeOwned + Serialize + PartialEq>(input: &[u8]) {
    let Ok(document) = serde_json::from_slice::<T>(input) else {
        return;
    };
    if input.len() > WRITTEN_AGAIN {
        return;
    }
    let Ok(text) = serde_json::to_vec(&document) else {
        panic!("a document that was read cannot be written");
    };
    let again = serde_json::from_slice::<T>(&text);
    assert!(
        again.is_ok_and(|again| again == document),
        "a document changes when it is written"
    );
}
