//! Damaged repositories: exactly the files that are affected are named, everything else comes back.

use std::collections::BTreeSet;
use std::sync::Arc;

use holdfast_files::MemoryTree;
use holdfast_repository::ContentInfo;
use holdfast_repository::directory::{DirectoryEntry, EntryKind, SummaryBuilder, encode};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::manifest::{ManifestEdits, labels};
use holdfast_repository::object::{IndirectEntry, ObjectId, encode_indirect};
use holdfast_repository::snapshot::SnapshotManifest;
use holdfast_snapshot::{
    Error, ProblemCode, RestoreRequest, VerifyReport, VerifyRequest, read_file, restore, verify,
};
use holdfast_storage::{BlobId, PutOptions};

use crate::support::{Place, id, random};

struct Scene {
    place: Place,
    id: String,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let mut tree = MemoryTree::new("data");
        for number in 0..20 {
            tree.file(
                format!("dir-{}/file-{number}", number % 3),
                random(number, 3000),
            );
        }
        tree.file("large", random(100, 9 << 20))
            .file("copy", random(3, 3000))
            .symlink("link", "large");
        let id = id(&place.snapshot(&tree));
        Self { place, id }
    }

    /// The contents of a file, in order.
    fn contents(&self, path: &str) -> Vec<ContentInfo> {
        let located = holdfast_snapshot::locate(&self.place.repo, &self.id, path).expect("find");
        let parts = self
            .place
            .repo
            .object_parts(&located.entry.object.expect("an object"))
            .expect("parts");
        parts
            .iter()
            .map(|part| {
                self.place
                    .repo
                    .content_info(&part.content)
                    .expect("look up")
                    .expect("it exists")
            })
            .collect()
    }

    /// Flips one bit of a pack.
    fn flip(&self, pack: &BlobId, offset: usize) {
        let mut bytes = self.place.store.get(pack).expect("read the pack").to_vec();
        bytes[offset] ^= 0x10;
        self.place
            .store
            .put(pack, bytes.into(), &PutOptions::default())
            .expect("write the pack");
    }

    fn verify(&self, read_data: bool) -> VerifyReport {
        let place = Place::open(Arc::clone(&self.place.store));
        verify(&place.repo, &VerifyRequest::new(Vec::new(), read_data)).expect("verify")
    }

    fn damaged(&self, read_data: bool) -> BTreeSet<String> {
        self.verify(read_data)
            .damaged
            .into_iter()
            .map(|damaged| damaged.path)
            .collect()
    }
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

#[test]
fn a_sound_repository_verifies() {
    let scene = Scene::new();
    for read_data in [false, true] {
        let report = scene.verify(read_data);
        assert_eq!(report.damaged, []);
        assert_eq!(
            (report.snapshots, report.directories, report.files),
            (1, 4, 22)
        );
        assert_eq!(report.bytes_read > 9 << 20, read_data, "{report:?}");
    }
}

#[test]
fn a_flipped_byte_names_the_files_that_have_it() {
    let scene = Scene::new();
    let info = scene.contents("dir-0/file-3").remove(0);
    scene.flip(&info.pack, info.offset as usize + 100);
    assert_eq!(scene.damaged(true), set(&["dir-0/file-3", "copy"]));
    assert_eq!(
        scene.damaged(false),
        set(&[]),
        "without reading nothing is seen"
    );
}

#[test]
fn a_flipped_byte_in_one_chunk_names_the_large_file() {
    let scene = Scene::new();
    let contents = scene.contents("large");
    assert!(contents.len() > 1);
    let info = contents.last().expect("a chunk");
    scene.flip(&info.pack, (info.offset + info.packed_length) as usize - 1);
    assert_eq!(scene.damaged(true), set(&["large"]));
}

#[test]
fn a_damaged_folder_is_named_itself() {
    let scene = Scene::new();
    let info = scene.contents("dir-1").remove(0);
    scene.flip(&info.pack, info.offset as usize + 20);
    for read_data in [false, true] {
        assert_eq!(scene.damaged(read_data), set(&["dir-1"]));
    }
    let disk = tempfile::tempdir().expect("a temporary directory");
    let place = Place::open(Arc::clone(&scene.place.store));
    let report = restore(
        &place.repo,
        &RestoreRequest::new(&scene.id, "", disk.path()),
    )
    .expect("restore");
    let named: Vec<_> = report
        .problems
        .iter()
        .map(|p| (p.path.as_str(), p.code))
        .collect();
    assert!(
        named.contains(&("dir-1", ProblemCode::Damaged)),
        "{named:?}"
    );
    assert!(disk.path().join("dir-0/file-3").exists() && disk.path().join("large").exists());
}

#[test]
fn a_missing_pack_is_seen_without_reading() {
    let scene = Scene::new();
    let info = scene.contents("dir-0/file-3").remove(0);
    scene.place.store.delete(&info.pack).expect("delete");
    let seen = scene.damaged(false);
    assert!(
        seen.contains("dir-0/file-3") && seen.contains("copy"),
        "{seen:?}"
    );
    assert_eq!(scene.damaged(true), seen);
}

#[test]
fn a_shortened_pack_is_seen_without_reading() {
    let scene = Scene::new();
    let info = scene.contents("dir-0/file-3").remove(0);
    let mut bytes = scene.place.store.get(&info.pack).expect("read").to_vec();
    bytes.truncate(info.offset as usize + 10);
    scene
        .place
        .store
        .put(&info.pack, bytes.into(), &PutOptions::default())
        .expect("write");
    assert!(scene.damaged(false).contains("dir-0/file-3"));
    assert_eq!(scene.damaged(true), scene.damaged(false));
}

#[test]
fn a_restore_names_what_is_damaged_and_writes_the_rest() {
    let scene = Scene::new();
    let small = scene.contents("dir-0/file-3").remove(0);
    scene.flip(&small.pack, small.offset as usize);
    let chunk = scene.contents("large").remove(1);
    scene.flip(&chunk.pack, chunk.offset as usize + 7);
    let disk = tempfile::tempdir().expect("a temporary directory");
    let place = Place::open(Arc::clone(&scene.place.store));
    let report = restore(
        &place.repo,
        &RestoreRequest::new(&scene.id, "", disk.path()),
    )
    .expect("restore");
    let named: BTreeSet<_> = report
        .problems
        .iter()
        .filter(|p| p.code == ProblemCode::Damaged)
        .map(|p| p.path.clone())
        .collect();
    assert_eq!(named, set(&["copy", "dir-0/file-3", "large"]));
    assert_eq!(report.errors(), 3);
    for path in ["copy", "dir-0/file-3", "large"] {
        assert!(
            !disk.path().join(path).exists(),
            "{path} is not left half-written"
        );
    }
    for number in (0..20u64).filter(|number| *number != 3) {
        let path = format!("dir-{}/file-{number}", number % 3);
        assert_eq!(
            std::fs::read(disk.path().join(path)).expect("it is there"),
            random(number, 3000)
        );
    }
}

/// Stores what is given as an object with this prefix.
pub(crate) fn store(place: &Place, prefix: Option<u8>, bytes: &[u8]) -> ObjectId {
    let session = place.repo.session().expect("a session");
    let mut writer = session.writer();
    let written = writer.write(prefix, bytes, None).expect("write");
    writer.finish_packs().expect("store");
    drop(writer);
    session.close().expect("close");
    ObjectId::direct(written.id)
}

/// Saves a snapshot of a directory with these entries.
pub(crate) fn save(place: &Place, entries: &[DirectoryEntry]) -> String {
    let mut summary = SummaryBuilder::new();
    entries.iter().for_each(|entry| summary.add(entry));
    let summary = summary.finish(UnixNanos::EPOCH, "");
    let mut root = DirectoryEntry::new("root", EntryKind::Directory);
    root.object = Some(store(place, Some(b'k'), &encode(entries, &summary, None)));
    root.summary = Some(Box::new(summary));
    let manifest = SnapshotManifest {
        source: crate::support::identity("/made"),
        root_entry: Some(root),
        ..SnapshotManifest::default()
    };
    let mut edits = ManifestEdits::new(Arc::clone(place.repo.clock()));
    let id = holdfast_repository::snapshot::save(&mut edits, &manifest).expect("a manifest");
    edits.publish(&place.repo).expect("publish");
    id.to_string()
}

#[test]
fn entries_without_data_are_damaged() {
    let place = Place::new();
    let mut whole = DirectoryEntry::new("whole", EntryKind::File);
    whole.object = Some(store(&place, None, b"12345"));
    whole.size = 5;
    let mut inner = DirectoryEntry::new("inner", EntryKind::Directory);
    let entries = [DirectoryEntry::new("lost", EntryKind::File)];
    inner.object = Some(store(
        &place,
        Some(b'k'),
        &encode(
            &entries,
            &SummaryBuilder::new().finish(UnixNanos::EPOCH, ""),
            None,
        ),
    ));
    let entries = [
        inner,
        DirectoryEntry::new("lost-dir", EntryKind::Directory),
        DirectoryEntry::new("link", EntryKind::Symlink),
        DirectoryEntry::new("odd", EntryKind::Other("x".into())),
        whole,
    ];
    save(&place, &entries);
    for read_data in [false, true] {
        let report =
            verify(&place.repo, &VerifyRequest::new(Vec::new(), read_data)).expect("verify");
        let named: BTreeSet<_> = report.damaged.into_iter().map(|file| file.path).collect();
        assert_eq!(named, set(&["inner/lost", "lost-dir", "link"]));
    }
}

#[test]
fn gaps_in_long_files_are_damage_and_never_zeros() {
    let place = Place::new();
    let parts = [
        store(&place, None, b"first"),
        store(&place, None, b"second"),
    ];
    let index = |spans: [(u64, u64); 2]| {
        let entry = |number: usize| IndirectEntry {
            start: spans[number].0,
            length: spans[number].1,
            object: parts[number],
        };
        let index = store(&place, Some(b'x'), &encode_indirect(&[entry(0), entry(1)]));
        format!("I{index}").parse::<ObjectId>().expect("an id")
    };
    let file = |name: &str, object: ObjectId| {
        let mut file = DirectoryEntry::new(name, EntryKind::File);
        (file.object, file.size) = (Some(object), 11);
        file
    };
    let whole = index([(0, 5), (5, 6)]);
    let outer = |spans: [(u64, u64); 2]| {
        let entries = spans.map(|(start, length)| IndirectEntry {
            start,
            length,
            object: whole,
        });
        let index = store(&place, Some(b'x'), &encode_indirect(&entries));
        format!("I{index}").parse::<ObjectId>().expect("an id")
    };
    let id = save(
        &place,
        &[
            file("gap", index([(0, 5), (7, 6)])),
            file("late", index([(3, 5), (8, 6)])),
            file("nested", outer([(0, 11), (11, 11)])),
            file("nested-gap", outer([(0, 12), (12, 11)])),
            file("overlap", index([(0, 5), (3, 6)])),
            file("short", index([(0, 5), (5, 9)])),
            file("whole", whole),
        ],
    );
    let broken = ["gap", "late", "nested-gap", "overlap", "short"];
    let report = verify(&place.repo, &VerifyRequest::new(Vec::new(), false)).expect("verify");
    let named: BTreeSet<_> = report.damaged.into_iter().map(|file| file.path).collect();
    assert_eq!(named, set(&broken));

    let disk = tempfile::tempdir().expect("a temporary directory");
    let report = restore(&place.repo, &RestoreRequest::new(&id, "", disk.path())).expect("restore");
    let named: BTreeSet<_> = report.problems.into_iter().map(|p| p.path).collect();
    assert_eq!(named, set(&broken));
    let read = |name| std::fs::read(disk.path().join(name)).expect(name);
    assert_eq!(read("whole"), b"firstsecond");
    assert_eq!(read("nested"), b"firstsecondfirstsecond");
    for name in broken {
        assert!(!disk.path().join(name).exists(), "{name}");
        let mut out = Vec::new();
        read_file(&place.repo, &id, name, &mut out, &Default::default()).expect_err(name);
    }
}

#[test]
fn reading_a_damaged_file_fails_with_its_content() {
    let scene = Scene::new();
    let info = scene.contents("dir-0/file-3").remove(0);
    scene.flip(&info.pack, info.offset as usize + 5);
    let place = Place::open(Arc::clone(&scene.place.store));
    let error = read_file(
        &place.repo,
        &scene.id,
        "copy",
        &mut Vec::new(),
        &Default::default(),
    )
    .expect_err("damaged");
    assert!(matches!(error, Error::Repository(_)), "{error}");
    assert!(error.to_string().contains(&info.id.to_string()), "{error}");
}

#[test]
fn a_snapshot_whose_manifest_cannot_be_read_is_damaged() {
    let scene = Scene::new();
    let place = &scene.place;
    let mut edits = ManifestEdits::new(Arc::clone(place.repo.clock()));
    let of_snapshots = labels([
        ("type", "snapshot"),
        ("hostname", "host"),
        ("username", "user"),
        ("path", "/data"),
    ]);
    let payload = serde_json::json!({"rootEntry": 5});
    let broken = edits.put(of_snapshots, &payload).expect("a manifest");
    edits.publish(&place.repo).expect("publish");
    let report = verify(&place.repo, &VerifyRequest::new(Vec::new(), false)).expect("verify");
    let damaged: Vec<_> = report.damaged.iter().map(|file| &file.snapshot).collect();
    assert_eq!(damaged, [&broken.to_string()]);
    assert_eq!(report.snapshots, 1);
}
