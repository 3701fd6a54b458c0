//! What entries have beyond the format's own fields: kept, taken over and held.

use std::sync::Arc;

use holdfast_files::{Extended, MemoryTree};
use holdfast_host::{Cancel, Clock, ManualClock, SystemClock};
use holdfast_repository::directory::{Directory, DirectoryEntry};
use holdfast_repository::snapshot::{COMPANION_TAG, SnapshotManifest};
use holdfast_snapshot::{VerifyRequest, delete, read_file, verify};
use holdfast_storage::MemoryStore;
use parking_lot::Mutex;

use crate::restore_extended::{attribute, windows};
use crate::support::{Place, id, saved};

/// The entries of the root of a snapshot.
fn root(place: &Place, snapshot: &SnapshotManifest) -> Directory {
    let object = snapshot.root_object().expect("a root");
    place.repo.read_directory(&object).expect("read the root")
}

fn entry<'d>(directory: &'d Directory, name: &str) -> &'d DirectoryEntry {
    let mut entries = directory.entries.iter();
    entries
        .find(|entry| entry.file_name() == name.as_bytes())
        .expect(name)
}

/// Descriptor, attributes, stream and short name of Windows, by a double of that system.
#[test]
fn what_only_windows_has_is_kept() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    tree.file("a long name.txt", b"content")
        .directory("folder")
        .extended("a long name.txt", windows(1))
        .extended("folder", windows(2))
        .extended("", windows(3));
    let report = place.snapshot(&tree);
    assert_eq!(report.problems, []);
    let directory = root(&place, &saved(&report).manifest);
    let own = directory.extras.clone();
    for (extras, mark) in [
        (&entry(&directory, "a long name.txt").extras, 1),
        (&entry(&directory, "folder").extras, 2),
        (&own, 3),
    ] {
        let kept = extras.as_ref().and_then(|extras| extras.windows.clone());
        let kept = kept.expect("of Windows");
        assert_eq!(kept.security.expect("a descriptor").0, [1, 0, 4, 128, mark]);
        assert_eq!(kept.attributes, Some(0x20 | u32::from(mark)));
        assert_eq!(kept.streams["Zone.Identifier"].0, [mark; 40]);
        assert_eq!(kept.short_name, format!("LONGNA~{mark}.TXT"));
    }
    let root_entry = saved(&report).manifest.root_entry.clone();
    assert_eq!(
        root_entry.expect("a root").extras,
        None,
        "a stock pin would drop it"
    );
}

/// A repository whose clock is set by hand.
fn timed() -> (Place, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(SystemClock::new().now()));
    let store = Place::new().store;
    let place = Place::open_with(store, Arc::clone(&clock) as Arc<dyn Clock>);
    (place, clock)
}

fn nanoseconds(clock: &ManualClock) -> i64 {
    i64::try_from(clock.now().as_nanosecond()).expect("in this century")
}

#[test]
fn unchanged_entries_keep_what_they_have_without_a_look() {
    let (place, clock) = timed();
    let mut tree = MemoryTree::new("data");
    tree.file("file", b"content")
        .symlink("link", "file")
        .directory("folder")
        .extended("file", attribute("user.a", b"1"))
        .extended("link", attribute("trusted.b", b"2"))
        .extended("folder", attribute("user.c", b"3"));
    let first = place.snapshot(&tree);
    let asked = tree.extended_asked();
    clock.advance(std::time::Duration::from_secs(3600));
    let second = place.snapshot(&tree);
    assert_eq!(tree.extended_asked(), asked, "nothing is looked at");
    assert_eq!(
        saved(&second).manifest.root_object(),
        saved(&first).manifest.root_object()
    );

    // A change of an attribute moves the time of change and nothing else.
    let now = nanoseconds(&clock);
    tree.extended("file", attribute("user.a", b"other"))
        .metadata("file", |metadata| metadata.changed = now);
    let opened = tree.opened();
    let third = place.snapshot(&tree);
    assert_eq!(tree.opened(), opened, "the content is not read again");
    assert_eq!(tree.extended_asked(), asked + 1);
    let directory = root(&place, &saved(&third).manifest);
    let extras = entry(&directory, "file").extras.as_ref().expect("extras");
    assert_eq!(extras.xattrs["user.a"].0, b"other");
    assert!(entry(&directory, "link").extras.is_some());
    assert!(entry(&directory, "folder").extras.is_some());

    // It goes away.
    clock.advance(std::time::Duration::from_secs(60));
    let now = nanoseconds(&clock);
    tree.extended("file", Extended::default())
        .metadata("file", |metadata| metadata.changed = now);
    let fourth = place.snapshot(&tree);
    let directory = root(&place, &saved(&fourth).manifest);
    assert_eq!(entry(&directory, "file").extras, None);
}

#[test]
fn snapshots_of_other_programs_and_clocks_that_went_back_prove_nothing() {
    let (place, clock) = timed();
    let mut tree = MemoryTree::new("data");
    tree.file("file", b"content");
    let first = place.snapshot(&tree);
    // Another program pins the snapshot: it writes the manifest again and drops what it does not know.
    let mut manifest = saved(&first).manifest.clone();
    manifest.extras = None;
    let mut edits =
        holdfast_repository::manifest::ManifestEdits::new(Arc::clone(place.repo.clock()));
    holdfast_repository::snapshot::save(&mut edits, &manifest).expect("save");
    edits.delete_id(
        &place.repo.manifests().expect("manifests"),
        &saved(&first).manifest.id,
    );
    edits.publish(&place.repo).expect("publish");
    clock.advance(std::time::Duration::from_secs(3600));
    let asked = tree.extended_asked();
    place.snapshot(&tree);
    assert_eq!(tree.extended_asked(), asked + 1);

    clock.advance(std::time::Duration::from_secs(3600));
    place.snapshot(&tree);
    assert_eq!(tree.extended_asked(), asked + 1);
    clock.set_wall_clock("2025-12-01T00:00:00Z".parse().expect("a time"));
    place.snapshot(&tree);
    assert_eq!(tree.extended_asked(), asked + 2);
}

#[test]
fn names_of_one_file_have_one_id() {
    let place = Place::new();
    let mut tree = MemoryTree::new("data");
    for name in ["a", "b"] {
        tree.file(name, b"shared").metadata(name, |metadata| {
            (metadata.inode, metadata.links) = (0x2a, 2);
        });
    }
    tree.file("alone", b"alone")
        .metadata("alone", |metadata| metadata.inode = 0x2b);
    let first = place.snapshot(&tree);
    let directory = root(&place, &saved(&first).manifest);
    let link = |name: &str| {
        let extras = entry(&directory, name).extras.as_ref();
        extras.map(|extras| extras.hard_link.clone())
    };
    assert_eq!(link("a").as_deref(), Some("2a"));
    assert_eq!(link("b"), link("a"));
    assert_eq!(link("alone"), None);
    let again = place.snapshot(&tree);
    assert_eq!(
        saved(&again).manifest.root_object(),
        saved(&first).manifest.root_object()
    );
}

#[test]
fn holes_are_not_read() {
    const SIZE: usize = 24 << 20;
    let place = Place::new();
    let mut content = vec![0; SIZE];
    content[100] = 1;
    content[(20 << 20)..(20 << 20) + 4096].fill(7);
    let data = vec![(0, 4096), (20 << 20, 4096)];
    let mut small = vec![0; 100_000];
    small[50_000] = 9;
    let read = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&read);
    let mut tree = MemoryTree::new("data").on_read(move |name, offset| {
        if name == b"large" {
            noted.lock().push(offset);
        }
    });
    let sparse = |data: &[(u64, u64)]| Extended {
        data: Some(data.to_vec()),
        ..Extended::default()
    };
    tree.file("large", content.clone())
        .file("small", small.clone())
        .file("hollow", vec![0; 3 << 20])
        .extended("large", sparse(&data))
        .extended("small", sparse(&[(49_152, 4096)]))
        .extended("hollow", sparse(&[]));
    let report = place.snapshot(&tree);
    assert_eq!(report.problems, []);
    let last = SIZE as u64 - 1;
    let inside = |offset: &u64| *offset < 4096 || (20 << 20..(20 << 20) + 4096).contains(offset);
    let read = std::mem::take(&mut *read.lock());
    assert!(
        read.iter().all(|offset| inside(offset) || *offset >= last),
        "{read:?}"
    );
    let directory = root(&place, &saved(&report).manifest);
    let ranges = |name: &str| {
        let extras = entry(&directory, name).extras.as_ref();
        extras.and_then(|extras| extras.data_ranges.clone())
    };
    assert_eq!(ranges("large"), Some(data));
    assert_eq!(ranges("small"), Some(vec![(49_152, 4096)]));
    assert_eq!(ranges("hollow"), Some(Vec::new()));
    // Whoever does not know the ranges reads the whole file.
    for (name, expected) in [
        ("large", content),
        ("small", small),
        ("hollow", vec![0; 3 << 20]),
    ] {
        let mut stored = Vec::new();
        read_file(&place.repo, &id(&report), name, &mut stored, &Cancel::new()).expect("read");
        assert!(stored == expected, "{name}");
    }
}

/// Values that do not fit into an entry are objects of their own, and a second snapshot holds them.
#[test]
fn large_values_are_held_as_long_as_their_snapshot() {
    let place = Place::on(Arc::new(MemoryStore::new()));
    let large = attribute("user.large", &[5; 60_000]);
    let mut tree = MemoryTree::new("data");
    tree.file("file", b"content")
        .extended("file", large.clone());
    let report = place.snapshot(&tree);
    let directory = root(&place, &saved(&report).manifest);
    let extras = entry(&directory, "file").extras.clone().expect("extras");
    assert!(extras.xattrs.is_empty());
    let object = extras.overflow["x"];

    let companions = |place: &Place| -> Vec<SnapshotManifest> {
        let mut snapshots = place.snapshots();
        snapshots.retain(SnapshotManifest::is_companion);
        snapshots
    };
    let root_object = saved(&report).manifest.root_object().expect("a root");
    let [companion] = companions(&place).try_into().expect("one companion");
    assert_eq!(companion.tags[COMPANION_TAG], root_object.to_string());
    assert_eq!(companion.pins, ["holdfast-metadata"]);
    assert!(companion.source.path.starts_with("/holdfast/metadata/"));
    let held = root(&place, &companion);
    assert_eq!(held.entries[0].object, Some(object));

    // Taken over, it is held by the next one as well.
    tree.file("more", b"more");
    let next = place.snapshot(&tree);
    assert_eq!(companions(&place).len(), 2);

    let text = place.repo.read_object(&object).expect("read");
    let mut whole = *extras;
    whole.put_back("x", &text).expect("it is the value");
    assert_eq!(whole.xattrs["user.large"].0, large.attributes[0].1);
    let checked = verify(&place.repo, &VerifyRequest::new(Vec::new(), true)).expect("verify");
    assert_eq!((checked.damaged, checked.snapshots), (Vec::new(), 4));

    delete(&place.repo, &[id(&report).as_str().into()]).expect("delete");
    assert_eq!(companions(&place).len(), 1);
    delete(&place.repo, &[id(&next).as_str().into()]).expect("delete");
    assert_eq!(companions(&place).len(), 0);
    assert_eq!(place.snapshots(), []);
}
