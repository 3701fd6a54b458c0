//! Repositories that this program writes: read back, changed, and checked strictly.

use std::sync::Arc;

use holdfast_repository::check::{CheckOptions, check};
use holdfast_repository::directory::{
    DirectoryEntry, EntryKind, Extras, SummaryBuilder, encode, stored_names,
};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::manifest::{ManifestEdits, ManifestId};
use holdfast_repository::object::{ObjectOptions, ObjectWriter, write_object};
use holdfast_repository::policy::{self, Policy};
use holdfast_repository::snapshot::{self, COMPANION_TAG, SnapshotManifest};
use holdfast_repository::{
    CompressionAlgorithm, CreateOptions, ObjectId, OpenOptions, Repository, Session, SourceIdentity,
};
use holdfast_storage::{BlobStore, MemoryStore};
use secrecy::SecretString;

fn password() -> SecretString {
    SecretString::from("correct horse")
}

fn create() -> (Arc<dyn BlobStore>, Arc<Repository>) {
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let repository = Repository::create(
        store.clone(),
        &password(),
        &CreateOptions::default(),
        &OpenOptions::default(),
    )
    .expect("create");
    (store, repository)
}

fn reopen(store: &Arc<dyn BlobStore>) -> Arc<Repository> {
    Repository::open(store.clone(), &password(), &OpenOptions::default()).expect("open")
}

fn assert_clean(repository: &Arc<Repository>) {
    let options = CheckOptions {
        strict: true,
        read_data: true,
        ..CheckOptions::default()
    };
    let report = check(repository, &options).expect("check");
    assert!(report.is_clean(), "{:#?}", report.problems);
}

fn source() -> SourceIdentity {
    SourceIdentity::new("u", "h", "/data")
}

/// Bytes that look random and do not compress.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(length)
    .collect()
}

/// Writes a snapshot of one directory with the given files and returns its root.
pub(crate) fn write_snapshot(
    session: &Session,
    files: &[(&[u8], Vec<u8>)],
    start: i64,
) -> (SnapshotManifest, ObjectId) {
    let repository = session.repository();
    let splitter = repository.splitter("").expect("splitter");
    let metadata = Some(CompressionAlgorithm::ZstdFastest);
    let mut writer = session.writer();
    let names: Vec<&[u8]> = files.iter().map(|(name, _)| *name).collect();
    let mut entries = Vec::new();
    for ((raw, data), text) in files.iter().zip(stored_names(&names)) {
        let mut object = ObjectWriter::new(
            &mut writer,
            ObjectOptions::data(splitter.clone(), None, metadata),
        );
        object.append(data).expect("append");
        let mut entry = DirectoryEntry::new(text.clone(), EntryKind::File);
        entry.size = object.length() as i64;
        entry.mtime = UnixNanos(1_700_000_000_123_456_789);
        entry.object = Some(object.finish().expect("finish"));
        if *raw != text.as_bytes() {
            entry.extras = Some(Box::new(Extras::with_raw_name(raw)));
        }
        entries.push(entry);
    }
    entries.sort_by(DirectoryEntry::stream_order);
    let mut builder = SummaryBuilder::new();
    entries.iter().for_each(|entry| builder.add(entry));
    let summary = builder.finish(UnixNanos(5), "");
    let stream = encode(&entries, &summary, None);
    let root = write_object(
        &mut writer,
        &stream,
        &ObjectOptions::directory(splitter, metadata),
    )
    .expect("directory");
    writer.finish_packs().expect("finish packs");
    let mut entry = DirectoryEntry::new("data", EntryKind::Directory);
    entry.object = Some(root);
    entry.summary = Some(Box::new(summary));
    let manifest = SnapshotManifest {
        source: source(),
        start_time: UnixNanos(start),
        end_time: UnixNanos(start + 1),
        root_entry: Some(entry),
        ..SnapshotManifest::default()
    };
    (manifest, root)
}

pub(crate) fn save(session: Session, snapshots: &[SnapshotManifest]) -> Vec<ManifestId> {
    let mut edits = ManifestEdits::new(session.repository().clock().clone());
    let ids = snapshots
        .iter()
        .map(|item| snapshot::save(&mut edits, item).expect("save"))
        .collect();
    let mut writer = session.writer();
    edits.write(&mut writer).expect("write");
    writer.finish_packs().expect("finish packs");
    session.close().expect("close");
    ids
}

#[test]
fn a_new_repository_has_its_first_manifests() {
    let (store, repository) = create();
    assert_clean(&repository);
    let manifests = reopen(&store).manifests().expect("manifests");
    assert_eq!(manifests.len(), 2);
    let stored = policy::defined(&manifests, &SourceIdentity::default()).expect("read");
    assert_eq!(stored, Some(policy::default_policy()));
    assert!(
        store.list_all("s").expect("list").is_empty(),
        "a session marker is left"
    );
}

// Requirements: ENG-KOPIA-20
#[test]
fn a_snapshot_is_read_back_from_another_view() {
    let (store, repository) = create();
    let big = noise(21 << 20, 7);
    let files: Vec<(&[u8], Vec<u8>)> = vec![
        (b"big", big.clone()),
        (b"empty", Vec::new()),
        (b"raw-\xff", b"one".to_vec()),
        (b"raw-\xfe", b"two".to_vec()),
    ];
    let session = repository.session().expect("session");
    let (manifest, root) = write_snapshot(&session, &files, 1_700_000_000_000_000_000);
    let ids = save(session, &[manifest]);

    let other = reopen(&store);
    assert_clean(&other);
    let listed = snapshot::list(&other.manifests().expect("manifests"), Some(&source()));
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].id, ids[0]);
    let directory = other.read_directory(&root).expect("directory");
    for (raw, data) in &files {
        let entry = directory
            .entries
            .iter()
            .find(|entry| entry.file_name() == *raw)
            .expect("entry");
        let read = other
            .read_object(&entry.object.expect("object"))
            .expect("read");
        assert!(read == *data, "{:?} differs", entry.name_text());
    }
    // Several readers of one object at the same time, each at its own place.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| reads_at_any_position(&other, &directory.entries[0], &big));
        }
    });
}

fn reads_at_any_position(repository: &Arc<Repository>, entry: &DirectoryEntry, expected: &[u8]) {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut reader = repository
        .object_reader(&entry.object.expect("object"))
        .expect("reader");
    assert_eq!(reader.length(), expected.len() as u64);
    let mut buffer = vec![0; 70_000];
    for position in [0, 1, 4 << 20, (8 << 20) - 5, expected.len() - 70_000] {
        reader.seek(SeekFrom::Start(position as u64)).expect("seek");
        reader.read_exact(&mut buffer).expect("read");
        assert!(
            buffer == expected[position..position + buffer.len()],
            "at {position}"
        );
    }
    reader.seek(SeekFrom::End(10)).expect("seek");
    assert_eq!(reader.read(&mut buffer).expect("read"), 0);
}

#[test]
fn nothing_is_visible_before_the_manifest_is_published() {
    let (store, repository) = create();
    let session = repository.session().expect("session");
    let (manifest, _) = write_snapshot(&session, &[(b"f", noise(1000, 3))], 5);
    session.commit_index().expect("commit");
    assert!(snapshot::list(&reopen(&store).manifests().expect("manifests"), None).is_empty());
    save(session, &[manifest]);
    assert_eq!(
        snapshot::list(&reopen(&store).manifests().expect("manifests"), None).len(),
        1
    );
}

#[test]
fn deleting_the_last_snapshot_of_a_root_deletes_its_companion() {
    let (_, repository) = create();
    let session = repository.session().expect("session");
    let (first, root) = write_snapshot(&session, &[(b"f", noise(1000, 3))], 5);
    let second = SnapshotManifest {
        start_time: UnixNanos(9),
        end_time: UnixNanos(9),
        ..first.clone()
    };
    let mut companion = first.clone();
    companion.source.path = "/holdfast/metadata/1".to_owned();
    companion
        .tags
        .insert(COMPANION_TAG.to_owned(), root.to_string());
    companion.root_entry.as_mut().expect("root").name = b"x".to_vec();
    // A companion has a root of its own in practice; it must not count as a user of the root either way.
    let ids = save(session, &[first, second, companion]);

    let count = || snapshot::list(&repository.manifests().expect("manifests"), None).len();
    for (id, left) in [(&ids[0], 2), (&ids[1], 0)] {
        let manifests = repository.manifests().expect("manifests");
        let mut edits = ManifestEdits::new(repository.clock().clone());
        assert_eq!(
            snapshot::delete(&mut edits, &manifests, std::slice::from_ref(id)).expect("delete"),
            1
        );
        edits.publish(&repository).expect("publish");
        assert_eq!(count(), left);
    }
    assert_clean(&repository);
}

#[test]
fn a_policy_replaces_the_one_before_it() {
    let (store, repository) = create();
    let set = |latest: i64| {
        let manifests = repository.manifests().expect("manifests");
        let mut edits = ManifestEdits::new(repository.clock().clone());
        let mut policy = Policy::default();
        policy.retention.keep_latest = Some(latest);
        policy::set(&mut edits, &manifests, &source(), &policy).expect("set");
        edits.publish(&repository).expect("publish");
    };
    set(3);
    set(4);
    let manifests = reopen(&store).manifests().expect("manifests");
    assert_eq!(manifests.len(), 3);
    let effective = policy::effective_policy(&manifests, &source()).expect("effective");
    assert_eq!(effective.retention.keep_latest, Some(4));
    assert_eq!(effective.retention.keep_daily, Some(7));
    let manual = Policy {
        scheduling: policy::Scheduling {
            manual: true,
            run_missed: Some(true),
            ..Default::default()
        },
        ..Policy::default()
    };
    let mut edits = ManifestEdits::new(repository.clock().clone());
    assert!(policy::set(&mut edits, &manifests, &source(), &manual).is_err());
}
