//! `directory-encoding.json`: exact stream bytes, modes and times.

use holdfast_repository::directory::{
    DirectoryEntry, DirectorySummary, EntryError, EntryKind, FileMode, SummaryBuilder, decode,
    decode_entry, encode,
};
use holdfast_repository::json::UnixNanos;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::data::{list, text, vectors};

fn number(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or_default()
}

fn entry(value: &Value) -> DirectoryEntry {
    let name = match value["nameHex"].as_str() {
        Some(hex) => hex::decode(hex).expect("hex name"),
        None => text(value, "name").as_bytes().to_vec(),
    };
    let mut entry = DirectoryEntry::new(name, EntryKind::from_text(text(value, "type")));
    entry.mode = FileMode::from_bits(number(value, "modeBits") as i32);
    entry.size = number(value, "size");
    entry.mtime = UnixNanos(number(value, "mtimeNanos"));
    entry.uid = number(value, "uid") as u32;
    entry.gid = number(value, "gid") as u32;
    entry.object = Some(text(value, "obj").parse().expect("object id"));
    entry.summary = value
        .get("summ")
        .map(|summary| Box::new(self::summary(summary)));
    entry
}

fn summary(value: &Value) -> DirectorySummary {
    let errors = value["errors"].as_array().cloned().unwrap_or_default();
    DirectorySummary {
        total_size: number(value, "size"),
        files: number(value, "files"),
        symlinks: number(value, "symlinks"),
        dirs: number(value, "dirs"),
        max_time: UnixNanos(number(value, "maxTimeNanos")),
        incomplete: text(value, "incomplete").to_owned(),
        failed: number(value, "numFailed"),
        ignored_errors: number(value, "numIgnoredErrors"),
        errors: errors
            .iter()
            .map(|error| EntryError {
                path: text(error, "path").into(),
                error: text(error, "error").into(),
            })
            .collect(),
    }
}

fn stream(case: &Value) -> Vec<u8> {
    let mut entries: Vec<_> = case["entries"]
        .as_array()
        .into_iter()
        .flatten()
        .map(entry)
        .collect();
    entries.sort_by(DirectoryEntry::stream_order);
    let mut builder = SummaryBuilder::new();
    entries.iter().for_each(|entry| builder.add(entry));
    for failure in case["failed"].as_array().into_iter().flatten() {
        let ignored = failure["ignored"].as_bool().unwrap_or_default();
        builder.add_failure(
            text(failure, "path").into(),
            text(failure, "error").into(),
            ignored,
        );
    }
    let summary = builder.finish(
        UnixNanos(number(case, "dirMtimeNanos")),
        text(case, "incomplete"),
    );
    encode(&entries, &summary, None)
}

#[test]
fn streams_are_written_to_the_byte() {
    let vectors = vectors("directory-encoding");
    for case in list(&vectors, "cases") {
        let bytes = stream(case);
        let name = text(case, "name");
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            text(case, "expectBytes"),
            "{name}"
        );
        assert_eq!(
            hex::encode(Sha256::digest(&bytes)),
            text(case, "sha256"),
            "{name}"
        );
    }
}

#[test]
fn streams_read_back_and_are_written_alike() {
    let vectors = vectors("directory-encoding");
    for case in list(&vectors, "cases") {
        let bytes = text(case, "expectBytes").as_bytes();
        let directory = decode(bytes).expect("decode");
        let again = encode(&directory.entries, &directory.summary, None);
        // An escaped replacement character stands for a name that cannot be read as it was.
        let lossy = text(case, "expectBytes").replace("\\ufffd", "\u{fffd}");
        assert_eq!(
            String::from_utf8_lossy(&again),
            lossy,
            "{}",
            text(case, "name")
        );
    }
}

#[test]
fn modes_are_read_as_the_reference_reads_them() {
    let vectors = vectors("directory-encoding");
    for case in list(&vectors, "modeParsing") {
        let json = text(case, "json");
        let read = decode_entry(format!("{{\"mode\":{json}}}").as_bytes());
        match case["value"].as_i64() {
            Some(bits) => assert_eq!(i64::from(read.expect(json).mode.bits()), bits, "{json}"),
            None => assert!(read.is_err(), "{json}"),
        }
    }
}

#[test]
fn times_are_read_as_the_reference_reads_them() {
    let vectors = vectors("directory-encoding");
    for case in list(&vectors, "timeParsing") {
        let json = text(case, "json");
        let read = decode_entry(format!("{{\"mtime\":{json}}}").as_bytes());
        match case["nanos"].as_i64() {
            Some(nanos) => {
                let time = read.expect(json).mtime;
                assert_eq!(time, UnixNanos(nanos), "{json}");
                assert_eq!(format!("\"{time}\""), text(case, "reencoded"), "{json}");
            }
            None => assert!(read.is_err(), "{json}"),
        }
    }
}
