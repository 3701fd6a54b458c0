//! `object.json`: object ids and indirect streams.

use holdfast_repository::object::{
    IndirectEntry, ObjectId, decode_indirect, encode_indirect, is_contiguous,
};
use serde_json::Value;

use crate::data::{list, text, vectors};

#[test]
fn ids_are_parsed_as_the_reference_parses_them() {
    let vectors = vectors("object");
    for case in list(&vectors, "idParsing") {
        let input = text(case, "in");
        let parsed = input.parse::<ObjectId>();
        // The reference accepts ids that name no content and fails later; here they are refused at once.
        if case["error"] == true || text(case, "content").is_empty() {
            assert!(parsed.is_err(), "{input:?}");
            continue;
        }
        let id = parsed.expect(input);
        assert_eq!(id.to_string(), text(case, "canonical"));
        assert_eq!(id.content().to_string(), text(case, "content"));
        assert_eq!(id.is_compressed(), case["compressed"] == true);
        let levels = std::iter::successors(Some(id), ObjectId::index_object).count() - 1;
        assert_eq!(
            levels as u64,
            case["indirection"].as_u64().unwrap_or_default()
        );
    }
}

/// The text of an index and the entries it must hold.
fn index_of(case: &Value) -> Option<(&str, Vec<IndirectEntry>)> {
    let stream = list(case, "contents")
        .iter()
        .find_map(|content| content["text"].as_str())?;
    let entries = case["index"].as_array()?.iter().map(|entry| IndirectEntry {
        start: entry[0].as_u64().expect("start"),
        length: entry[1].as_u64().expect("length"),
        object: entry[2]
            .as_str()
            .expect("object")
            .parse()
            .expect("object id"),
    });
    Some((stream, entries.collect()))
}

#[test]
fn indexes_are_written_to_the_byte_and_read_back() {
    let vectors = vectors("object");
    let mut checked = 0;
    for case in list(&vectors, "objects") {
        let Some((stream, entries)) = index_of(case) else {
            continue;
        };
        assert_eq!(
            String::from_utf8_lossy(&encode_indirect(&entries)),
            stream,
            "{}",
            text(case, "name")
        );
        assert_eq!(decode_indirect(stream.as_bytes()).expect("decode"), entries);
        assert!(is_contiguous(&entries));
        checked += 1;
    }
    assert!(checked >= 5, "only {checked} indexes among the vectors");
}
