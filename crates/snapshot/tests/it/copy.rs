//! Copying snapshots to another repository.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use holdfast_files::{Extended, MemoryTree};
use holdfast_host::Cancel;
use holdfast_repository::check::{CheckOptions, check};
use holdfast_repository::directory::{DirectoryEntry, DirectorySummary, EntryKind, Extras, encode};
use holdfast_repository::repair::RepairOptions;
use holdfast_repository::snapshot::{COMPANION_TAG, SnapshotManifest};
use holdfast_repository::{CreateOptions, HashAlgorithm, OpenOptions, SourceIdentity};
use holdfast_snapshot::{CopyReport, CopyRequest, Error, Progress, change_pins, copy};
use holdfast_storage::{BlobStore, MemoryStore, PutOptions};
use holdfast_testkit::blobs::{BlobOperation, FaultyStore, Trigger};

use crate::damage::{save, store};
use crate::history::History;
use crate::support::{Place, id, identity, password, random};

fn request() -> CopyRequest {
    CopyRequest {
        snapshots: Vec::new(),
        sources: Vec::new(),
        dry_run: false,
        parallelism: None,
        progress: Progress::new().into(),
        cancel: Cancel::new(),
    }
}

/// An empty repository with other parameters.
fn other() -> Place {
    other_on(Arc::new(MemoryStore::new()))
}

fn other_on(store: Arc<dyn BlobStore>) -> Place {
    Place::with(
        store,
        &CreateOptions {
            hash: HashAlgorithm::by_name("BLAKE3-256").expect("a hash"),
            splitter: "DYNAMIC-1M-BUZHASH".to_owned(),
            ..CreateOptions::default()
        },
    )
}

/// Copies all that another process would see of both.
fn run(from: &Place, to: &Place, request: &CopyRequest) -> CopyReport {
    let (from, to) = (
        Place::open(Arc::clone(&from.store)),
        Place::open(Arc::clone(&to.store)),
    );
    copy(&from.repo, &to.repo, request).expect("copy")
}

/// What a snapshot holds, by path: the entries without ids of objects, and the data of files and links.
fn content(
    place: &Place,
    snapshot: &SnapshotManifest,
) -> BTreeMap<String, (DirectoryEntry, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let root = snapshot.root_entry.as_ref().expect("a root");
    let walked = place.repo.walk_tree(root, &mut |item| {
        let mut entry = item.entry.clone();
        let data = match entry.object.take().filter(|_| item.directory.is_none()) {
            Some(object) => place.repo.read_object(&object)?.to_vec(),
            None => Vec::new(),
        };
        if let Some(summary) = &entry.summary {
            assert_ne!(**summary, DirectorySummary::default());
        }
        all.insert(item.path.to_owned(), (entry, data));
        Ok(ControlFlow::Continue(()))
    });
    walked.expect("every file can be read");
    all
}

/// The destination has exactly the snapshots of the source, with the same trees, and is well formed.
fn assert_copies(from: &Place, to: &Place) {
    let (from, to) = (
        Place::open(Arc::clone(&from.store)),
        Place::open(Arc::clone(&to.store)),
    );
    let (old, new) = (from.snapshots(), to.snapshots());
    assert_eq!(old.len(), new.len());
    for (old, new) in old.iter().zip(&new) {
        assert_eq!(content(&from, old), content(&to, new), "{}", old.source);
        let plain = |snapshot: &SnapshotManifest| SnapshotManifest {
            id: "".into(),
            root_entry: None,
            ..snapshot.clone()
        };
        assert_eq!(plain(old), plain(new));
        assert_ne!(old.root_object(), new.root_object());
    }
    let options = CheckOptions {
        strict: true,
        read_data: true,
        ..CheckOptions::default()
    };
    let report = check(&to.repo, &options).expect("check");
    assert!(report.is_clean(), "{:#?}", report.problems);
}

fn tree() -> MemoryTree {
    let mut tree = MemoryTree::new("data");
    tree.file("docs/readme", b"# Read me")
        .file("docs/deep/down/file", random(1, 5000))
        .file("same/deep/down/file", random(1, 5000))
        .file("empty", b"")
        .file("large", random(7, 9 << 20))
        .symlink("link", "docs")
        .file(b"bad-\xff", b"name")
        .directory("hollow");
    tree
}

#[test]
fn everything_arrives_under_other_parameters() {
    let (from, to) = (Place::new(), other());
    let taken = from.snapshot_with(&tree(), |request| {
        request.description = "by hand".to_owned();
        request.tags = [("tag:kind".to_owned(), "daily".to_owned())].into();
    });
    change_pins(&from.repo, &[id(&taken)], &["keep".to_owned()], &[]).expect("pin");
    let report = run(&from, &to, &request());
    assert_eq!(
        (
            report.copied.len(),
            report.present.len(),
            report.failed.len()
        ),
        (1, 0, 0)
    );
    assert_copies(&from, &to);
    let copied = to.snapshots_now();
    assert_eq!(copied[0].pins, ["keep"]);
    assert_eq!(copied[0].tag("kind"), Some("daily"));
    assert_eq!(Some(&copied[0].id), report.copied[0].id.as_ref());
    assert!(report.bytes_new > 9 << 20 && report.bytes_new <= report.bytes_read);
}

#[test]
fn a_second_run_copies_nothing() {
    let (from, to) = (Place::new(), other());
    from.snapshot(&tree());
    run(&from, &to, &request());
    let before = to.store.list_all("").expect("list").len();
    let again = run(&from, &to, &request());
    assert_eq!((again.copied.len(), again.present.len()), (0, 1));
    assert_eq!((again.bytes_read, again.bytes_new), (0, 0));
    assert_eq!(to.store.list_all("").expect("list").len(), before);
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let (from, to) = (Place::new(), other());
    let mut tree = tree();
    from.snapshot(&tree);
    run(&from, &to, &request());
    // A run of its own, and then two snapshots in one run.
    for (seed, file) in (40..).zip(["first", "second", "third"]) {
        tree.file(format!("docs/{file}"), random(seed, 1000));
        from.snapshot(&tree);
        if file == "first" {
            assert_eq!(run(&from, &to, &request()).bytes_read, 1000);
        }
    }
    let report = run(&from, &to, &request());
    assert_eq!((report.copied.len(), report.bytes_read), (2, 2000));
    assert_copies(&from, &to);
}

#[test]
fn snapshots_are_chosen_by_id_root_or_source() {
    let from = Place::new();
    let mut tree = tree();
    let first = id(&from.snapshot(&tree));
    tree.file("more", b"more");
    from.snapshot_with(&tree, |request| {
        request.sources[0].identity = SourceIdentity::new("ann", "elsewhere", "/home");
    });
    let root = from.snapshots()[0]
        .root_object()
        .expect("a root")
        .to_string();
    let by_id = CopyRequest {
        snapshots: vec![first.clone()],
        ..request()
    };
    let by_root = CopyRequest {
        snapshots: vec![root],
        ..request()
    };
    let by_source = CopyRequest {
        sources: vec![identity("/data")],
        ..request()
    };
    let by_user = CopyRequest {
        sources: vec![SourceIdentity::new("ann", "elsewhere", "")],
        ..request()
    };
    for (chosen, path) in [
        (by_id, "/data"),
        (by_root, "/data"),
        (by_source, "/data"),
        (by_user, "/home"),
    ] {
        let to = other();
        let dry = CopyRequest {
            dry_run: true,
            ..chosen.clone()
        };
        let told = run(&from, &to, &dry);
        assert_eq!(to.snapshots_now(), []);
        let report = run(&from, &to, &chosen);
        let sources = |report: &CopyReport| -> Vec<_> {
            report
                .copied
                .iter()
                .map(|copied| copied.source.path.clone())
                .collect()
        };
        assert_eq!(
            (sources(&told), sources(&report)),
            (vec![path.to_owned()], vec![path.to_owned()])
        );
    }
    let to = other();
    for (ids, sources) in [
        (vec!["none".to_owned()], vec![]),
        (vec![], vec![identity("/none")]),
    ] {
        let unknown = CopyRequest {
            snapshots: ids,
            sources,
            ..request()
        };
        let refused = copy(&from.repo, &to.repo, &unknown);
        assert!(
            matches!(refused, Err(Error::SnapshotNotFound(_))),
            "{refused:?}"
        );
    }
}

#[test]
fn random_histories_arrive() {
    for seed in 0..2 {
        let (from, to) = (Place::new(), other());
        let mut history = History::new(seed, 50);
        for round in 0..5 {
            from.snapshot(&history.tree());
            history.step(10);
            if round == 2 {
                run(&from, &to, &request());
            }
        }
        run(&from, &to, &request());
        println!("seed {seed}");
        assert_copies(&from, &to);
    }
}

#[test]
fn all_versions_of_the_format_are_read_and_written() {
    let version = |format_version| {
        Place::with(
            Arc::new(MemoryStore::new()),
            &CreateOptions {
                format_version,
                ..CreateOptions::default()
            },
        )
    };
    let mut text = tree();
    text.file("text", "a line of text\n".repeat(2000));
    for (old, new) in [(1, 3), (3, 1), (2, 2)] {
        let (from, to) = (version(old), version(new));
        from.snapshot_with(&text, |request| {
            request.policy = crate::support::policy(|policy| {
                policy.compression.compressor_name = "zstd".to_owned();
            });
        });
        run(&from, &to, &request());
        assert_copies(&from, &to);
    }
}

#[test]
fn a_killed_copy_goes_on() {
    let from = Place::new();
    let mut tree = tree();
    from.snapshot(&tree);
    tree.file("more", random(50, 3000));
    from.snapshot(&tree);
    for nth in [2, 5] {
        let whole: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
        let to = other_on(Arc::clone(&whole));
        let mortal = FaultyStore::new(Arc::clone(&whole));
        mortal.plan(Some(BlobOperation::Put), "", nth, Trigger::Kill);
        let dying = Place::open(Arc::new(mortal));
        assert!(copy(&from.repo, &dying.repo, &request()).is_err(), "{nth}");
        let left = to.snapshots_now().len();
        assert!(left < 2, "{nth}");
        let report = run(&from, &to, &request());
        assert_eq!(
            (report.present.len(), report.copied.len()),
            (left, 2 - left)
        );
        assert_copies(&from, &to);
    }
}

#[test]
fn a_request_to_stop_ends_it() {
    let (from, to) = (Place::new(), other());
    from.snapshot(&tree());
    let stopped = request();
    stopped.cancel.cancel();
    let ended = copy(&from.repo, &to.repo, &stopped);
    assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
    assert_eq!(to.snapshots_now(), []);
}

#[test]
fn a_damaged_snapshot_stays_away_and_the_others_arrive() {
    let (from, to) = (Place::new(), other());
    let mut tree = tree();
    from.snapshot(&tree);
    tree.file("more", random(50, 3000));
    let bad = id(&from.snapshot(&tree));
    tree.remove("more");
    from.snapshot(&tree);
    let located = holdfast_snapshot::locate(&from.repo, &bad, "more").expect("find");
    let content = located.entry.object.expect("an object").content();
    let info = from
        .repo
        .content_info(&content)
        .expect("look up")
        .expect("it is there");
    let mut pack = from.store.get(&info.pack).expect("read").to_vec();
    pack[info.offset as usize + 50] ^= 1;
    from.store
        .put(&info.pack, pack.into(), &PutOptions::default())
        .expect("write");
    let report = run(&from, &to, &request());
    assert_eq!((report.copied.len(), report.failed.len()), (2, 1));
    let (failed, reason) = &report.failed[0];
    assert_eq!(failed.old_id.as_str(), bad);
    assert!(reason.starts_with("1 of its files"), "{reason}");
    assert_eq!(to.snapshots_now().len(), 2);
    let options = CheckOptions::default();
    let report = check(&Place::open(Arc::clone(&to.store)).repo, &options).expect("check");
    assert!(report.is_clean(), "{:#?}", report.problems);
}

#[test]
fn a_copy_that_somebody_changed_is_not_taken_over() {
    let (from, to) = (Place::new(), other());
    let mut tree = tree();
    let first = from.snapshot(&tree);
    run(&from, &to, &request());
    // In the destination the snapshot gets another tree, as a stock client's `snapshot fix` would make it.
    let copied = to.snapshots_now().remove(0);
    let reader = Place::open(Arc::clone(&to.store));
    holdfast_snapshot::delete(&reader.repo, std::slice::from_ref(&copied.id)).expect("delete");
    let mut smaller = MemoryTree::new("data");
    smaller.file("docs/readme", b"# Other");
    let changed = reader.snapshot(&smaller);
    let fixed = SnapshotManifest {
        root_entry: crate::support::saved(&changed).manifest.root_entry.clone(),
        ..copied
    };
    holdfast_snapshot::delete(&reader.repo, &[id(&changed).into()]).expect("delete");
    let mut edits =
        holdfast_repository::manifest::ManifestEdits::new(Arc::clone(reader.repo.clock()));
    holdfast_repository::snapshot::save(&mut edits, &fixed).expect("save");
    edits.publish(&reader.repo).expect("publish");
    tree.file("docs/more", b"more");
    let second = from.snapshot(&tree);
    run(&from, &to, &request());
    let now = to.snapshots_now();
    assert_eq!(now.len(), 2);
    let source = from.snapshots();
    assert_eq!(source[1].id.to_string(), id(&second));
    assert_ne!(id(&first), id(&second));
    let to = Place::open(Arc::clone(&to.store));
    assert_eq!(content(&from, &source[1]), content(&to, &now[1]));
}

#[test]
fn values_outside_of_their_entries_arrive_too() {
    let (from, to) = (Place::new(), other());
    let value = store(&from, None, b"{\"user.big\":\"AAAA\"}");
    let mut entry = DirectoryEntry::new("file", EntryKind::File);
    entry.object = Some(store(&from, None, b"12345"));
    entry.size = 5;
    entry.extras = Some(Box::new(Extras {
        overflow: [("x".to_owned(), value)].into(),
        ..Extras::default()
    }));
    save(&from, &[entry]);
    run(&from, &to, &request());
    let to = Place::open(Arc::clone(&to.store));
    let id = to.snapshots()[0].id.to_string();
    let copied = holdfast_snapshot::locate(&to.repo, &id, "file")
        .expect("find")
        .entry;
    let object = copied.extras.expect("extras").overflow["x"];
    assert_ne!(object, value);
    let data = to.repo.read_object(&object).expect("read");
    assert_eq!(data.as_ref(), b"{\"user.big\":\"AAAA\"}");
}

fn large_value() -> Extended {
    Extended {
        attributes: vec![("user.large".to_owned(), vec![5; 60_000])],
        ..Extended::default()
    }
}

#[test]
fn chosen_snapshots_come_with_what_holds_their_metadata() {
    let from = Place::new();
    let mut tree = tree();
    tree.extended("docs/readme", large_value());
    let first = id(&from.snapshot(&tree));
    tree.file("more", b"more");
    from.snapshot(&tree);
    let by_id = CopyRequest {
        snapshots: vec![first],
        ..request()
    };
    let by_source = CopyRequest {
        sources: vec![identity("/data")],
        ..request()
    };
    for (chosen, count) in [(by_id, 1), (by_source, 2)] {
        let to = other();
        let report = run(&from, &to, &chosen);
        assert_eq!((report.copied.len(), report.failed.len()), (2 * count, 0));
        let snapshots = to.snapshots_now();
        let (companions, data): (Vec<_>, Vec<_>) = snapshots
            .iter()
            .partition(|snapshot| snapshot.is_companion());
        assert_eq!((companions.len(), data.len()), (count, count));
        for snapshot in &data {
            let root = snapshot.root_object().expect("a root").to_string();
            let of = |companion: &&&SnapshotManifest| companion.tags[COMPANION_TAG] == root;
            assert_eq!(companions.iter().filter(of).count(), 1);
        }
        assert!(
            companions
                .iter()
                .all(|companion| companion.pins == ["holdfast-metadata"])
        );
        let again = run(&from, &to, &chosen);
        assert_eq!((again.copied.len(), again.present.len()), (0, 2 * count));
        // One that was lost, or left out by an earlier version, is made up for.
        let reader = Place::open(Arc::clone(&to.store));
        let ids = [companions[0].id.clone()];
        holdfast_snapshot::delete(&reader.repo, &ids).expect("delete");
        let third = run(&from, &to, &chosen);
        assert_eq!((third.copied.len(), third.bytes_new), (1, 0));
    }
}

/// Puts another tree under the only snapshot of a place.
fn replace_root(place: &Place, change: impl Fn(&Place, &mut DirectoryEntry)) {
    let reader = Place::open(Arc::clone(&place.store));
    let mut snapshot = reader.snapshots().remove(0);
    let old = [snapshot.id.clone()];
    change(&reader, snapshot.root_entry.as_mut().expect("a root"));
    let clock = Arc::clone(reader.repo.clock());
    let mut edits = holdfast_repository::manifest::ManifestEdits::new(clock);
    holdfast_repository::snapshot::save(&mut edits, &snapshot).expect("save");
    edits.publish(&reader.repo).expect("publish");
    let reader = Place::open(Arc::clone(&place.store));
    holdfast_snapshot::delete(&reader.repo, &old).expect("delete");
}

/// Takes the extended metadata out of a folder and those below it, as `snapshot fix` of a stock client does.
fn strip(place: &Place, entry: &mut DirectoryEntry) {
    let Some(object) = entry.object.filter(|_| entry.is_directory()) else {
        return;
    };
    let mut directory = place.repo.read_directory(&object).expect("read");
    for entry in &mut directory.entries {
        entry.extras = None;
        strip(place, entry);
    }
    let stream = encode(&directory.entries, &directory.summary, None);
    entry.object = Some(store(place, Some(b'k'), &stream));
}

#[test]
fn a_copy_that_was_stripped_of_metadata_is_not_taken_over() {
    let (from, to) = (Place::new(), other());
    let mut tree = tree();
    let small = Extended {
        attributes: vec![("user.small".to_owned(), b"value".to_vec())],
        ..Extended::default()
    };
    tree.extended("docs/deep/down/file", small);
    from.snapshot(&tree);
    run(&from, &to, &request());
    replace_root(&to, strip);
    tree.file("more", b"more");
    from.snapshot(&tree);
    let report = run(&from, &to, &request());
    // Files are the same all the same, but for the one whose raw name is gone with its metadata.
    assert_eq!((report.copied.len(), report.bytes_read), (1, 4 + 4));
    let (old, new) = (from.snapshots_now(), to.snapshots_now());
    let (from, to) = (
        Place::open(Arc::clone(&from.store)),
        Place::open(Arc::clone(&to.store)),
    );
    let copied = content(&to, &new[1]);
    assert_eq!(content(&from, &old[1]), copied);
    let extras = copied["docs/deep/down/file"].0.extras.as_ref();
    assert!(extras.is_some_and(|extras| extras.xattrs.contains_key("user.small")));
}

fn repair(place: &Place) {
    let options = RepairOptions {
        apply: true,
        read_data: true,
        ..RepairOptions::default()
    };
    let (password, open) = (password(), OpenOptions::default());
    let report =
        holdfast_repository::repair::repair(Arc::clone(&place.store), &password, &open, &options);
    assert!(report.expect("repair").lost_contents > 0);
}

#[test]
fn what_the_destination_lost_is_named_and_not_built_upon() {
    // A file's data and a folder.
    for path in ["docs/readme", "docs/deep"] {
        let (from, to) = (Place::new(), other());
        let mut tree = tree();
        from.snapshot(&tree);
        run(&from, &to, &request());
        let reader = Place::open(Arc::clone(&to.store));
        let id = reader.snapshots()[0].id.to_string();
        let located = holdfast_snapshot::locate(&reader.repo, &id, path).expect("find");
        let content = located.entry.object.expect("an object").content();
        let info = reader.repo.content_info(&content).expect("look up");
        let info = info.expect("it is there");
        if path == "docs/readme" {
            to.store.delete(&info.pack).expect("delete");
        } else {
            let mut pack = to.store.get(&info.pack).expect("read").to_vec();
            pack[info.offset as usize + 50] ^= 1;
            to.store
                .put(&info.pack, pack.into(), &PutOptions::default())
                .expect("write");
        }
        tree.file("more", random(50, 3000));
        from.snapshot(&tree);
        let report = run(&from, &to, &request());
        assert_eq!((report.copied.len(), report.failed.len()), (0, 1), "{path}");
        let reason = &report.failed[0].1;
        assert!(reason.contains("repo repair --apply"), "{path}: {reason}");
        assert_eq!(to.snapshots_now().len(), 1, "{path}");
        repair(&to);
        let report = run(&from, &to, &request());
        assert_eq!((report.copied.len(), report.failed.len()), (1, 0), "{path}");
        let to = Place::open(Arc::clone(&to.store));
        let from = Place::open(Arc::clone(&from.store));
        let (old, new) = (from.snapshots(), to.snapshots());
        assert_eq!(
            self::content(&from, &old[1]),
            self::content(&to, &new[1]),
            "{path}"
        );
    }
}
