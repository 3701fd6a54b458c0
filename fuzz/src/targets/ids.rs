//! Ids of contents and objects, and the lists of parts of long objects.

use std::str::from_utf8;

use holdfast_repository::object::{concatenate, decode_indirect, encode_indirect, is_contiguous};
use holdfast_repository::{ContentId, ObjectId};

use crate::{Flood, Target};

pub(super) const IDS: Target = Target {
    name: "ids",
    run: ids,
    floods: &[Flood::new("", "I", "aa"), Flood::new("k", "aa", "")],
};

fn ids(input: &[u8]) {
    if let Some(id) = ContentId::from_key(input) {
        let mut key = Vec::new();
        id.append_key(&mut key);
        assert_eq!(key, input);
    }
    let Ok(text) = from_utf8(input) else { return };
    if let Ok(id) = text.parse::<ContentId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
        let _ = id.encryption_id();
    }
    if let Ok(id) = text.parse::<ObjectId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
        let _ = id.index_object();
    }
}

pub(super) const OBJECT_INDEX: Target = Target {
    name: "object_index",
    run: object_index,
    floods: &[
        Flood::new(
            "{\"stream\":\"kopia:indirect\",\"entries\":[",
            "{\"o\":\"aa\"},",
            "{\"o\":\"aa\"}]}",
        ),
        Flood::new("{\"entries\":[", "{},", "{}]}"),
        Flood::new(
            "{\"entries\":[{\"o\":\"aa\"",
            ",\"s\":9223372036854775807",
            "}]}",
        ),
        Flood::new("{\"entries\":", "[[1]],", ""),
    ],
};

fn object_index(input: &[u8]) {
    let Ok(entries) = decode_indirect(input) else {
        return;
    };
    let again = decode_indirect(&encode_indirect(&entries));
    assert_eq!(again.ok().as_ref(), Some(&entries));
    if is_contiguous(&entries) {
        let twice = concatenate([entries.clone(), entries.clone()]);
        assert!(is_contiguous(&twice) && twice.len() == 2 * entries.len());
    }
}
