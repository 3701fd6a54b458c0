//! Directory streams and their entries.

use holdfast_repository::directory::{DirectoryEntry, decode, decode_entry, encode_entry};

use super::json::WRITTEN_AGAIN;
use crate::{Flood, Target};

const HEAD: &str = "{\"stream\":\"kopia:directory\",\"entries\":[";
const TAIL: &str = "{}],\"summary\":{}}";

pub(super) const DIRECTORY: Target = Target {
    name: "directory",
    run: directory,
    floods: &[
        Flood::new(HEAD, "{},", TAIL),
        Flood::new(HEAD, "null,", TAIL),
        Flood::new(HEAD, "[[1]],", TAIL),
        Flood::new(HEAD, "{\"summ\":{}},", TAIL),
        Flood::new(
            HEAD,
            "{\"name\":\"a\",\"type\":\"f\",\"obj\":\"aa\"},",
            TAIL,
        ),
        Flood::new(
            HEAD,
            "{\"name\":\"a\",\"type\":\"f\",\"obj\":\"aa\",\"hf\":{},\"summ\":{}},",
            TAIL,
        ),
        Flood::new(
            "{\"stream\":\"kopia:directory\",\"entries\":null,\"summary\":{\"errors\":[",
            "{},",
            "{}]}}",
        ),
        Flood::new(
            "{\"stream\":\"kopia:directory\",\"summary\":{}",
            ",\"entries\":[{}]",
            "}",
        ),
    ],
};

fn directory(input: &[u8]) {
    let Ok(directory) = decode(input) else { return };
    for entry in directory.entries.iter().filter(|entry| has_text(entry)) {
        let mut text = Vec::new();
        encode_entry(&mut text, entry);
        assert!(
            decode_entry(&text).is_ok(),
            "an entry that was read is written as another thing"
        );
    }
}

pub(super) const ENTRY: Target = Target {
    name: "directory_entry",
    run: entry,
    floods: &[
        Flood::new("{\"name\":\"a\"", ",\"\":1", "}"),
        Flood::new("{\"name\":\"a\"", ",\"hf\":{}", "}"),
        Flood::new("{\"hf\":{\"x\":{\"a\":\"\"", ",\"b\":\"\"", "}}}"),
        Flood::new("{\"summ\":{\"errors\":[", "null,", "null]}}"),
        Flood::new("", "{\"summ\":", ""),
    ],
};

fn entry(input: &[u8]) {
    let Ok(entry) = decode_entry(input) else {
        return;
    };
    if input.len() > WRITTEN_AGAIN || !has_text(&entry) {
        return;
    }
    let mut text = Vec::new();
    encode_entry(&mut text, &entry);
    let Ok(again) = decode_entry(&text) else {
        panic!("an entry that was read is written as another thing");
    };
    let mut second = Vec::new();
    encode_entry(&mut second, &again);
    assert_eq!(text, second, "an entry changes each time it is written");
}

/// A mode below zero can be read and has no text that can; the reference implementation writes the same one.
pub(super) fn has_text(entry: &DirectoryEntry) -> bool {
    entry.mode.bits() >= 0
}
