//! Damaged repositories: exactly the files that are affected are named, everything else comes back.

use std::collections::BTreeSet;
use std::sync::Arc;

use holdfast_files::MemoryTree;
use holdfast_repository::ContentInfo;
use holdfast_repository::manifest::{ManifestEdits, labels};
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
