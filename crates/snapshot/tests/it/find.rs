//! Finding files in all snapshots.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_files::MemoryTree;
use holdfast_planning::find::NamePattern;
use holdfast_repository::SourceIdentity;
use holdfast_repository::directory::{DirectoryEntry, EntryKind, SummaryBuilder, encode};
use holdfast_repository::json::UnixNanos;
use holdfast_repository::manifest::ManifestEdits;
use holdfast_repository::object::ObjectId;
use holdfast_repository::snapshot::{SnapshotManifest, save};
use holdfast_snapshot::{Error, FindReport, FindRequest, find};
use holdfast_storage::PutOptions;

use crate::history::History;
use crate::support::{Place, id, identity};

pub(crate) fn request(pattern: &str) -> FindRequest {
    FindRequest::new(NamePattern::parse(pattern, false).expect("a pattern"))
}

/// A version: what tells it from others, and the ids of its snapshots.
pub(crate) type Versions = Vec<(String, Vec<String>)>;

fn mark(entry: &DirectoryEntry) -> String {
    let object = entry.object.map(|object| object.to_string());
    format!(
        "{} {} {} {} {}",
        entry.kind.as_str(),
        entry.mode,
        entry.size,
        entry.mtime,
        object.unwrap_or_default()
    )
}

pub(crate) fn run(
    place: &Place,
    request: &FindRequest,
) -> (BTreeMap<(String, String), Versions>, FindReport) {
    let mut all = BTreeMap::new();
    let mut order = Vec::new();
    let report = find(&place.repo, request, &mut |found| {
        let versions = found.versions.iter().map(|version| {
            let snapshots = version
                .snapshots
                .iter()
                .map(|snapshot| snapshot.id.to_string());
            (mark(&version.entry), snapshots.collect())
        });
        let key = (found.source.to_string(), found.path.to_owned());
        order.push(key.0.clone());
        assert!(
            all.insert(key, versions.collect()).is_none(),
            "each path once"
        );
        Ok(())
    });
    assert!(order.is_sorted(), "one source after the other");
    (all, report.expect("search"))
}

/// The same by walking every tree from its root.
pub(crate) fn brute_force(
    place: &Place,
    request: &FindRequest,
) -> BTreeMap<(String, String), Versions> {
    let mut all: BTreeMap<(String, String), Versions> = BTreeMap::new();
    for snapshot in place.snapshots() {
        let root = snapshot.root_entry.as_ref().expect("a root");
        let walked = place.repo.walk_tree(root, &mut |item| {
            let directory = item.entry.is_directory();
            let size = item.entry.size.unsigned_abs();
            let sized = item.entry.kind == EntryKind::File
                && request.min_size.is_none_or(|least| size >= least)
                && request.max_size.is_none_or(|most| size <= most);
            let meant = item.path != "."
                && (sized || request.min_size.is_none() && request.max_size.is_none())
                && (request.kinds.is_empty() || request.kinds.contains(&item.entry.kind))
                && (request.path.is_empty()
                    || item.path.starts_with(&format!("{}/", request.path)))
                && request.pattern.matches(item.path, directory);
            if meant {
                let key = (snapshot.source.to_string(), item.path.to_owned());
                let versions = all.entry(key).or_default();
                let mark = mark(item.entry);
                match versions.iter_mut().find(|(known, _)| *known == mark) {
                    Some((_, snapshots)) => snapshots.push(snapshot.id.to_string()),
                    None => versions.push((mark, vec![snapshot.id.to_string()])),
                }
            }
            Ok(ControlFlow::Continue(()))
        });
        walked.expect("walk");
    }
    all
}

#[test]
fn random_histories_give_what_brute_force_gives() {
    for seed in 0..4 {
        let place = Place::new();
        let mut history = History::new(seed, 60);
        for round in 0..8 {
            place.snapshot_with(&history.tree(), |request| {
                if round % 3 == 2 {
                    request.sources[0].identity = identity("/other");
                }
            });
            history.step(8);
        }
        let folder = |request: FindRequest| FindRequest {
            path: "dir-1".to_owned(),
            ..request
        };
        let kind = |request: FindRequest, kind| FindRequest {
            kinds: vec![kind],
            ..request
        };
        let sized = |request: FindRequest| FindRequest {
            min_size: Some(50),
            max_size: Some(200),
            ..request
        };
        let mut found = 0;
        for request in [
            request("notes"),
            request("*.txt"),
            request("dir-0/*"),
            request("**/dir-2/*.bin"),
            request("*"),
            request("none-such"),
            folder(request("*")),
            folder(request("*.txt")),
            kind(request("*"), EntryKind::Symlink),
            kind(request("dir"), EntryKind::Directory),
            sized(request("*")),
        ] {
            let expected = brute_force(&place, &request);
            let (all, report) = run(&place, &request);
            assert_eq!(all, expected, "seed {seed} {:?}", request.pattern);
            assert_eq!(report.paths, expected.len() as u64);
            found += expected.len();
        }
        assert!(found > 100, "{found}");
    }
}

#[test]
fn equal_folders_are_read_once() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    for number in 0..30 {
        tree.file(format!("dir-{number}/deep/file"), format!("{number}"));
    }
    for round in 0..5 {
        tree.file("changing", "x".repeat(round));
        place.snapshot(&tree);
    }
    let (all, report) = run(&place, &request("changing"));
    assert_eq!((report.snapshots, report.paths, report.versions), (5, 1, 5));
    assert_eq!(
        report.folders,
        5 + 30 + 30,
        "five roots and each other folder once"
    );
    assert_eq!(all.len(), 1);
    let (_, report) = run(&place, &request("file"));
    assert_eq!((report.paths, report.versions), (30, 30));
}

#[test]
fn sources_can_be_chosen_and_must_exist() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.file("file", b"1");
    place.snapshot(&tree);
    place.snapshot_with(&tree, |request| {
        request.sources[0].identity = SourceIdentity::new("ann", "elsewhere", "/home");
    });
    let of = |source| FindRequest {
        sources: vec![source],
        ..request("file")
    };
    let (all, _) = run(&place, &of(SourceIdentity::new("ann", "elsewhere", "")));
    let sources: Vec<&String> = all.keys().map(|(source, _)| source).collect();
    assert_eq!(sources, ["ann@elsewhere:/home"]);
    assert_eq!(run(&place, &request("file")).0.len(), 2);
    let unknown = find(&place.repo, &of(identity("/none")), &mut |_| Ok(()));
    assert!(
        matches!(unknown, Err(Error::SnapshotNotFound(_))),
        "{unknown:?}"
    );
}

#[test]
fn a_damaged_folder_is_named_and_the_rest_found() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.file("docs/file", b"1").file("other/file", b"2");
    let id = id(&place.snapshot(&tree));
    let docs = holdfast_snapshot::locate(&place.repo, &id, "docs").expect("find");
    let object = docs.entry.object.expect("an object");
    let info = place.repo.content_info(&object.content()).expect("look up");
    let info = info.expect("it is there");
    let mut pack = place.store.get(&info.pack).expect("read").to_vec();
    pack[info.offset as usize + 20] ^= 1;
    place
        .store
        .put(&info.pack, pack.into(), &PutOptions::default())
        .expect("write");
    let place = Place::open(Arc::clone(&place.store));
    let (all, report) = run(&place, &request("file"));
    let paths: Vec<&String> = all.keys().map(|(_, path)| path).collect();
    assert_eq!(paths, ["other/file"]);
    assert_eq!(
        report.unreadable.keys().collect::<Vec<_>>(),
        [&object.to_string()]
    );
}

/// One snapshot of so many files, a thousand to a folder, made without reading any.
pub(crate) fn many(files: u64) -> Place {
    const FOLDER: u64 = 1000;
    let place = Place::new();
    let session = place.repo.session().expect("a session");
    let mut writer = session.writer();
    let data = writer
        .write(None, b"the same for all", None)
        .expect("write");
    let data = ObjectId::direct(data.id);
    let mut folder = |name: String, entries: &[DirectoryEntry]| {
        let mut summary = SummaryBuilder::new();
        entries.iter().for_each(|entry| summary.add(entry));
        let summary = summary.finish(UnixNanos::EPOCH, "");
        let stream = encode(entries, &summary, None);
        let written = writer.write(Some(b'k'), &stream, None).expect("write");
        let mut entry = DirectoryEntry::new(name, EntryKind::Directory);
        entry.object = Some(ObjectId::direct(written.id));
        entry.summary = Some(Box::new(summary));
        entry
    };
    let folders: Vec<DirectoryEntry> = (0..files / FOLDER)
        .map(|number| {
            let entries: Vec<DirectoryEntry> = (0..FOLDER)
                .map(|file| {
                    let name = format!("file-{number:05}-{file:03}.txt");
                    let mut entry = DirectoryEntry::new(name, EntryKind::File);
                    entry.size = 16;
                    entry.mtime = UnixNanos(1_700_000_000_000_000_000 + file as i64);
                    entry.object = Some(data);
                    entry
                })
                .collect();
            folder(format!("folder-{number:05}"), &entries)
        })
        .collect();
    let root = folder("data".to_owned(), &folders);
    let manifest = SnapshotManifest {
        source: identity("/data"),
        root_entry: Some(root),
        ..SnapshotManifest::default()
    };
    let mut edits = ManifestEdits::new(Arc::clone(place.repo.clock()));
    save(&mut edits, &manifest).expect("save");
    edits.write(&mut writer).expect("write");
    writer.finish_packs().expect("store");
    drop(writer);
    session.close().expect("close");
    place
}

#[test]
fn many_files_are_searched_fast() {
    let files = if holdfast_testkit::soak() {
        1_000_000
    } else {
        100_000
    };
    let place = many(files);
    let began = Instant::now();
    let (all, report) = run(&place, &request("file-00042-007.txt"));
    let took = began.elapsed();
    println!("{files} files: {took:?}");
    assert_eq!(report.entries, files + files / 1000);
    let (_, path) = all.keys().next().expect("it is found");
    assert_eq!(path, "folder-00042/file-00042-007.txt");
    assert_eq!(all.len(), 1);
    // Ten times what a million may take.
    assert!(took < Duration::from_secs(10), "{took:?}");
}
