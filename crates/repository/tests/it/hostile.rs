//! Limits on what a repository's bytes may claim: they end hostile input and leave the largest honest one alone.

use std::fmt::Write as _;
use std::sync::Arc;

use holdfast_repository::compress::{Compressors, decompress, decompress_object};
use holdfast_repository::directory::{DirectoryError, decode, decode_entry};
use holdfast_repository::maintenance::{Schedule, Task};
use holdfast_repository::manifest::{
    ContainerError, decode_container, encode_container, gzip_container, read_container,
};
use holdfast_repository::object::{IndirectEntry, ObjectId, encode_indirect};
use holdfast_repository::{
    CompressionAlgorithm, CreateOptions, Error, OpenOptions, Repository, Session,
};
use holdfast_storage::MemoryStore;
use secrecy::SecretString;

#[test]
fn a_directory_of_a_million_entries_is_read() {
    // Not canonical, so that the general reader has to do it.
    let mut text = String::from("{\"stream\": \"kopia:directory\",\"entries\":[");
    for number in 0..1_000_000 {
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}{{\"name\":\"{number}\",\"type\":\"f\",\"obj\":\"aa\"}}"
        );
    }
    text.push_str("]}");
    let directory = decode(text.as_bytes()).expect("a directory");
    assert_eq!(directory.entries.len(), 1_000_000);
    assert_eq!(directory.entries[999_999].name, b"999999");
}

#[test]
fn a_directory_of_nothing_but_empty_entries_is_refused() {
    let text = |count: usize| {
        let entries = vec!["{}"; count].join(",");
        format!("{{\"stream\":\"kopia:directory\",\"entries\":[{entries}]}}")
    };
    assert!(decode(text(1000).as_bytes()).is_ok());
    assert_eq!(
        decode(text(100_000).as_bytes()).unwrap_err(),
        DirectoryError::Crowded
    );
}

#[test]
fn the_last_of_unknown_members_stays_where_it_was() {
    let entry = decode_entry(br#"{"name":"a","x":1,"y":2,"x":3,"z":4}"#).expect("an entry");
    let unknown: Vec<(&str, &[u8])> = entry
        .unknown
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_slice()))
        .collect();
    assert_eq!(unknown, [("y", &b"2"[..]), ("x", b"3"), ("z", b"4")]);
}

/// The text of a container with so many snapshots, about 800 bytes each.
fn snapshots(count: usize) -> String {
    let mut text = String::from("{\"entries\":[");
    for number in 0..count {
        let comma = if number == 0 { "" } else { "," };
        let padding = "\"stats\":0,".repeat(50);
        let _ = write!(
            text,
            "{comma}{{\"id\":\"{number:032x}\",\"labels\":{{\"hostname\":\"host\",\"path\":\"/home/user\",\
             \"type\":\"snapshot\",\"username\":\"user\"}},\"modified\":\"2026-11-22T10:58:59.123456789Z\",\
             \"data\":{{{padding}\"rootEntry\":\"{number:032x}\"}}}}"
        );
    }
    text.push_str("]}\n");
    text
}

#[test]
fn a_container_of_many_snapshots_is_read_from_a_small_payload() {
    let text = snapshots(25_000);
    assert!(text.len() > 16 << 20, "{}", text.len());
    let payload = gzip_container(text.as_bytes());
    assert!(payload.len() < 1 << 20, "{}", payload.len());
    assert_eq!(read_container(&payload).expect("manifests").len(), 25_000);
}

/// Snapshots that each name the same ten files that could not be read, with long paths.
fn failing_snapshots(count: usize) -> String {
    let failed: Vec<String> = (0..10)
        .map(|number| {
            let path = format!("projects/{}/{number}", "a rather long name/".repeat(13));
            format!(
                "{{\"path\":\"{path}\",\"error\":\"unable to open file: open /home/user/{path}: permission denied\"}}"
            )
        })
        .collect();
    let failed = failed.join(",");
    let entries: Vec<String> = (0..count)
        .map(|number| {
            format!(
                "{{\"id\":\"{number:032x}\",\"labels\":{{\"hostname\":\"host\",\"path\":\"/home/user\",\
                 \"type\":\"snapshot\",\"username\":\"user\"}},\"modified\":\"2026-11-22T10:58:59.{:09}Z\",\
                 \"data\":{{\"rootEntry\":{{\"obj\":\"k{:032x}\",\"summ\":{{\"numFailed\":10,\"errors\":[{failed}]}}}}}}}}",
                number * 10 + 1,
                number * 104_729,
            )
        })
        .collect();
    format!("{{\"entries\":[{}]}}\n", entries.join(","))
}

#[test]
fn snapshots_with_many_failed_files_are_read_from_a_small_payload() {
    let text = failing_snapshots(5000);
    assert!(text.len() > 28 << 20, "{}", text.len());
    let payload = gzip_container(text.as_bytes());
    assert!(payload.len() < 1 << 20, "{}", payload.len());
    let entries = read_container(&payload).expect("manifests");
    assert_eq!(entries.len(), 5000);
    assert!(encode_container(&entries) == text.as_bytes());
}

#[test]
fn containers_of_nothing_are_refused() {
    let zeros = gzip_container(&vec![b' '; 65 << 20]);
    assert!(matches!(
        read_container(&zeros),
        Err(ContainerError::TooLarge(_))
    ));
    for unit in ["{}", "{\"labels\":{\"a\":\"\"}}"] {
        let text = format!("{{\"entries\":[{}]}}", vec![unit; 1 << 19].join(","));
        assert!(matches!(
            decode_container(text.as_bytes()),
            Err(ContainerError::Crowded)
        ));
    }
}

#[test]
fn a_length_that_compressed_bytes_cannot_have_is_refused_before_room_is_taken() {
    let data = vec![7; 20 << 20];
    let algorithm = CompressionAlgorithm::ZstdFastest;
    let (mut packed, mut out) = (Vec::new(), Vec::new());
    let shorter = Compressors::default()
        .compress(algorithm, &data, &mut packed)
        .expect("compress");
    assert!(shorter);
    decompress(&"x", algorithm.id(), &packed, data.len(), &mut out).expect("the content");
    assert_eq!(out, data);
    decompress_object(&"x", &packed, &mut out).expect("the object");
    assert_eq!(out, data);
    let error = decompress(&"x", algorithm.id(), &packed, 1 << 28, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("cannot hold"), "{error}");
}

#[test]
fn a_schedule_keeps_the_newest_runs_and_the_text_of_figures() {
    let run = |number: usize| {
        format!("{{\"error\":\"{number}\",\"extra\":[{{\"data\":{{\"b\": 1e3}}}}]}}")
    };
    let runs: Vec<String> = (0..200).map(run).collect();
    let text = format!(
        "{{\"runs\":{{\"cleanup-logs\":[{}],\"x\":null}}}}",
        runs.join(",")
    );
    let schedule: Schedule = serde_json::from_str(&text).expect("a schedule");
    let kept = schedule.runs_of(Task::CleanupLogs);
    assert_eq!(
        (kept.len(), kept[0].error.as_str(), kept[49].error.as_str()),
        (50, "0", "49")
    );
    assert_eq!(kept[0].extra[0].data.to_value()["b"], 1000.0);
    let written = serde_json::to_string(&schedule).expect("text");
    assert!(written.contains("{\"b\": 1e3}"), "{written}");
}

struct World {
    repository: Arc<Repository>,
    session: Session,
}

impl World {
    fn new() -> Self {
        let password = SecretString::from("correct horse");
        let options = (CreateOptions::default(), OpenOptions::default());
        let store = Arc::new(MemoryStore::new());
        let repository =
            Repository::create(store, &password, &options.0, &options.1).expect("create");
        let session = repository.session().expect("session");
        Self {
            repository,
            session,
        }
    }

    /// Stores an index with these parts, (start, length, object) each.
    fn index(&self, parts: &[(u64, u64, ObjectId)]) -> ObjectId {
        let entries: Vec<IndirectEntry> = parts
            .iter()
            .map(|(start, length, object)| IndirectEntry {
                start: *start,
                length: *length,
                object: *object,
            })
            .collect();
        let mut writer = self.session.writer();
        let written = writer
            .write(Some(b'x'), &encode_indirect(&entries), None)
            .expect("write");
        writer.finish_packs().expect("finish");
        ObjectId::indirect(written.object()).expect("an indirect object")
    }

    fn damage(&self, id: &ObjectId) -> String {
        self.session.commit_index().expect("commit");
        let errors = [
            self.repository.object_parts(id).map(drop),
            self.repository.object_length(id).map(drop),
        ];
        errors
            .into_iter()
            .map(|result| match result {
                Err(error @ Error::Damaged { .. }) => error.to_string(),
                other => panic!("not damaged: {other:?}"),
            })
            .next()
            .expect("an error")
    }
}

#[test]
fn nested_indexes_with_offsets_beyond_all_numbers_are_damage() {
    let world = World::new();
    let leaf: ObjectId = "aa".parse().expect("id");
    const LAST: u64 = i64::MAX as u64;
    let mut top = world.index(&[(0, LAST, leaf), (LAST, 0, leaf)]);
    for _ in 0..3 {
        top = world.index(&[(0, LAST, leaf), (LAST, 0, top)]);
    }
    let message = world.damage(&top);
    assert!(message.contains("beyond all offsets"), "{message}");
}

#[test]
fn indexes_that_multiply_are_damage() {
    let world = World::new();
    let leaf: ObjectId = "aa".parse().expect("id");
    let mut top = world.index(&[(0, 1, leaf)]);
    let mut length = 1;
    // Ten times as many parts with every level.
    for _ in 0..15 {
        let parts: Vec<_> = (0..10)
            .map(|number| (number * length, length, top))
            .collect();
        top = world.index(&parts);
        length *= 10;
    }
    let message = world.damage(&top);
    assert!(message.contains("twice"), "{message}");
    let contents = world
        .repository
        .for_each_object_content(&top, &mut |_| Ok(()));
    assert!(matches!(contents, Err(Error::Damaged { .. })));
}
