//! Index blobs and local indexes of both versions.

use std::collections::BTreeMap;

use holdfast_repository::ContentInfo;
use holdfast_repository::index::{IndexEntry, IndexReader, InvalidIndex, encode_as};
use holdfast_storage::BlobId;

use crate::{Flood, Target};

/// More entries than this are read, not written again.
const WRITTEN_AGAIN: usize = 2000;

pub(super) const INDEX: Target = Target {
    name: "index",
    run: index,
    floods: &[
        Flood {
            head: b"\x02\x11\0\x10\0\0\x78\0\0\0\0\x01\x01\0\0\0\0",
            unit: b"\0\x01\x02\x03\x04",
            tail: b"",
        },
        Flood {
            head: b"\x01\x11\0\x14\0\0\x6e\0",
            unit: b"\0",
            tail: b"",
        },
        Flood {
            head: b"\x02\x02\0\x10\0\0\xe0\0\xff\xff\xff\xff\xff\0\0\0\0",
            unit: b"\0",
            tail: b"",
        },
    ],
};

fn index(input: &[u8]) {
    let Ok(reader) = IndexReader::new(input) else {
        return;
    };
    let mut read: Vec<ContentInfo> = Vec::new();
    let all = reader.for_each(|info| {
        read.push(info);
        Ok::<_, InvalidIndex>(())
    });
    if let Some(info) = read.first() {
        let _ = reader.find(&info.id);
    }
    let sorted = read.is_sorted_by(|left, right| left.id < right.id);
    if all.is_err() || !sorted || read.is_empty() || read.len() > WRITTEN_AGAIN {
        return;
    }
    written_again(u32::from(input[0]), &read);
}

/// What was read is written and read once more, where it can be written at all.
fn written_again(version: u32, read: &[ContentInfo]) {
    let mut numbers: BTreeMap<&BlobId, u32> = BTreeMap::new();
    let mut packs = Vec::new();
    let mut entries = Vec::new();
    for info in read {
        let number = *numbers.entry(&info.pack).or_insert_with(|| {
            packs.push(info.pack.clone());
            packs.len() as u32 - 1
        });
        match IndexEntry::from_info(info, number) {
            Ok(entry) if !info.is_unusable() => entries.push(entry),
            _ => return,
        }
    }
    let Ok(bytes) = encode_as(version, &mut entries, &packs) else {
        return;
    };
    let mut again = Vec::new();
    let result = IndexReader::new(bytes.as_slice()).and_then(|reader| {
        reader.for_each(|info| {
            again.push(info);
            Ok::<_, InvalidIndex>(())
        })
    });
    assert!(result.is_ok(), "an index that was written cannot be read");
    assert_eq!(again, read);
}
