//! Vector `index.json`.

use std::collections::HashMap;

use holdfast_repository::ContentInfo;
use holdfast_repository::index::{
    IndexEntry, IndexReader, InvalidIndex, encode, encode_1, encode_as, shard_of, supersedes,
};
use holdfast_storage::BlobId;
use proptest::prelude::*;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::vectors::{hex, load};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    cases: Vec<Case>,
    merge: Vec<Merge>,
    shard_assignment: Vec<Shard>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    name: String,
    #[serde(default)]
    version: u32,
    entries_in_iteration_order: Option<Vec<Entry>>,
    bytes: Option<String>,
    len: usize,
    sha256: String,
}

/// An index entry as the vectors show it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub id: String,
    pack: String,
    time: u64,
    offset: u32,
    packed_length: u32,
    original_length: u32,
    compression: String,
    format_version: u8,
    #[serde(rename = "encryptionKeyID")]
    encryption_key_id: u8,
    deleted: bool,
}

#[derive(Deserialize)]
struct Merge {
    name: String,
    candidates: Vec<Entry>,
    winner: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shard {
    id: String,
    shard_of3: usize,
}

impl Entry {
    pub(crate) fn info(&self) -> ContentInfo {
        ContentInfo {
            id: self.id.parse().expect("content id"),
            pack: BlobId::new(self.pack.as_str()).expect("blob id"),
            time: self.time,
            offset: self.offset,
            packed_length: self.packed_length,
            original_length: self.original_length,
            compression: u32::from_str_radix(&self.compression, 16).expect("hexadecimal"),
            format_version: self.format_version,
            encryption_key_id: self.encryption_key_id,
            deleted: self.deleted,
        }
    }
}

pub(crate) fn decode_all(bytes: &[u8]) -> Vec<ContentInfo> {
    let reader = IndexReader::new(bytes).expect("valid header");
    let mut entries = Vec::new();
    reader
        .for_each::<InvalidIndex>(|info| {
            entries.push(info);
            Ok(())
        })
        .expect("valid entries");
    assert_eq!(entries.len(), reader.len() as usize);
    entries
}

/// Encodes entries that were read, in any order, as index version 2.
pub(crate) fn encode_all(entries: &[ContentInfo]) -> Vec<u8> {
    encode_version(2, entries)
}

/// Encodes entries that were read, in any order.
pub(crate) fn encode_version(version: u32, entries: &[ContentInfo]) -> Vec<u8> {
    let mut packs = Vec::new();
    let mut numbers: HashMap<BlobId, u32> = HashMap::new();
    let mut compact: Vec<IndexEntry> = entries
        .iter()
        .map(|info| {
            let number = *numbers.entry(info.pack.clone()).or_insert_with(|| {
                packs.push(info.pack.clone());
                (packs.len() - 1) as u32
            });
            IndexEntry::from_info(info, number).expect("fits")
        })
        .collect();
    encode_as(version, &mut compact, &packs).expect("encodes")
}

#[test]
fn literal_indexes_decode_and_encode() {
    let vectors: Vectors = load("index.json");
    let mut seen = 0;
    for case in &vectors.cases {
        let (Some(entries), Some(bytes)) = (&case.entries_in_iteration_order, &case.bytes) else {
            continue;
        };
        let bytes = hex(bytes);
        let expected: Vec<ContentInfo> = entries.iter().map(Entry::info).collect();
        assert_eq!(decode_all(&bytes), expected, "{}", case.name);
        assert_eq!(
            decode_all(&[bytes.as_slice(), &[7; 32]].concat()),
            expected,
            "{}",
            case.name
        );
        let reader = IndexReader::new(bytes.as_slice()).expect("valid header");
        for info in &expected {
            assert_eq!(
                reader.find(&info.id).expect("valid entry").as_ref(),
                Some(info)
            );
        }
        assert_eq!(
            reader.find(&"z00".parse().expect("id")).expect("no entry"),
            None
        );
        let mut shuffled = expected;
        shuffled.reverse();
        let again = encode_version(case.version, &shuffled);
        assert_eq!(again, bytes, "{}", case.name);
        seen += 1;
    }
    assert!(seen >= 5);
}

#[test]
fn generated_indexes_have_the_expected_hash() {
    let vectors: Vectors = load("index.json");
    let by_name = |name: &str| {
        vectors
            .cases
            .iter()
            .find(|case| case.name == name)
            .expect("case")
    };
    for (name, count, packs) in [
        ("v2-66000-packs", 66000u32, 66000u32),
        ("v2-5000-entries-3-packs", 5000, 3),
    ] {
        let mixed = packs == 3;
        let entries: Vec<ContentInfo> = (0..count)
            .map(|i| ContentInfo {
                id: holdfast_repository::ContentId::new(
                    None,
                    &Sha256::digest(format!("content-{i}"))[..16],
                )
                .expect("id"),
                pack: BlobId::new(format!(
                    "p{}-s0011223344556677139",
                    hex::encode(&Sha256::digest(format!("pack-{}", i % packs))[..16])
                ))
                .expect("blob id"),
                time: 1_700_000_000 + u64::from(i),
                offset: 32 + i % 1000,
                packed_length: 1028 + i,
                original_length: 1000 + i,
                compression: if mixed && i % 2 == 1 { 0x1100 } else { 0 },
                format_version: 3,
                encryption_key_id: 0,
                deleted: mixed && i % 7 == 0,
            })
            .collect();
        let case = by_name(name);
        let bytes = encode_all(&entries);
        assert_eq!(bytes.len(), case.len, "{name}");
        assert_eq!(hex::encode(Sha256::digest(&bytes)), case.sha256, "{name}");
        assert_eq!(decode_all(&bytes).len(), count as usize);
    }
}

#[test]
fn the_expected_entry_wins() {
    let vectors: Vectors = load("index.json");
    assert!(vectors.merge.len() >= 6);
    for case in &vectors.merge {
        let candidates: Vec<ContentInfo> = case.candidates.iter().map(Entry::info).collect();
        for (number, info) in candidates.iter().enumerate() {
            let wins = candidates
                .iter()
                .enumerate()
                .all(|(other, o)| other == number || supersedes(info, o));
            assert_eq!(wins, number == case.winner, "{}", case.name);
        }
    }
}

#[test]
fn entries_go_into_the_expected_shard() {
    let vectors: Vectors = load("index.json");
    assert!(!vectors.shard_assignment.is_empty());
    for case in &vectors.shard_assignment {
        assert_eq!(
            shard_of(&case.id.parse().expect("id"), 3),
            case.shard_of3,
            "{}",
            case.id
        );
    }
}

fn entry_strategy() -> impl Strategy<Value = IndexEntry> {
    (
        (
            proptest::option::of(b'g'..=b'z'),
            proptest::collection::vec(any::<u8>(), 16),
        ),
        (
            any::<bool>(),
            0u32..5,
            0u32..1 << 30,
            0u32..1 << 28,
            0u32..1 << 28,
        ),
        (
            proptest::sample::select(vec![0u32, 0x1100, 0x1200]),
            any::<u32>(),
        ),
    )
        .prop_map(
            |(
                (prefix, hash),
                (deleted, pack, offset, packed_length, original_length),
                (compression, time),
            )| {
                IndexEntry {
                    id: holdfast_repository::ContentId::new(prefix, &hash).expect("id"),
                    deleted,
                    format_version: 3,
                    encryption_key_id: 0,
                    pack,
                    offset,
                    packed_length,
                    original_length,
                    compression,
                    time,
                }
            },
        )
}

#[test]
fn version_1_refuses_what_it_cannot_hold() {
    let packs = [BlobId::new("p1-s0").expect("blob id")];
    let entry = IndexEntry {
        id: "aa".parse().expect("id"),
        deleted: false,
        format_version: 1,
        encryption_key_id: 0,
        pack: 0,
        offset: 1 << 30,
        packed_length: 100,
        original_length: 72,
        compression: 0,
        time: 1,
    };
    assert!(encode_1(&mut [entry], &packs).is_ok());
    for changed in [
        IndexEntry {
            compression: 0x1100,
            ..entry
        },
        IndexEntry {
            encryption_key_id: 1,
            ..entry
        },
        IndexEntry {
            original_length: 71,
            ..entry
        },
        IndexEntry {
            packed_length: 27,
            original_length: 0,
            ..entry
        },
        IndexEntry {
            offset: 1 << 31,
            ..entry
        },
        IndexEntry { pack: 1, ..entry },
    ] {
        assert!(encode_1(&mut [changed], &packs).is_err(), "{changed:?}");
    }
    assert!(encode_1(&mut [entry, entry], &packs).is_err());
    assert!(encode_1(&mut [], &packs).is_err());
    assert!(encode_as(3, &mut [entry], &packs).is_err());
}

proptest! {
    #[test]
    fn encoding_as_version_1_round_trips(mut entries in proptest::collection::vec(entry_strategy(), 1..40)) {
        let packs: Vec<BlobId> = (0..5).map(|i| BlobId::new(format!("p{i}-s0")).expect("blob id")).collect();
        for entry in &mut entries {
            entry.compression = 0;
            entry.packed_length = entry.packed_length.max(28);
            entry.original_length = entry.packed_length - 28;
        }
        entries.sort_by_key(|entry| entry.id);
        entries.dedup_by_key(|entry| entry.id);
        let bytes = encode_1(&mut entries, &packs).expect("encodes");
        let expected: Vec<ContentInfo> = entries.iter().map(|e| e.to_info(packs[e.pack as usize].clone())).collect();
        prop_assert_eq!(decode_all(&bytes), expected);
    }

    #[test]
    fn encoding_round_trips(mut entries in proptest::collection::vec(entry_strategy(), 1..40)) {
        let packs: Vec<BlobId> = (0..5).map(|i| BlobId::new(format!("p{i}-s0")).expect("blob id")).collect();
        entries.sort_by_key(|entry| entry.id);
        entries.dedup_by_key(|entry| entry.id);
        let bytes = encode(&mut entries, &packs).expect("encodes");
        let expected: Vec<ContentInfo> = entries.iter().map(|e| e.to_info(packs[e.pack as usize].clone())).collect();
        prop_assert_eq!(decode_all(&bytes), expected);
    }

    #[test]
    fn damaged_indexes_never_panic(
        mut entries in proptest::collection::vec(entry_strategy(), 1..10),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let packs: Vec<BlobId> = (0..5).map(|i| BlobId::new(format!("p{i}-s0")).expect("blob id")).collect();
        entries.sort_by_key(|entry| entry.id);
        entries.dedup_by_key(|entry| entry.id);
        let mut bytes = encode(&mut entries, &packs).expect("encodes");
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        for bytes in [bytes.as_slice(), &bytes[..cut.index(bytes.len())]] {
            if let Ok(reader) = IndexReader::new(bytes) {
                let _ = reader.for_each::<InvalidIndex>(|_| Ok(()));
                let _ = reader.find(&entries[0].id);
            }
        }
    }
}
