//! Round trips of random documents, and parsers of outside bytes under mutation.

use holdfast_repository::ContentId;
use holdfast_repository::directory::{
    Directory, DirectoryEntry, EntryKind, Extras, FileMode, SummaryBuilder, decode, encode,
};
use holdfast_repository::json::{UnixNanos, from_slice, to_vec};
use holdfast_repository::manifest::{
    Labels, Manifest, ManifestId, decode_container, encode_container, gzip_container,
    read_container,
};
use holdfast_repository::object::{IndirectEntry, ObjectId, decode_indirect, encode_indirect};
use holdfast_repository::policy::Policy;
use holdfast_repository::snapshot::SnapshotManifest;
use holdfast_repository::source::SourceIdentity;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::value::RawValue;

fn object_id() -> impl Strategy<Value = ObjectId> {
    (
        proptest::option::of(b'g'..=b'z'),
        vec(any::<u8>(), 16),
        0..3_u8,
    )
        .prop_map(|(prefix, hash, levels)| {
            let content = ContentId::new(prefix, &hash).expect("content id");
            (0..levels).fold(ObjectId::direct(content), |id, _| {
                ObjectId::indirect(id).expect("indirect")
            })
        })
}

fn entry() -> impl Strategy<Value = DirectoryEntry> {
    let kind = prop_oneof![
        3 => Just(EntryKind::File),
        1 => Just(EntryKind::Symlink),
        2 => Just(EntryKind::Directory),
        1 => Just(EntryKind::Other("x".into())),
    ];
    let numbers = (
        any::<i64>(),
        any::<i64>(),
        any::<u32>(),
        any::<u32>(),
        0..0o10000_u32,
    );
    (
        ".{1,12}",
        kind,
        numbers,
        object_id(),
        proptest::option::of(vec(any::<u8>(), 1..9)),
    )
        .prop_map(|(name, kind, (size, mtime, uid, gid, mode), object, raw)| {
            let mut entry = DirectoryEntry::new(name, kind);
            (entry.size, entry.mtime, entry.uid, entry.gid) = (size, UnixNanos(mtime), uid, gid);
            entry.mode = FileMode::from_unix(mode);
            entry.object = Some(object);
            entry.extras = raw.map(|raw| Box::new(Extras::with_raw_name(&raw)));
            if entry.is_directory() {
                entry.summary = Some(Box::new(SummaryBuilder::new().finish(UnixNanos(mtime), "")));
            }
            entry
        })
}

fn directory() -> impl Strategy<Value = Directory> {
    (
        vec(entry(), 0..6),
        vec((".{0,8}", ".{0,8}", any::<bool>()), 0..3),
    )
        .prop_map(|(mut entries, failures)| {
            entries.sort_by(DirectoryEntry::stream_order);
            let mut builder = SummaryBuilder::new();
            entries.iter().for_each(|entry| builder.add(entry));
            failures
                .into_iter()
                .for_each(|(path, error, ignored)| builder.add_failure(path, error, ignored));
            Directory {
                entries,
                summary: builder.finish(UnixNanos(5), ""),
                extras: None,
            }
        })
}

fn manifest() -> impl Strategy<Value = Manifest> {
    (
        any::<String>(),
        btree_map(".{0,6}", ".{0,6}", 1..4),
        any::<i64>(),
        any::<bool>(),
        ".{0,9}",
    )
        .prop_map(|(id, labels, modified, deleted, text)| {
            let modified = UnixNanos(modified);
            if deleted {
                return Manifest::tombstone(ManifestId::from(id), modified);
            }
            let data = String::from_utf8(to_vec(&text).expect("serialize")).expect("UTF-8");
            let data = RawValue::from_string(data).expect("JSON");
            Manifest {
                id: id.into(),
                labels,
                modified,
                deleted: false,
                data,
            }
        })
}

fn stream(directory: &Directory) -> Vec<u8> {
    encode(
        &directory.entries,
        &directory.summary,
        directory.extras.as_deref(),
    )
}

/// Replaces, removes and inserts bytes.
fn mutate(bytes: &mut Vec<u8>, changes: &[(usize, u8, u8)]) {
    for &(at, byte, how) in changes {
        if bytes.is_empty() {
            return;
        }
        let at = at % bytes.len();
        match how % 4 {
            0 => bytes[at] = byte,
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, byte),
            _ => bytes.truncate(at),
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    let structural = proptest::sample::select(b"\"\\{}[]:,0-9eZTnull\xff\x00".to_vec());
    vec(
        (
            any::<usize>(),
            prop_oneof![structural, any::<u8>()],
            any::<u8>(),
        ),
        1..5,
    )
}

proptest! {
    #[test]
    fn directories_round_trip(directory in directory()) {
        let bytes = stream(&directory);
        prop_assert_eq!(decode(&bytes).expect("decode"), directory);
    }

    #[test]
    fn both_readers_of_directories_agree(directory in directory()) {
        let bytes = stream(&directory);
        // White space before the first key keeps the fast reader from taking it.
        let mut spaced = b"{ ".to_vec();
        spaced.extend_from_slice(&bytes[1..]);
        prop_assert_eq!(decode(&spaced).expect("general"), decode(&bytes).expect("fast"));
    }

    #[test]
    fn a_changed_directory_never_panics_and_reads_the_same_by_both(directory in directory(), changes in changes()) {
        let mut bytes = stream(&directory);
        mutate(&mut bytes, &changes);
        let mut spaced = b" ".to_vec();
        spaced.extend_from_slice(&bytes);
        prop_assert_eq!(decode(&spaced).ok(), decode(&bytes).ok());
    }

    #[test]
    fn containers_round_trip(entries in vec(manifest(), 0..5)) {
        let text = encode_container(&entries);
        let read = read_container(&gzip_container(&text)).expect("decode");
        prop_assert_eq!(encode_container(&read), text);
    }

    #[test]
    fn a_changed_container_never_panics(entries in vec(manifest(), 0..3), changes in changes()) {
        let mut text = encode_container(&entries);
        let mut payload = gzip_container(&text);
        mutate(&mut text, &changes);
        let _ = decode_container(&text);
        mutate(&mut payload, &changes);
        let _ = read_container(&payload);
    }

    #[test]
    fn indirect_streams_round_trip_and_survive_changes(
        parts in vec((0..1_u64 << 40, object_id()), 1..6),
        changes in changes(),
    ) {
        let mut start = 0;
        let entries: Vec<_> = parts.into_iter().map(|(length, object)| {
            start += length;
            IndirectEntry { start: start - length, length, object }
        }).collect();
        let mut bytes = encode_indirect(&entries);
        prop_assert_eq!(decode_indirect(&bytes).expect("decode"), entries);
        mutate(&mut bytes, &changes);
        let _ = decode_indirect(&bytes);
    }

    #[test]
    fn snapshots_round_trip_and_survive_changes(
        root in entry(),
        times: (i64, i64),
        tags in btree_map("tag:.{0,4}", ".{0,4}", 0..3),
        pins in vec(".{1,4}", 0..3),
        changes in changes(),
    ) {
        let manifest = SnapshotManifest {
            source: SourceIdentity::new("u", "h", "/p"),
            start_time: UnixNanos(times.0),
            end_time: UnixNanos(times.1),
            root_entry: Some(root),
            tags,
            pins,
            ..SnapshotManifest::default()
        };
        let mut bytes = to_vec(&manifest).expect("serialize");
        prop_assert_eq!(from_slice::<SnapshotManifest>(&bytes).expect("read"), manifest);
        mutate(&mut bytes, &changes);
        let _ = from_slice::<SnapshotManifest>(&bytes);
    }

    #[test]
    fn a_changed_policy_never_panics(changes in changes()) {
        let mut bytes = to_vec(&holdfast_repository::policy::default_policy()).expect("serialize");
        mutate(&mut bytes, &changes);
        let _ = from_slice::<Policy>(&bytes);
    }

    #[test]
    fn object_ids_round_trip_and_odd_texts_are_refused_quietly(id in object_id(), text: String) {
        prop_assert_eq!(id.to_string().parse::<ObjectId>().expect("id"), id);
        let _ = text.parse::<ObjectId>();
    }

    #[test]
    fn labels_never_clash_with_tags(name in "type|hostname|username|path") {
        let mut manifest = SnapshotManifest {
            source: SourceIdentity::new("u", "h", "/p"),
            root_entry: Some(DirectoryEntry::new("p", EntryKind::Directory)),
            ..SnapshotManifest::default()
        };
        prop_assert!(manifest.labels().is_err(), "a root without object was accepted");
        let object = "k0123456789abcdef0123456789abcdef".parse().expect("id");
        manifest.root_entry.as_mut().expect("root").object = Some(object);
        let labels: Labels = manifest.labels().expect("labels");
        prop_assert_eq!(labels.len(), 4);
        manifest.tags.insert(name, "x".into());
        prop_assert!(manifest.labels().is_err());
    }
}
