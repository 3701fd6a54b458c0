//! The search index gives what a walk through the snapshots gives, whatever happened to it and to them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_files::MemoryTree;
use holdfast_repository::directory::{DirectoryEntry, EntryKind};
use holdfast_repository::format::{FormatBlob, FormatKey};
use holdfast_repository::manifest::{ManifestEdits, ManifestId};
use holdfast_repository::snapshot::{SnapshotManifest, save};
use holdfast_repository::{CreateOptions, OpenOptions, Repository, SourceIdentity};
use holdfast_snapshot::{FindReport, FindRequest, change_pins, delete};
use holdfast_storage::{BlobId, BlobStore, MemoryStore, PutOptions};
use holdfast_testkit::tree::random_bytes;

use crate::find::{Versions, brute_force, many, request, run};
use crate::history::History;
use crate::support::{Dice, Place, identity, password};

type All = BTreeMap<(String, String), Versions>;

/// A repository and the cache of a machine that uses it.
struct Machine {
    store: Arc<dyn BlobStore>,
    /// Derived once, because that takes long.
    key: FormatKey,
    cache: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
        let options = OpenOptions::default();
        let create = CreateOptions::default();
        Repository::initialize(Arc::clone(&store), &password(), &create, &options)
            .expect("create a repository");
        Self::of(store)
    }

    fn of(store: Arc<dyn BlobStore>) -> Self {
        let format = store.get(&BlobId::new("kopia.repository").expect("a name"));
        let format = FormatBlob::parse(&format.expect("read")).expect("a format blob");
        Self {
            store,
            key: format.derive_key(&password()).expect("derive"),
            cache: tempfile::tempdir().expect("a folder for the cache"),
        }
    }

    /// The repository as the next process opens it.
    fn open(&self) -> Place {
        let options = OpenOptions {
            cache_dir: Some(self.cache.path().join("cache")),
            cache_min_length: 4 << 20,
            user: "user".to_owned(),
            host: "host".to_owned(),
            ..OpenOptions::default()
        };
        let store = Arc::clone(&self.store);
        let repo = Repository::open_with_key(Arc::clone(&store), &self.key, &options);
        Place {
            store,
            repo: repo.expect("open the repository"),
        }
    }

    /// The files of the index.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut open = vec![self.cache.path().to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).expect("list").flatten() {
                match entry.path() {
                    path if path.is_dir() => open.push(path),
                    path if path.extension().is_some_and(|end| end == "find") => files.push(path),
                    _ => {}
                }
            }
        }
        files.sort();
        files
    }

    fn find(&self, pattern: &str) -> (All, FindReport) {
        run(&self.open(), &request(pattern))
    }
}

fn without_index(request: &FindRequest) -> FindRequest {
    FindRequest {
        index: false,
        ..request.clone()
    }
}

/// A tree of few names in which files, links and folders take the place of each other.
struct Restless(BTreeMap<String, char>);

impl Restless {
    /// Names of which some are the beginning of others, with characters before and behind `/` in the alphabet.
    const NAMES: [&'static str; 6] = ["a", "a-", "a.b", "ab", "b", "\u{1}"];

    fn step(&mut self, dice: &mut Dice) {
        for _ in 0..dice.below(6) {
            let depth = 1 + dice.below(3);
            let names: Vec<&str> = (0..depth).map(|_| *dice.of(&Self::NAMES)).collect();
            let path = names.join("/");
            let below = format!("{path}/");
            self.0
                .retain(|other, _| *other != path && !other.starts_with(&below));
            for end in 1..depth {
                let above = names[..end].join("/");
                if self.0.get(&above).is_some_and(|kind| *kind != 'd') {
                    self.0.remove(&above);
                }
            }
            let kind = *dice.of(&['f', 'g', 'h', 'l', 'd', '-']);
            if kind != '-' {
                self.0.insert(path, kind);
            }
        }
    }

    fn tree(&self) -> MemoryTree {
        let mut tree = MemoryTree::new("data");
        for (path, kind) in &self.0 {
            match kind {
                'd' => tree.directory(path),
                'l' => tree.symlink(path, "target"),
                kind => tree.file(path, kind.to_string()),
            };
            tree.metadata(path, |metadata| {
                metadata.modified = i64::from(*kind as u32);
                metadata.changed = metadata.modified;
            });
        }
        tree
    }
}

/// What may happen to the files of the index between two searches.
fn disturb(machine: &Machine, dice: &mut Dice, kept: &mut Vec<(PathBuf, Vec<u8>)>) {
    let files = machine.files();
    let Some(file) = (!files.is_empty()).then(|| dice.of(&files)) else {
        return;
    };
    let mut bytes = std::fs::read(file).expect("read");
    match dice.below(10) {
        0 => std::fs::remove_file(file).expect("remove"),
        1 => {
            bytes.truncate(dice.below(bytes.len()));
            std::fs::write(file, bytes).expect("write");
        }
        2 | 3 => {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
            std::fs::write(file, bytes).expect("write");
        }
        // What another source, or an earlier day, had.
        4 => drop(std::fs::copy(dice.of(&files), file).expect("copy")),
        5 => kept.push((file.clone(), bytes)),
        6 if !kept.is_empty() => {
            let (file, bytes) = dice.of(kept).clone();
            std::fs::write(file, bytes).expect("write");
        }
        _ => {}
    }
}

fn requests(dice: &mut Dice) -> Vec<FindRequest> {
    let pattern: &str = ["a", "*.txt", "b*", "none-such"][dice.below(4)];
    let mut requests = vec![request("*"), request(pattern)];
    let more = match dice.below(6) {
        0 => request("a/*"),
        1 => request("**/a/*.b"),
        2 => FindRequest {
            path: dice
                .of(&["a", "dir-1", "a/b", "/a/a-/", "none"])
                .trim_matches('/')
                .to_owned(),
            ..request("*")
        },
        3 => FindRequest {
            kinds: vec![
                dice.of(&[EntryKind::File, EntryKind::Directory, EntryKind::Symlink])
                    .clone(),
            ],
            ..request("*")
        },
        4 => FindRequest {
            min_size: Some(1),
            max_size: Some(150),
            ..request("*")
        },
        _ => FindRequest {
            sources: vec![identity("/data")],
            ..request("o")
        },
    };
    requests.push(more);
    requests
}

fn history(seed: u64) -> usize {
    let machine = Machine::new();
    let mut dice = Dice::new(seed);
    let mut restless = Restless(BTreeMap::new());
    let mut history = History::new(seed, 40);
    let mut kept = Vec::new();
    let mut found = 0;
    for round in 0..12 {
        let place = machine.open();
        for _ in 0..1 + dice.below(2) {
            match dice.below(3) {
                0 => {
                    history.step(6);
                    place.snapshot_with(&history.tree(), |request| {
                        request.sources[0].identity = identity("/other");
                    });
                }
                1 => drop(place.snapshot(&restless.tree())),
                _ => {
                    restless.step(&mut dice);
                    place.snapshot(&restless.tree());
                }
            }
        }
        if dice.below(3) == 0 {
            let snapshots = machine.open().snapshots();
            let gone: Vec<ManifestId> = (0..1 + dice.below(3))
                .map(|_| dice.of(&snapshots).id.clone())
                .collect();
            let gone: std::collections::BTreeSet<_> = gone.into_iter().collect();
            let place = machine.open();
            delete(&place.repo, &gone.into_iter().collect::<Vec<_>>()).expect("delete");
        }
        let place = machine.open();
        for mut request in requests(&mut dice) {
            disturb(&machine, &mut dice, &mut kept);
            let sources = &mut request.sources;
            sources.retain(|source| {
                place
                    .snapshots()
                    .iter()
                    .any(|snapshot| snapshot.source == *source)
            });
            let (all, report) = run(&place, &request);
            let of_sources = |(source, _): &(&(String, String), &Versions)| {
                request.sources.is_empty()
                    || request
                        .sources
                        .iter()
                        .any(|one| one.to_string() == source.0)
            };
            let expected = brute_force(&place, &request);
            let expected: All = expected
                .iter()
                .filter(of_sources)
                .map(|(key, versions)| (key.clone(), versions.clone()))
                .collect();
            assert_eq!(all, expected, "seed {seed}, round {round}: {request:?}");
            let (walked, by_walk) = run(&place, &without_index(&request));
            assert_eq!(all, walked, "seed {seed}, round {round}");
            assert_eq!(
                (
                    report.snapshots,
                    report.paths,
                    report.versions,
                    report.unreadable.len()
                ),
                (by_walk.snapshots, by_walk.paths, by_walk.versions, 0)
            );
            let progress = &request.progress;
            assert_eq!(progress.points(), report.snapshots);
            found += all.len();
        }
    }
    found
}

#[test]
fn random_histories_give_what_brute_force_gives() {
    let seeds = if holdfast_testkit::soak() { 100 } else { 3 };
    let found: usize = (0..seeds).map(history).sum();
    assert!(found > 300, "{found}");
}

#[test]
fn a_new_point_is_read_only_where_it_differs() {
    let machine = Machine::new();
    let mut tree = MemoryTree::new("data");
    for number in 0..30 {
        tree.file(format!("dir-{number}/deep/file"), format!("{number}"));
    }
    machine.open().snapshot(&tree);
    let (all, report) = machine.find("file");
    assert_eq!((all.len(), report.folders), (30, 61));
    assert_eq!(machine.find("file").1.folders, 0);
    tree.file("dir-7/deep/file", "changed");
    machine.open().snapshot(&tree);
    let (all, report) = machine.find("file");
    assert_eq!((report.folders, report.versions), (3, 31));
    assert_eq!(all.len(), 30);
    // The same again is the same point, and so is one that got a pin, which makes it a new manifest.
    let place = machine.open();
    place.snapshot(&tree);
    let first = machine.open().snapshots()[0].id.to_string();
    let pins = ["kept".to_owned()];
    change_pins(&machine.open().repo, &[first], &pins, &[]).expect("pin");
    let (_, report) = machine.find("file");
    assert_eq!((report.snapshots, report.folders), (3, 0));
    // The folders of the point before are known also when it is gone.
    let place = machine.open();
    let all: Vec<ManifestId> = place
        .snapshots()
        .into_iter()
        .map(|snapshot| snapshot.id)
        .collect();
    tree.file("dir-8/deep/file", "changed");
    place.snapshot(&tree);
    delete(&machine.open().repo, &all).expect("delete");
    let (_, report) = machine.find("file");
    assert_eq!(
        (report.snapshots, report.folders, report.versions),
        (1, 3, 30)
    );
}

#[test]
fn a_folder_that_could_not_be_read_is_named_until_it_can_be() {
    let machine = Machine::new();
    let place = machine.open();
    let mut tree = MemoryTree::new("data");
    tree.file("docs/file", b"1").file("other/file", b"2");
    let id = crate::support::id(&place.snapshot(&tree));
    let docs = holdfast_snapshot::locate(&place.repo, &id, "docs").expect("locate");
    let object = docs.entry.object.expect("an object");
    let info = place
        .repo
        .content_info(&object.content())
        .expect("look up")
        .expect("it is there");
    let flip = || {
        let mut pack = machine.store.get(&info.pack).expect("read").to_vec();
        pack[info.offset as usize + 20] ^= 1;
        machine
            .store
            .put(&info.pack, pack.into(), &PutOptions::default())
            .expect("write");
    };
    let paths = |all: &All| all.keys().map(|(_, path)| path.clone()).collect::<Vec<_>>();
    flip();
    for _ in 0..2 {
        let (all, report) = machine.find("file");
        assert_eq!(paths(&all), ["other/file"]);
        assert_eq!(
            report.unreadable.keys().collect::<Vec<_>>(),
            [&object.to_string()]
        );
    }
    let elsewhere = FindRequest {
        path: "other".to_owned(),
        ..request("*")
    };
    assert_eq!(run(&machine.open(), &elsewhere).1.unreadable.len(), 0);
    // Another point does not hide it.
    tree.file("new/file", b"3");
    machine.open().snapshot(&tree);
    let (all, report) = machine.find("file");
    assert_eq!(paths(&all), ["new/file", "other/file"]);
    assert_eq!(report.unreadable.len(), 1);
    flip();
    let (all, report) = machine.find("file");
    assert_eq!(paths(&all), ["docs/file", "new/file", "other/file"]);
    assert_eq!(report.unreadable.len(), 0);
}

#[test]
fn several_at_once_find_the_same() {
    let machine = Machine::new();
    let mut history = History::new(7, 60);
    for _ in 0..4 {
        machine.open().snapshot(&history.tree());
        history.step(10);
    }
    let expected = brute_force(&machine.open(), &request("*"));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| machine.find("*").0))
            .collect();
        for thread in threads {
            assert_eq!(thread.join().expect("a search"), expected);
        }
    });
    let left = machine.files();
    assert_eq!(left.len(), 1, "{left:?}");
    let folder = left[0].parent().expect("a folder");
    let names = std::fs::read_dir(folder).expect("list").flatten();
    assert_eq!(names.count(), 2, "the index and the lock");
}

#[test]
fn without_a_place_for_the_index_folders_are_walked_through() {
    let machine = Machine::new();
    let mut tree = MemoryTree::new("data");
    tree.file("docs/file", b"1");
    machine.open().snapshot(&tree);
    machine.find("file");
    let file = machine.files().remove(0);
    // The place of the lock is taken, so nothing can be made or changed.
    let lock = file.with_file_name("lock");
    for path in [&file, &lock] {
        std::fs::remove_file(path).expect("remove");
    }
    std::fs::create_dir(&lock).expect("take the place");
    let (all, report) = machine.find("file");
    assert_eq!((all.len(), report.folders), (1, 2));
    assert_eq!(machine.files(), Vec::<PathBuf>::new());
}

#[test]
fn names_are_not_on_the_disk_and_sources_that_are_gone_leave_nothing() {
    let machine = Machine::new();
    let mut tree = MemoryTree::new("data");
    tree.file("a-planted-name", b"1");
    for path in ["/data", "/other"] {
        machine.open().snapshot_with(&tree, |request| {
            request.sources[0].identity = identity(path)
        });
    }
    machine.find("planted");
    let files = machine.files();
    assert_eq!(files.len(), 2);
    for file in &files {
        let bytes = std::fs::read(file).expect("read");
        for planted in ["planted", "other", "data"] {
            let is_there = bytes
                .windows(planted.len())
                .any(|window| window == planted.as_bytes());
            assert!(!is_there, "{planted}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(file).expect("look").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
    let gone = machine.open().snapshots().remove(0);
    delete(&machine.open().repo, &[gone.id]).expect("delete");
    machine.find("planted");
    assert_eq!(machine.files().len(), 1);
}

/// A source that is a single file has no folder to list.
#[test]
fn single_files_are_found() {
    let machine = Machine::new();
    let place = machine.open();
    let session = place.repo.session().expect("a session");
    let mut writer = session.writer();
    let written = writer
        .write(None, &random_bytes(1, 100), None)
        .expect("write");
    let mut edits = ManifestEdits::new(Arc::clone(place.repo.clock()));
    for size in [100, 99] {
        let mut root = DirectoryEntry::new("alone.txt", EntryKind::File);
        root.size = size;
        root.object = Some(written.object());
        let manifest = SnapshotManifest {
            source: SourceIdentity::new("user", "host", "/alone.txt"),
            root_entry: Some(root),
            ..SnapshotManifest::default()
        };
        save(&mut edits, &manifest).expect("save");
    }
    edits.write(&mut writer).expect("write");
    writer.finish_packs().expect("store");
    drop(writer);
    session.close().expect("close");
    let (all, report) = machine.find("*.txt");
    assert_eq!((report.paths, report.versions), (1, 2));
    let walked = run(&machine.open(), &without_index(&request("*.txt"))).0;
    assert_eq!(all, walked);
}

#[test]
fn many_files_take_many_blocks() {
    const FILES: u64 = 30_000;
    let machine = Machine::of(many(FILES).store);
    let (all, report) = machine.find("file-00012-007.txt");
    assert_eq!(all.len(), 1);
    assert_eq!(
        (report.entries, report.folders),
        (FILES + FILES / 1000, FILES / 1000 + 1)
    );
    let (all, report) = machine.find("*-007.txt");
    assert_eq!((all.len() as u64, report.folders), (FILES / 1000, 0));
    let below = FindRequest {
        path: "folder-00012".to_owned(),
        ..request("*-00?.txt")
    };
    let (all, report) = run(&machine.open(), &below);
    assert_eq!((all.len(), report.entries), (10, 1001));
    // Damage in the middle is noticed half-way; what was told is not told again.
    let file = machine.files().remove(0);
    let mut bytes = std::fs::read(&file).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).expect("write");
    let (all, report) = machine.find("file");
    assert_eq!((all.len() as u64, report.versions), (FILES, FILES));
    assert_eq!(report.folders, FILES / 1000 + 1, "it was made anew");
    assert_eq!(machine.find("file").1.folders, 0);
    let length = std::fs::metadata(Path::new(&file)).expect("look").len();
    assert!(length < 40 * FILES, "{length} bytes");
}
