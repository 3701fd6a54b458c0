//! Repair: every kind of damage to every kind of blob, and repairs that are killed at every call.

mod guards;
mod histories;
mod lost_manifests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_host::{Cancel, Clock, ManualClock};
use holdfast_repository::check::{CheckOptions, check};
use holdfast_repository::format::{FormatBlob, FormatKey};
use holdfast_repository::maintenance::{self, Mode, RunOptions, Safety};
use holdfast_repository::manifest::ManifestId;
use holdfast_repository::repair::{
    LostManifests, RepairOptions, RepairReport, repair, repair_with_key,
};
use holdfast_repository::{
    ContentFilter, ContentId, CreateOptions, Error, OpenOptions, Repository, Result, snapshot,
};
use holdfast_storage::{BlobId, BlobStore, ErrorKind, MemoryStore, PutOptions};
use holdfast_testkit::blobs::{BlobOperation, FaultyStore, Trigger};
use secrecy::SecretString;

use crate::maintenance::world::{Files, content, files, options};
use crate::written::{noise, save, write_snapshot};

const FORMAT: &str = "kopia.repository";

fn password() -> SecretString {
    SecretString::from("password")
}

/// A repository with two snapshots, whose blobs are damaged in copies.
struct Original {
    clock: Arc<ManualClock>,
    store: MemoryStore,
    key: FormatKey,
    snapshots: Vec<Files>,
}

/// What happens to a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Remove,
    Truncate,
    Zero,
    /// Turns a bit: of a pack in its first content, behind the preamble, else in the middle.
    Flip,
    /// Turns a bit near the end.
    FlipLast,
}

const DAMAGES: [Damage; 5] = [
    Damage::Remove,
    Damage::Truncate,
    Damage::Zero,
    Damage::Flip,
    Damage::FlipLast,
];

impl Damage {
    fn to(self, store: &MemoryStore, id: &BlobId) {
        let mut bytes = store.get(id).expect("get").to_vec();
        let length = bytes.len();
        match self {
            Self::Remove => return store.delete(id).expect("delete"),
            Self::Truncate => bytes.truncate(length / 3),
            Self::Zero => bytes.fill(0),
            Self::Flip if id.as_str().starts_with(['p', 'q']) => bytes[60] ^= 4,
            Self::Flip => bytes[length / 2] ^= 4,
            Self::FlipLast => bytes[length - 70] ^= 4,
        }
        store
            .put(id, Bytes::from(bytes), &PutOptions::default())
            .expect("put");
    }
}

impl Original {
    /// A repository with two snapshots, an hour apart.
    fn new(format_version: u32) -> Self {
        let (mut original, repository) = Self::empty(format_version);
        original.snapshots = vec![files(0..5), files(3..8)];
        for files in &original.snapshots {
            original.clock.advance(Duration::from_secs(3600));
            take(&repository, files);
        }
        original
    }

    fn empty(format_version: u32) -> (Self, Arc<Repository>) {
        let start = "2026-03-01T00:00:00Z".parse().expect("time");
        let clock = Arc::new(ManualClock::new(start));
        let store = MemoryStore::with_clock(clock.clone());
        let parameters = CreateOptions {
            format_version,
            ..CreateOptions::default()
        };
        let repository = Repository::create(
            Arc::new(store.clone()),
            &password(),
            &parameters,
            &options(&clock, "owner"),
        )
        .expect("create");
        let blob = FormatBlob::parse(&store.get(&id(FORMAT)).expect("format")).expect("format");
        let original = Self {
            clock,
            key: blob.derive_key(&password()).expect("key"),
            store,
            snapshots: Vec::new(),
        };
        (original, repository)
    }

    /// A copy with one blob damaged.
    fn damaged(&self, damage: Damage, blob: &BlobId) -> MemoryStore {
        let store = self.store.fork(self.clock.clone());
        damage.to(&store, blob);
        store
    }

    fn blobs(&self, prefix: &str) -> Vec<BlobId> {
        let store: &dyn BlobStore = &self.store;
        let blobs = store.list_all(prefix).expect("list");
        blobs.into_iter().map(|blob| blob.id).collect()
    }

    fn options(&self) -> OpenOptions {
        options(&self.clock, "owner")
    }

    fn open(&self, store: &MemoryStore) -> Result<Arc<Repository>> {
        Repository::open_with_key(Arc::new(store.clone()), &self.key, &self.options())
    }

    fn repair(&self, store: Arc<dyn BlobStore>, repair: &RepairOptions) -> Result<RepairReport> {
        repair_with_key(store, &self.key, &self.options(), repair)
    }

    /// A dry run that changes nothing, then a repair, then one that finds nothing left to do.
    fn repaired(&self, store: &MemoryStore) -> RepairReport {
        let watched = FaultyStore::new(Arc::new(store.clone()));
        let dry = RepairOptions {
            apply: false,
            ..apply()
        };
        let planned = self
            .repair(Arc::new(watched.clone()), &dry)
            .expect("dry run");
        let changes = watched
            .calls()
            .into_iter()
            .filter(|call| matches!(call.operation, BlobOperation::Put | BlobOperation::Delete));
        assert_eq!(changes.count(), 0, "a dry run changed something");
        let done = self
            .repair(Arc::new(store.clone()), &apply())
            .expect("repair");
        let told = RepairReport {
            applied: true,
            ..planned
        };
        assert_eq!(told, done, "the dry run told something else");
        let again = self
            .repair(Arc::new(store.clone()), &apply())
            .expect("repair again");
        assert!(again.is_clean(), "{again:#?}");
        done
    }

    /// Everything is there and strictly as it should be.
    fn assert_whole(&self, store: &MemoryStore, context: &str) {
        let repository = self.open(store).expect("open");
        assert_clean(&repository, context);
        let (listed, broken) = readable(&repository);
        assert_eq!(listed, self.snapshots.len(), "{context}");
        assert!(broken.is_empty(), "{context}: {broken:?}");
    }

    /// After a repair of packs: the files of `broken` and no others cannot be read, and the next snapshots of the same
    /// files bring everything back.
    fn assert_recoverable(&self, store: &MemoryStore, broken: &BTreeSet<String>, context: &str) {
        let repository = self.open(store).expect("open");
        let (listed, found) = readable(&repository);
        if listed == self.snapshots.len() {
            assert_eq!(found, *broken, "{context}");
        }
        for files in &self.snapshots {
            self.clock.advance(Duration::from_secs(60));
            take(&repository, files);
        }
        let repository = self.open(store).expect("open");
        assert_clean(&repository, context);
        let (now, broken) = readable(&repository);
        assert_eq!(now, listed + self.snapshots.len(), "{context}");
        assert!(broken.is_empty(), "{context}: {broken:?}");
    }
}

/// A repair that reads everything and goes on without lists of snapshots that are lost.
fn apply() -> RepairOptions {
    RepairOptions {
        apply: true,
        read_data: true,
        lost_manifests: LostManifests::GiveUp,
        ..RepairOptions::default()
    }
}

fn id(name: &str) -> BlobId {
    BlobId::new(name).expect("a name")
}

fn take(repository: &Arc<Repository>, files: &Files) -> ManifestId {
    let session = repository.session().expect("session");
    let data: Vec<(&[u8], Vec<u8>)> = files
        .iter()
        .map(|(name, seed)| (name.as_bytes(), content(*seed)))
        .collect();
    let start = repository.clock().now().as_nanosecond() as i64;
    let (manifest, _) = write_snapshot(&session, &data, start);
    save(session, &[manifest]).remove(0)
}

fn assert_clean(repository: &Arc<Repository>, context: &str) {
    let options = CheckOptions {
        strict: true,
        read_data: true,
        ..CheckOptions::default()
    };
    let report = check(repository, &options).expect("check");
    assert!(report.is_clean(), "{context}: {:#?}", report.problems);
}

/// How many snapshots are listed, and the files of them that cannot be read; `.` stands for a directory.
fn readable(repository: &Arc<Repository>) -> (usize, BTreeSet<String>) {
    let mut broken = BTreeSet::new();
    let manifests = repository.manifests().expect("manifests");
    let listed = snapshot::list(&manifests, None);
    for snapshot in &listed {
        let root = snapshot.root_object().expect("root");
        let Ok(directory) = repository.read_directory(&root) else {
            broken.insert(format!("{}/.", snapshot.id));
            continue;
        };
        for entry in directory.entries {
            if repository
                .read_object(&entry.object.expect("object"))
                .is_err()
            {
                broken.insert(format!("{}/{}", snapshot.id, entry.name_text()));
            }
        }
    }
    (listed.len(), broken)
}

#[test]
fn a_whole_repository_is_left_as_it_is() {
    let original = Original::new(3);
    let report = original.repaired(&original.store);
    let nothing = RepairReport {
        applied: true,
        ..RepairReport::default()
    };
    assert_eq!(report, nothing);
    original.assert_whole(&original.store, "untouched");
}

#[test]
fn an_index_comes_back_from_the_packs() {
    for version in [3, 1] {
        let original = Original::new(version);
        let prefix = if version == 3 { "xn" } else { "n" };
        let indexes = original.blobs(prefix);
        assert_eq!(indexes.len(), 3, "{indexes:?}");
        for blob in &indexes {
            for damage in DAMAGES {
                let context = format!("{damage:?} of {blob}");
                let store = original.damaged(damage, blob);
                if damage != Damage::Remove {
                    let error = original.open(&store).expect_err(&context).to_string();
                    assert!(
                        error.contains(blob.as_str()) && error.contains("repo repair"),
                        "{error}"
                    );
                } else if version == 1 {
                    // Without epochs nothing tells a lost entry from a dropped one.
                    continue;
                }
                let report = original.repaired(&store);
                assert!(report.recovered_contents > 0, "{context}");
                assert_eq!(
                    report.unreadable_indexes.len(),
                    usize::from(damage != Damage::Remove),
                    "{context}"
                );
                original.assert_whole(&store, &context);
            }
        }
    }
}

#[test]
fn the_whole_index_comes_back_from_the_packs() {
    for version in [3, 1] {
        let original = Original::new(version);
        let store = original.store.fork(original.clock.clone());
        for blob in original.blobs(if version == 3 { "xn" } else { "n" }) {
            Damage::Remove.to(&store, &blob);
        }
        let error = original.open(&store).expect_err("no index").to_string();
        assert!(error.contains("repo repair"), "{error}");
        original.repaired(&store);
        original.assert_whole(&store, "all index blobs removed");
    }
}

#[test]
fn lost_contents_of_packs_are_stored_again_by_the_next_snapshot() {
    let original = Original::new(3);
    let packs = [original.blobs("p"), original.blobs("q")].concat();
    assert!(packs.len() > 4, "{packs:?}");
    let (mut files, mut manifests) = (0, 0);
    for pack in &packs {
        for damage in DAMAGES {
            let context = format!("{damage:?} of {pack}");
            let store = original.damaged(damage, pack);
            let broken = readable_or_nothing(&original, &store);
            let report = original.repaired(&store);
            assert!(!report.damaged_packs.is_empty(), "{context}");
            assert_eq!(report.damaged_packs[0].pack, pack.as_str());
            if damage == Damage::FlipLast {
                assert_eq!(report.lost_contents, 0, "{context}");
                assert!(report.moved_contents > 0, "{context}");
            }
            manifests += report.lost_manifest_containers;
            files += broken.len();
            original.assert_recoverable(&store, &broken, &context);
        }
    }
    assert!(files > 20 && manifests > 5, "{files} {manifests}");
}

/// The files that cannot be read; nothing is known when the list of snapshots itself is hit.
fn readable_or_nothing(original: &Original, store: &MemoryStore) -> BTreeSet<String> {
    let repository = original.open(store).expect("open");
    match repository.manifests() {
        Ok(_) => readable(&repository).1,
        Err(_) => BTreeSet::new(),
    }
}

#[test]
fn the_format_blob_comes_back_from_the_packs_that_carry_it() {
    let original = Original::new(1);
    let before = original.store.get(&id(FORMAT)).expect("format");
    for damage in DAMAGES {
        let store = original.damaged(damage, &id(FORMAT));
        let report = repair(
            Arc::new(store.clone()),
            &password(),
            &original.options(),
            &apply(),
        )
        .expect("repair");
        assert!(report.format_blob.is_some(), "{damage:?}");
        assert_eq!(store.get(&id(FORMAT)).expect("format"), before);
        original.assert_whole(&store, &format!("{damage:?} of the format blob"));
    }
    let wrong = repair(
        Arc::new(original.store.clone()),
        &SecretString::from("another"),
        &original.options(),
        &apply(),
    );
    assert!(
        matches!(wrong, Err(Error::WrongPassword { .. })),
        "{wrong:?}"
    );
}

#[test]
fn without_a_copy_a_lost_format_blob_is_told_and_nothing_is_changed() {
    let original = Original::new(3);
    for damage in DAMAGES {
        let store = original.damaged(damage, &id(FORMAT));
        let watched = FaultyStore::new(Arc::new(store));
        let ended = repair(
            Arc::new(watched.clone()),
            &password(),
            &original.options(),
            &apply(),
        );
        assert!(ended.is_err(), "{damage:?}: {ended:?}");
        assert!(watched.puts().is_empty(), "{damage:?}");
    }
}

#[test]
fn a_deleted_content_stays_deleted() {
    let original = Original::new(3);
    let repository = original.open(&original.store).expect("open");
    let mut ids = Vec::new();
    repository
        .for_each_content(ContentFilter::default(), &mut |info| {
            ids.extend((info.id.prefix() != Some(b'm')).then_some(info.id));
            Ok(())
        })
        .expect("contents");
    let indexes = original.blobs("xn");
    let session = repository.session().expect("session");
    let mut writer = session.writer();
    for id in &ids {
        writer.delete_content(id).expect("delete");
    }
    writer.finish_packs().expect("finish");
    session.close().expect("close");
    for blob in &indexes {
        let store = original.damaged(Damage::Flip, blob);
        let report = original.repaired(&store);
        assert!(report.recovered_contents <= 1, "{report:#?}");
        let repository = original.open(&store).expect("open");
        for id in &ids {
            let info = repository.content_info(id).expect("index").expect("entry");
            assert!(info.deleted, "{id}");
        }
    }
}

#[test]
fn what_a_session_has_not_published_is_not_published_for_it() {
    let original = Original::new(3);
    let repository = original.open(&original.store).expect("open");
    let before = repository.contents().expect("contents");
    let session = repository.session().expect("session");
    let data: [(&[u8], Vec<u8>); 1] = [(b"f", content(99))];
    write_snapshot(&session, &data, 5);
    drop(session);
    let report = original
        .repair(Arc::new(original.store.clone()), &apply())
        .expect("repair");
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!(report.packs_under_way, 2);
    let repository = original.open(&original.store).expect("open");
    assert_eq!(repository.contents().expect("contents"), before);
}

#[test]
fn marks_of_what_cannot_be_read_outlast_maintenance() {
    let original = Original::new(3);
    let repository = original.open(&original.store).expect("open");
    let long: [(&[u8], Vec<u8>); 1] = [(b"long", noise(21 << 20, 7))];
    let write = |repository: &Arc<Repository>| {
        let session = repository.session().expect("session");
        let (manifest, _) = write_snapshot(&session, &long, 5);
        save(session, &[manifest]);
    };
    write(&repository);
    let store = original.store.fork(original.clock.clone());
    for pack in original.blobs("p") {
        Damage::Remove.to(&store, &pack);
    }
    let report = original.repaired(&store);
    assert!(report.lost_contents > 10, "{report:#?}");
    assert_eq!(report.incomplete_files, 1);
    assert_eq!(report.lost_manifest_containers, 0);
    let marked = deleted(&original.open(&store).expect("open"));
    assert_eq!(marked.len() as u64, report.lost_contents + 1);

    original.clock.advance(Duration::from_secs(25 * 3600));
    let locks = tempfile::tempdir().expect("directory");
    let run = RunOptions {
        mode: Some(Mode::Full),
        safety: Safety::Full,
        force: true,
        dry_run: false,
        lock_directory: locks.path().to_owned(),
        cancel: Cancel::new(),
    };
    let repository = original.open(&store).expect("open");
    maintenance::run(&repository, &run)
        .expect("maintenance")
        .expect("it ran");
    let repository = original.open(&store).expect("open");
    assert_eq!(deleted(&repository), marked);
    for id in &marked {
        let info = repository.content_info(id).expect("index").expect("entry");
        let age = original.clock.now().as_second() - info.time as i64;
        assert!(age < 3600, "the mark of {id} is {age} s old");
    }

    for files in &original.snapshots {
        take(&repository, files);
    }
    write(&repository);
    let repository = original.open(&store).expect("open");
    assert_clean(&repository, "after new snapshots");
    let (listed, broken) = readable(&repository);
    assert_eq!((listed, broken.len()), (6, 0));
}

fn deleted(repository: &Repository) -> BTreeSet<ContentId> {
    let filter = ContentFilter {
        include_deleted: true,
        prefix: None,
    };
    let mut ids = BTreeSet::new();
    repository
        .for_each_content(filter, &mut |info| {
            ids.extend(info.deleted.then_some(info.id));
            Ok(())
        })
        .expect("contents");
    ids
}

/// What reading or listing makes of a healthy store for a moment is no damage: nothing is marked, whatever else is done.
#[test]
fn a_bad_transfer_and_a_late_listing_are_no_loss() {
    let original = Original::new(3);
    let attempt = |plan: &dyn Fn(&FaultyStore)| {
        let store = original.store.fork(original.clock.clone());
        let faulty = FaultyStore::new(Arc::new(store.clone()));
        plan(&faulty);
        let lost = original
            .repair(Arc::new(faulty.clone()), &apply())
            .map(|report| report.lost_contents);
        original.assert_whole(&store, &format!("{:?}", faulty.hits()));
        (lost, faulty)
    };
    let (none, undisturbed) = attempt(&|_| {});
    assert_eq!(none.expect("repairs"), 0);
    let calls = undisturbed.calls();
    let reads = calls.iter().filter(|call| {
        call.operation == BlobOperation::GetRange && call.name.starts_with(['p', 'q'])
    });
    let reads: Vec<_> = reads.collect();
    assert!(reads.len() > 15, "{reads:?}");
    let range = Some(BlobOperation::GetRange);
    let mut failed = 0;
    for (prefix, nth) in ["p", "q"].into_iter().flat_map(|prefix| {
        let count = reads.iter().filter(|call| call.name.starts_with(prefix));
        (1..=count.count()).map(move |nth| (prefix, nth))
    }) {
        let (lost, _) =
            attempt(&|store| store.plan(range, prefix, nth, Trigger::Flip(nth as u64 * 7919)));
        assert_eq!(lost.expect("repairs"), 0, "read {nth} of {prefix}");
        let broken = Trigger::Fail(ErrorKind::Corrupt);
        let (lost, _) = attempt(&|store| store.plan(range, prefix, nth, broken));
        match lost {
            Ok(lost) => assert_eq!(lost, 0, "read {nth} of {prefix}"),
            Err(_) => failed += 1,
        }
    }
    assert!(failed > 0, "a transfer that breaks off goes unnoticed");
    for pack in [original.blobs("p"), original.blobs("q")].concat() {
        let (lost, _) = attempt(&|store| {
            let pack = pack.clone();
            store.bend_listings(move |info| (info.id != pack).then_some(info));
        });
        assert_eq!(lost.expect("repairs"), 0, "{pack} is not listed");
    }
}

/// Kills repairs before their first call, before the second, and so on, until they end before they are killed; the next
/// repair reaches the end that an undisturbed one reaches.
#[test]
fn a_repair_that_is_killed_anywhere_is_completed_by_the_next() {
    let original = Original::new(1);
    let blobs = [
        (Damage::Zero, original.blobs("n")[1].clone()),
        (Damage::Remove, original.blobs("p")[0].clone()),
        (Damage::FlipLast, original.blobs("p")[1].clone()),
        (Damage::Truncate, original.blobs("q")[1].clone()),
        (Damage::Zero, id(FORMAT)),
    ];
    let mut killed = 0;
    for (damage, blob) in &blobs {
        let is_pack = blob.as_str().starts_with(['p', 'q']);
        let broken = match is_pack {
            true => readable_or_nothing(&original, &original.damaged(*damage, blob)),
            false => BTreeSet::new(),
        };
        for trigger in [Trigger::Kill, Trigger::KillAfter] {
            for nth in 1.. {
                let context = format!("{damage:?} of {blob}, {trigger:?} at call {nth}");
                let store = original.damaged(*damage, blob);
                let faulty = FaultyStore::new(Arc::new(store.clone()));
                faulty.plan(None, "", nth, trigger);
                let ended = original.repair(Arc::new(faulty.clone()), &apply());
                if faulty.hits().is_empty() && ended.is_ok() {
                    break;
                }
                let hit = faulty.hits().remove(0);
                let changes = matches!(hit.operation, BlobOperation::Put | BlobOperation::Delete);
                if trigger == Trigger::KillAfter && !changes {
                    continue;
                }
                killed += 1;
                original.clock.advance(Duration::from_secs(5));
                original
                    .repair(Arc::new(store.clone()), &apply())
                    .expect(&context);
                match is_pack {
                    true => original.assert_recoverable(&store, &broken, &context),
                    false => original.assert_whole(&store, &context),
                }
            }
        }
    }
    println!("repairs killed: {killed}");
    assert!(killed > 50, "{killed}");
}
