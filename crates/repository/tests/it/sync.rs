//! Copying a repository blob by blob: what the destination is at every moment, and what is refused.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use holdfast_host::{Cancel, Clock, SystemClock};
use holdfast_repository::format::{BlobConfiguration, FormatBlob, FormatKey, RetentionSetting};
use holdfast_repository::maintenance;
use holdfast_repository::snapshot;
use holdfast_repository::sync::{BlobTally, SyncOptions, SyncProgress, SyncReport, sync};
use holdfast_repository::{CreateOptions, Error, Repository};
use holdfast_storage::{
    BlobId, BlobInfo, BlobStore, ErrorKind, MemoryStore, PutOptions, RetentionMode,
};
use holdfast_testkit::blobs::{BlobOperation, FaultyStore, Trigger};
use secrecy::SecretString;

use crate::maintenance::world::{DAY, HOUR, World, files, options as client};

fn options() -> SyncOptions {
    SyncOptions {
        delete: false,
        confirmed: false,
        dry_run: false,
        must_exist: false,
        lock: None,
        clock: Arc::new(SystemClock::new()),
        parallelism: NonZeroUsize::MIN,
        progress: Arc::new(SyncProgress::default()),
        cancel: Cancel::new(),
    }
}

/// Deletes as much as it takes.
fn deleting() -> SyncOptions {
    SyncOptions {
        delete: true,
        confirmed: true,
        ..options()
    }
}

/// An empty destination on the clock of the source.
fn destination(world: &World) -> MemoryStore {
    MemoryStore::with_clock(world.clock.clone())
}

fn copy(world: &World, to: &(dyn BlobStore + 'static), options: &SyncOptions) -> SyncReport {
    sync(&world.store, to, options).expect("copy")
}

fn key(world: &World) -> FormatKey {
    let id = BlobId::new("kopia.repository").expect("a name");
    let blob = FormatBlob::parse(&world.store.get(&id).expect("the format")).expect("parse");
    blob.derive_key(&SecretString::from("password"))
        .expect("a key")
}

fn open(world: &World, store: &MemoryStore, key: &FormatKey) -> Result<Arc<Repository>, Error> {
    Repository::open_with_key(
        Arc::new(store.clone()),
        key,
        &client(&world.clock, "reader"),
    )
}

/// Reads every file of every snapshot; returns the ids of the snapshots.
fn read_all(repository: &Arc<Repository>) -> BTreeSet<String> {
    read_of(repository, |_| true)
}

/// The ids of all snapshots, after reading every file of those that are chosen.
fn read_of(repository: &Arc<Repository>, chosen: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let manifests = repository.manifests().expect("manifests");
    let mut ids = BTreeSet::new();
    for snapshot in snapshot::list(&manifests, None) {
        ids.insert(snapshot.id.to_string());
        if !chosen(snapshot.id.as_str()) {
            continue;
        }
        let root = snapshot.root_entry.as_ref().expect("a root");
        let walked = repository.walk_tree(root, &mut |item| {
            if let Some(object) = item.entry.object.filter(|_| item.directory.is_none()) {
                repository.read_object(&object)?;
            }
            Ok(ControlFlow::Continue(()))
        });
        walked.expect("every file can be read");
    }
    ids
}

fn alive(world: &World) -> BTreeSet<String> {
    world.alive.keys().map(ToString::to_string).collect()
}

/// What a copy should have: the record of maintenance is not copied.
fn names(store: &(dyn BlobStore + 'static)) -> Vec<(String, u64)> {
    let blobs = store.list_all("").expect("list");
    blobs
        .into_iter()
        .filter(|blob| blob.id.as_str() != "kopia.maintenance")
        .map(|blob| (blob.id.to_string(), blob.length))
        .collect()
}

/// A repository with a past: snapshots, some deleted, epochs merged, packs rewritten.
fn aged() -> World {
    let mut world = World::new();
    let mut seed = 0;
    for _ in 0..4 {
        let first = world.snapshot(files(seed..seed + 8));
        for _ in 0..12 {
            world.pass(HOUR);
            seed += 1;
            world.snapshot(files(seed..seed + 8));
        }
        world.delete(&first);
        world.pass(2 * DAY);
        world.maintain();
    }
    world
}

#[test]
fn a_copy_has_the_same_blobs_and_reads_the_same() {
    let world = aged();
    let to = destination(&world);
    let report = copy(&world, &to, &options());
    assert_eq!(names(&to), names(&world.store));
    assert_eq!(report.copied, report.source);
    for (name, _) in names(&to) {
        let id = BlobId::new(name).expect("a name");
        assert!(
            to.get(&id).expect("get") == world.store.get(&id).expect("get"),
            "{id}"
        );
    }
    let repository = open(&world, &to, &key(&world)).expect("open");
    assert_eq!(read_all(&repository), alive(&world));
    let again = copy(&world, &to, &deleting());
    assert_eq!((again.same, again.copied.blobs), (again.source, 0));
    assert_eq!((again.deleted.blobs, again.extra.blobs), (0, 0));
}

/// Kills a copy before every single write, looks at what is there, and lets the next run end it.
fn killed_everywhere(
    world: &World,
    begun: &MemoryStore,
    options: &SyncOptions,
    known: &BTreeSet<String>,
) {
    let key = key(world);
    let whole = begun.fork(world.clock.clone());
    copy(world, &whole, options);
    let format = BlobId::new("kopia.repository").expect("a name");
    let first_copy = begun.stat(&format).is_err();
    let allowed: BTreeSet<String> = known.union(&alive(world)).cloned().collect();
    let kept: BTreeSet<String> = known.intersection(&alive(world)).cloned().collect();
    let mut moments = 0;
    for nth in 1.. {
        let to = begun.fork(world.clock.clone());
        let mortal = FaultyStore::new(Arc::new(to.clone()));
        for operation in [BlobOperation::Put, BlobOperation::Delete] {
            mortal.plan(Some(operation), "", nth, Trigger::Kill);
        }
        let ended = sync(&world.store, &mortal, options);
        if ended.is_ok() {
            break;
        }
        moments += 1;
        if to.stat(&format).is_ok() {
            let repository = open(world, &to, &key).expect("what has a format blob opens");
            let found = read_of(&repository, |id| kept.contains(id));
            assert!(found.is_subset(&allowed), "{nth}: {found:?}");
            assert!(found.is_superset(&kept), "{nth}: {found:?}");
        } else {
            assert!(first_copy, "{nth}: the format blob went away");
        }
        let report = sync(&world.store, &to, options).expect("the next run ends it");
        assert_eq!(names(&to), names(&whole), "{nth}");
        let all = report.same.blobs + report.copied.blobs + report.replaced.blobs;
        assert_eq!(all, report.source.blobs);
        assert!(
            report.same.blobs >= nth as u64 - 1 || options.delete,
            "{nth}: {report:?}"
        );
    }
    assert!(moments > 10, "only {moments} moments");
}

#[test]
fn a_first_copy_is_whole_or_cannot_be_opened() {
    let world = aged();
    killed_everywhere(&world, &destination(&world), &options(), &BTreeSet::new());
}

#[test]
fn what_a_copy_holds_stays_whole_while_it_is_brought_up_to_date() {
    for delete in [false, true] {
        let mut world = aged();
        let to = destination(&world);
        copy(&world, &to, &options());
        let known = alive(&world);
        for seed in 200..215 {
            world.pass(HOUR);
            world.snapshot(files(seed..seed + 5));
        }
        let oldest = world.alive.keys().next().expect("a snapshot").clone();
        world.delete(&oldest);
        for _ in 0..3 {
            world.pass(2 * DAY);
            world.maintain();
        }
        let options = match delete {
            true => deleting(),
            false => options(),
        };
        killed_everywhere(&world, &to, &options, &known);
        let report = copy(&world, &to, &options);
        assert!(report.copied.blobs > 0, "{report:?}");
        assert_eq!(report.deleted.blobs > 0, delete, "{report:?}");
        assert_eq!(report.extra.blobs > 0, !delete, "{report:?}");
        let repository = open(&world, &to, &key(&world)).expect("open");
        assert!(read_all(&repository).is_superset(&alive(&world)));
        if delete {
            assert_eq!(names(&to), names(&world.store));
            assert_eq!(read_all(&repository), alive(&world));
        }
    }
}

#[test]
fn repositories_without_epochs_are_copied_too() {
    let mut world = World::with(&CreateOptions {
        format_version: 1,
        ..CreateOptions::default()
    });
    let to = destination(&world);
    for seed in 0..12 {
        world.pass(HOUR);
        world.snapshot(files(seed..seed + 5));
        if seed == 4 {
            copy(&world, &to, &options());
        }
    }
    world.pass(2 * DAY);
    world.maintain();
    let report = copy(&world, &to, &deleting());
    assert!(report.deleted.blobs + report.copied.blobs > 0, "{report:?}");
    assert_eq!(names(&to), names(&world.store));
    let repository = open(&world, &to, &key(&world)).expect("open");
    assert_eq!(read_all(&repository), alive(&world));
}

#[test]
fn other_data_is_refused_and_left_alone() {
    let mut world = World::new();
    world.snapshot(files(0..5));
    let mut foreign = World::new();
    foreign.snapshot(files(0..5));
    let to = destination(&foreign);
    copy(&foreign, &to, &options());
    let before = names(&to);
    let refused = sync(&world.store, &to, &deleting());
    assert!(
        matches!(refused, Err(Error::OtherRepository { .. })),
        "{refused:?}"
    );
    assert_eq!(names(&to), before);
    let format = BlobId::new("kopia.repository").expect("a name");
    to.delete(&format).expect("delete");
    let before = names(&to);
    let refused = sync(&world.store, &to, &deleting());
    assert!(
        matches!(refused, Err(Error::OtherRepository { .. })),
        "{refused:?}"
    );
    assert_eq!(names(&to), before);
    let nothing = MemoryStore::new();
    let refused = sync(&nothing, &to, &options());
    assert!(
        matches!(refused, Err(Error::RepositoryMissing { .. })),
        "{refused:?}"
    );
    let strict = SyncOptions {
        must_exist: true,
        ..options()
    };
    let refused = sync(&world.store, &nothing, &strict);
    assert!(
        matches!(refused, Err(Error::RepositoryMissing { .. })),
        "{refused:?}"
    );
    assert_eq!(names(&nothing), []);
}

#[test]
fn a_dry_run_says_what_the_run_then_does() {
    let mut world = aged();
    let to = destination(&world);
    copy(&world, &to, &options());
    world.snapshot(files(300..310));
    world.pass(3 * DAY);
    world.maintain();
    let before = names(&to);
    let dry = SyncOptions {
        dry_run: true,
        ..deleting()
    };
    let told = copy(&world, &to, &dry);
    assert_eq!(names(&to), before);
    assert!(told.dry_run && told.copied.blobs > 0, "{told:?}");
    let options = SyncOptions {
        parallelism: NonZeroUsize::new(4).expect("a number"),
        ..deleting()
    };
    let done = copy(&world, &to, &options);
    assert_eq!(
        SyncReport {
            dry_run: false,
            needs_confirmation: None,
            ..told
        },
        done
    );
    let sent = done.copied.bytes + done.replaced.bytes;
    assert_eq!(options.progress.bytes_done(), sent);
    assert_eq!(options.progress.bytes_total(), sent);
}

#[test]
fn a_damaged_blob_of_the_destination_is_replaced() {
    let mut world = World::new();
    world.snapshot(files(0..5));
    let to = destination(&world);
    copy(&world, &to, &options());
    let store: &dyn BlobStore = &to;
    let pack = store.list_all("p").expect("list").remove(0);
    to.put(
        &pack.id,
        Bytes::from_static(b"short"),
        &PutOptions::default(),
    )
    .expect("put");
    let report = copy(&world, &to, &options());
    assert_eq!(
        report.replaced,
        BlobTally {
            blobs: 1,
            bytes: pack.length
        }
    );
    assert_eq!(names(&to), names(&world.store));
}

#[test]
fn a_blob_that_the_source_has_cut_off_stays_whole_in_the_copy() {
    let mut world = aged();
    let to = destination(&world);
    copy(&world, &to, &options());
    let victims = ["p", "q", "x"].map(|family| {
        let whole = |blob: &BlobInfo| blob.length > 20;
        let mut blobs = world.blobs(family).into_iter().filter(whole);
        blobs.next_back().expect("a blob")
    });
    world.snapshot(files(600..605));
    let new = world.blobs("").len();
    for (victim, left) in victims.iter().zip([0, 1, 20]) {
        let data = world.memory.get(&victim.id).expect("get").slice(..left);
        let put = world.memory.put(&victim.id, data, &PutOptions::default());
        put.expect("put");
    }
    let report = copy(&world, &to, &deleting());
    assert_eq!(
        report.cut,
        BlobTally {
            blobs: 3,
            bytes: 21
        }
    );
    let mut named = report.cut_names.clone();
    named.sort();
    let mut expected = victims.clone().map(|victim| victim.id.to_string());
    expected.sort();
    assert_eq!(named, expected);
    assert_eq!((report.replaced.blobs, report.deleted.blobs), (0, 0));
    for victim in &victims {
        assert_eq!(to.stat(&victim.id).expect("stat").length, victim.length);
    }
    // Everything else is copied, and the copy is whole.
    assert!(report.copied.blobs > 0 && names(&to).len() >= new - 1);
    let repository = open(&world, &to, &key(&world)).expect("open");
    assert_eq!(read_all(&repository), alive(&world));
}

#[test]
fn maintenance_of_the_source_during_a_copy_does_no_harm() {
    let mut world = aged();
    world.snapshot(files(400..420));
    let oldest = world.alive.keys().next().expect("a snapshot").clone();
    world.delete(&oldest);
    for _ in 0..3 {
        world.pass(2 * DAY);
        world.maintain();
    }
    let to = destination(&world);
    let lost = world.blobs("q").remove(0);
    let data = world.store.get(&lost.id).expect("get");
    let source = world.store.beside();
    let (store, id) = (world.store.beside(), lost.id.clone());
    source.interrupt(Some(BlobOperation::Get), lost.id.as_str(), 1, {
        let store = store.clone();
        move || store.delete(&id).expect("delete")
    });
    // Before the second pass lists, it is there again, as what replaced it would be.
    let id = lost.id.clone();
    source.interrupt(Some(BlobOperation::List), "x", 2, move || {
        store.put(&id, data, &PutOptions::default()).expect("put");
    });
    let report = sync(&source, &to, &options()).expect("copy");
    assert_eq!(report.source.blobs, names(&to).len() as u64);
    let repository = open(&world, &to, &key(&world)).expect("open");
    assert_eq!(read_all(&repository), alive(&world));
    // What goes away again and again ends it.
    let source = world.store.beside();
    source.plan_from(
        Some(BlobOperation::Get),
        "p",
        1,
        Trigger::Fail(ErrorKind::NotFound),
    );
    let refused = sync(&source, &destination(&world), &options());
    assert!(
        matches!(refused, Err(Error::SourceUnstable { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_full_destination_and_a_request_to_stop_end_it() {
    let mut world = World::new();
    world.snapshot(files(0..5));
    let full = FaultyStore::new(Arc::new(destination(&world)));
    full.plan_from(
        Some(BlobOperation::Put),
        "",
        2,
        Trigger::Fail(ErrorKind::Full),
    );
    let options = SyncOptions {
        parallelism: NonZeroUsize::new(3).expect("a number"),
        ..options()
    };
    match sync(&world.store, &full, &options) {
        Err(Error::Storage(error)) => assert_eq!(error.kind(), ErrorKind::Full),
        other => panic!("{other:?}"),
    }
    assert!(!full.puts().contains(&"kopia.repository".to_owned()));
    options.cancel.cancel();
    match sync(&world.store, &destination(&world), &options) {
        Err(Error::Storage(error)) => assert!(error.is_cancelled(), "{error}"),
        other => panic!("{other:?}"),
    }
}

fn id(name: &str) -> BlobId {
    BlobId::new(name).expect("a name")
}

#[test]
fn the_record_of_maintenance_stays_where_it_was_made() {
    let world = aged();
    let to = destination(&world);
    let record = id("kopia.maintenance");
    assert!(world.store.stat(&record).is_ok());
    // As earlier versions copied it.
    let data = world.store.get(&record).expect("get");
    to.put(&record, data, &PutOptions::default()).expect("put");
    copy(&world, &to, &options());
    assert!(to.stat(&record).is_err());
    let again = copy(&world, &to, &deleting());
    assert_eq!((again.copied.blobs, again.deleted.blobs), (0, 0));
}

/// Full maintenance of the copy itself, day after day.
fn maintain_copy(world: &World, repository: &Arc<Repository>) {
    for _ in 0..3 {
        world.pass(2 * DAY);
        let options = maintenance::RunOptions {
            force: true,
            ..world.options()
        };
        maintenance::run(repository, &options).expect("run");
    }
}

#[test]
fn a_copy_that_was_maintained_by_itself_is_refused() {
    let mut world = aged();
    let to = destination(&world);
    copy(&world, &to, &options());
    let repository = open(&world, &to, &key(&world)).expect("open");
    maintain_copy(&world, &repository);
    world.snapshot(files(500..505));
    let before = names(&to);
    let refused = sync(&world.store, &to, &options());
    match refused {
        Err(error @ Error::CopyMaintained { .. }) => {
            assert!(error.to_string().contains("--delete"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(names(&to), before);
    // Made the same again, it reads all that the source has.
    copy(&world, &to, &deleting());
    assert_eq!(names(&to), names(&world.store));
    let repository = open(&world, &to, &key(&world)).expect("open");
    assert_eq!(read_all(&repository), alive(&world));
    copy(&world, &to, &options());
}

#[test]
fn a_new_password_comes_step_by_step_and_one_of_both_always_opens() {
    let lock = BlobConfiguration {
        retention: Some(RetentionSetting {
            mode: RetentionMode::Governance,
            period: DAY * 2,
        }),
    };
    for blobs in [BlobConfiguration::default(), lock] {
        let mut world = match blobs.retention {
            None => World::new(),
            Some(_) => World::locked(blobs),
        };
        world.snapshot(files(0..3));
        let to = destination(&world);
        copy(&world, &to, &options());
        let old = key(&world);
        let format = FormatBlob::parse(&world.store.get(&id("kopia.repository")).expect("get"));
        let new = format
            .expect("parse")
            .derive_key(&SecretString::from("another"))
            .expect("a key");
        let opens = |store: &MemoryStore, what: &str| {
            let with = [&old, &new].map(|key| open(&world, store, key).map(drop));
            assert!(with.iter().any(Result::is_ok), "{what}: {with:?}");
        };
        let mut states = 0;
        // The source may itself have been interrupted anywhere.
        for changed in 1.. {
            let source = world.memory.fork(world.clock.clone());
            let mortal = FaultyStore::new(Arc::new(source.clone()));
            for operation in [BlobOperation::Put, BlobOperation::Delete] {
                mortal.plan(Some(operation), "", changed, Trigger::Kill);
            }
            let done = Repository::change_key(&mortal, &old, &new, world.clock.as_ref());
            for nth in 1.. {
                let to = to.fork(world.clock.clone());
                let mortal = FaultyStore::new(Arc::new(to.clone()));
                for operation in [BlobOperation::Put, BlobOperation::Delete] {
                    mortal.plan(Some(operation), "", nth, Trigger::Kill);
                }
                let ended = sync(&source, &mortal, &options());
                opens(&to, &format!("source at {changed}, copy at {nth}"));
                states += 1;
                if ended.is_ok() {
                    break;
                }
            }
            if done.is_ok() {
                break;
            }
        }
        assert!(states >= 6, "only {states} states");
    }
}

/// When the lock of a blob ends.
fn locked_until(store: &MemoryStore, blob: &BlobInfo) -> Option<jiff::Timestamp> {
    let lock = store.retention(&blob.id).expect("retention");
    lock.map(|lock| lock.until)
}

#[test]
fn a_copy_is_locked_when_that_is_asked_for_and_its_locks_are_renewed() {
    let setting = RetentionSetting {
        mode: RetentionMode::Compliance,
        period: DAY * 10,
    };
    let mut world = World::locked(BlobConfiguration {
        retention: Some(setting),
    });
    let first = world.snapshot(files(0..5));
    let to = MemoryStore::with_object_lock(world.clock.clone());
    let report = copy(&world, &to, &options());
    assert!(report.unlocked_copy);
    let store: &dyn BlobStore = &to;
    let all = || store.list_all("").expect("list");
    assert!(all().iter().all(|blob| locked_until(&to, blob).is_none()));
    let options = SyncOptions {
        lock: Some(setting),
        clock: world.clock.clone(),
        ..options()
    };
    for seed in 5..8 {
        world.snapshot(files([seed]));
        let report = sync(&world.store, &to, &options).expect("copy");
        assert!(!report.unlocked_copy);
        let until = world.clock.now() + DAY * 10;
        for blob in all() {
            assert_eq!(locked_until(&to, &blob), Some(until), "{}", blob.id);
        }
        world.pass(DAY * 3);
    }
    world.delete(&first);
    for _ in 0..14 {
        world.pass(DAY);
        world.maintain();
    }
    // They ended meanwhile, so nothing keeps what the source no longer has.
    let options = SyncOptions {
        delete: true,
        confirmed: true,
        ..options
    };
    let report = sync(&world.store, &to, &options).expect("copy");
    assert_eq!(report.locked.blobs, 0);
    assert!(report.deleted.blobs > 0, "{report:?}");
}

#[test]
fn locks_are_renewed_even_when_the_copy_then_fails() {
    let mut world = World::new();
    world.snapshot(files(0..5));
    let to = MemoryStore::with_object_lock(world.clock.clone());
    let locking = SyncOptions {
        lock: Some(RetentionSetting {
            mode: RetentionMode::Compliance,
            period: DAY * 10,
        }),
        clock: world.clock.clone(),
        ..options()
    };
    sync(&world.store, &to, &locking).expect("copy");
    world.pass(DAY * 9);
    world.snapshot(files(5..7));
    let full = FaultyStore::new(Arc::new(to.clone()));
    let failure = Trigger::Fail(ErrorKind::Full);
    full.plan_from(Some(BlobOperation::Put), "", 1, failure);
    sync(&world.store, &full, &locking).expect_err("a full destination");
    let store: &dyn BlobStore = &to;
    let until = world.clock.now() + DAY * 10;
    for blob in store.list_all("").expect("list") {
        assert_eq!(locked_until(&to, &blob), Some(until), "{}", blob.id);
    }
    // A lock that cannot be renewed does not keep the copy from being made, and is told.
    let failing = FaultyStore::new(Arc::new(to.clone()));
    let failure = Trigger::Fail(ErrorKind::AccessDenied);
    failing.plan_from(Some(BlobOperation::Extend), "p", 1, failure);
    let ended = sync(&world.store, &failing, &locking);
    assert!(
        matches!(ended, Err(Error::LocksNotExtended { .. })),
        "{ended:?}"
    );
    assert_eq!(names(&to), names(&world.store));
}

#[test]
fn what_the_copy_locks_is_deleted_only_after_that() {
    let mut world = aged();
    let to = MemoryStore::with_object_lock(world.clock.clone());
    let locking = SyncOptions {
        lock: Some(RetentionSetting {
            mode: RetentionMode::Compliance,
            period: DAY * 20,
        }),
        clock: world.clock.clone(),
        ..deleting()
    };
    sync(&world.store, &to, &locking).expect("copy");
    let oldest = world.alive.keys().next().expect("a snapshot").clone();
    world.delete(&oldest);
    for _ in 0..3 {
        world.pass(2 * DAY);
        world.maintain();
    }
    let kept = sync(&world.store, &to, &locking).expect("copy");
    assert!(kept.locked.blobs > 0 && kept.deleted.blobs == 0, "{kept:?}");
    assert_eq!(kept.locked, kept.extra);
    assert!(
        to.hidden()
            .iter()
            .all(|blob| blob.id.as_str().starts_with("kopia."))
    );
    world.pass(DAY * 21);
    let gone = sync(&world.store, &to, &locking).expect("copy");
    assert_eq!((gone.deleted, gone.locked.blobs), (kept.locked, 0));
    assert_eq!(names(&to), names(&world.store));
}

#[test]
fn a_source_that_is_not_listed_to_its_end_costs_the_copy_nothing() {
    let world = aged();
    let to = destination(&world);
    copy(&world, &to, &options());
    let before = names(&to);
    let half = world.store.beside();
    let hidden = world.blobs("p").pop().expect("a pack").id;
    half.bend_listings(move |blob| (blob.id != hidden).then_some(blob));
    let refused = sync(&half, &to, &deleting());
    assert!(
        matches!(refused, Err(Error::SourceUnstable { .. })),
        "{refused:?}"
    );
    assert_eq!(names(&to), before);
    for family in ["p", "x"] {
        let empty = world.store.beside();
        empty.bend_listings(move |blob| {
            let name = blob.id.as_str();
            let gone = name.starts_with(family) || (family == "p" && name.starts_with('q'));
            (!gone).then_some(blob)
        });
        let refused = sync(&empty, &to, &deleting());
        assert!(
            matches!(refused, Err(Error::SourceEmptied { .. })),
            "{family}: {refused:?}"
        );
        assert_eq!(names(&to), before);
    }
}

#[test]
fn deleting_much_or_what_nobody_else_has_takes_a_confirmation() {
    let mut world = World::new();
    world.snapshot(files(0..2));
    let to = destination(&world);
    copy(&world, &to, &options());
    let careful = SyncOptions {
        confirmed: false,
        ..deleting()
    };
    // Data that is in the copy alone.
    let stray = open(&world, &to, &key(&world)).expect("open");
    world.snapshot_by(&stray, files(50..52));
    let before = names(&to);
    let refused = sync(&world.store, &to, &careful);
    match refused {
        Err(Error::DeletionUnconfirmed {
            reason, examples, ..
        }) => {
            assert!(reason.contains("in no other place"), "{reason}");
            assert!(!examples.is_empty());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(names(&to), before);
    let dry = SyncOptions {
        dry_run: true,
        ..careful.clone()
    };
    let told = sync(&world.store, &to, &dry).expect("dry run");
    assert!(told.needs_confirmation.is_some() && !told.examples.is_empty());
    copy(&world, &to, &deleting());
    assert_eq!(names(&to), names(&world.store));
    // Many packs.
    for number in 0..30 {
        let name = id(&format!("p{number:032x}"));
        to.put(&name, Bytes::from_static(b"old"), &PutOptions::default())
            .expect("put");
    }
    let refused = sync(&world.store, &to, &careful);
    assert!(
        matches!(&refused, Err(Error::DeletionUnconfirmed { reason, .. }) if reason.contains("30 of the")),
        "{refused:?}"
    );
    let report = copy(&world, &to, &deleting());
    assert_eq!((report.deleted.blobs, report.examples.len()), (30, 20));
}
