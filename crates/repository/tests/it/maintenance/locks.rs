//! Object lock over months: nothing that is needed is ever without its lock, and what is not needed waits for the end of
//! its own.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_host::{Cancel, Clock};
use holdfast_repository::format::{
    BlobConfiguration, ParameterChanges, RetentionChange, RetentionSetting,
};
use holdfast_repository::maintenance::{
    self, FreedReason, LockCoverage, MaintenanceParameters, RunOptions, RunReport, Task,
    lock_coverage,
};
use holdfast_repository::manifest::ManifestEdits;
use holdfast_repository::{ContentFilter, CreateOptions, Error, OpenOptions, Repository};
use holdfast_storage::{BlobId, BlobStore, ErrorKind, MemoryStore, PutOptions, RetentionMode};
use holdfast_testkit::blobs::{BlobOperation, Trigger};
use secrecy::SecretString;

use super::world::{DAY, HOUR, World, figure, files, options, refused};

fn locked(days: u32) -> BlobConfiguration {
    BlobConfiguration {
        retention: Some(RetentionSetting {
            mode: RetentionMode::Compliance,
            period: DAY * days,
        }),
    }
}

fn world(days: u32, extend: bool) -> World {
    let world = World::locked(locked(days));
    let manifests = world.repository.manifests().expect("manifests");
    let parameters = MaintenanceParameters {
        extend_object_locks: extend,
        ..MaintenanceParameters::find(&manifests)
            .expect("find")
            .expect("parameters")
    };
    let mut edits = ManifestEdits::new(world.clock.clone());
    parameters.store(&mut edits, &manifests).expect("store");
    edits.publish(&world.repository).expect("publish");
    world
}

/// Blobs that hold what is needed: packs of contents that are not deleted, and everything that names them.
fn needed(world: &World) -> HashSet<BlobId> {
    world.repository.refresh().expect("refresh");
    let mut ids = HashSet::new();
    let filter = ContentFilter {
        include_deleted: false,
        prefix: None,
    };
    world
        .repository
        .for_each_content(filter, &mut |info| {
            ids.insert(info.pack.clone());
            Ok(())
        })
        .expect("contents");
    let others = ["kopia.repository", "kopia.blobcfg"];
    ids.extend(
        others
            .iter()
            .flat_map(|prefix| world.blobs(prefix))
            .map(|blob| blob.id),
    );
    ids
}

/// Every needed blob is locked for so long at least.
fn assert_needed_is_locked(world: &World, left: Duration) {
    let needed_until = world.clock.now() + left;
    for id in needed(world) {
        let lock = world.memory.retention(&id).expect("retention");
        let until = lock.expect("a lock").until;
        assert!(
            until >= needed_until,
            "{id} is locked until {until}, and not {needed_until}"
        );
    }
}

fn waits(report: &RunReport) -> u64 {
    let later = report.later.iter();
    later
        .filter(|freed| freed.reason == FreedReason::Locked)
        .map(|freed| freed.blobs)
        .sum()
}

fn coverage(world: &World) -> LockCoverage {
    let manifests = world.repository.manifests().expect("manifests");
    let parameters = MaintenanceParameters::find(&manifests)
        .expect("find")
        .expect("parameters");
    let schedule = world.repository.maintenance_schedule().expect("schedule");
    lock_coverage(&world.repository, &parameters, &schedule, &Cancel::new())
        .expect("coverage")
        .expect("an object lock")
}

/// How many blobs of the families that are locked there are.
fn lockable(world: &World) -> u64 {
    let families = ["p", "q", "x", "kopia.repository", "kopia.blobcfg"];
    families
        .iter()
        .map(|prefix| world.blobs(prefix).len() as u64)
        .sum()
}

/// Nothing but what was replaced under its own name was put away before its lock ended.
fn assert_nothing_was_deleted_under_its_lock(world: &World) {
    let hidden = world.memory.hidden();
    let deleted: Vec<_> = hidden
        .iter()
        .filter(|blob| !blob.id.as_str().starts_with("kopia."))
        .collect();
    assert!(deleted.is_empty(), "{deleted:?}");
}

fn extensions(world: &World) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in world.store.calls() {
        if call.operation == BlobOperation::Extend {
            *counts.entry(call.name).or_default() += 1;
        }
    }
    counts
}

#[test]
fn months_of_maintenance_leave_nothing_unlocked_and_nothing_for_ever() {
    const DAYS: u64 = 100;
    let mut world = world(30, true);
    let mut kept = Vec::new();
    let mut waited = 0;
    for day in 0..DAYS {
        // One file stays for ever, so its pack is needed for ever.
        kept.push(world.snapshot(files([0, 1000 + day])));
        if kept.len() > 3 {
            let id = kept.remove(0);
            world.delete(&id);
        }
        world.pass(HOUR);
        let report = world.maintain();
        waited = waited.max(waits(&report));
        assert_nothing_was_deleted_under_its_lock(&world);
        // The worst moment is the one before the next run.
        world.pass(DAY - HOUR);
        // 30 days less a tenth.
        assert_needed_is_locked(&world, DAY * 27);
    }
    assert!(waited > 0, "nothing ever waited");
    world.assert_whole();
    let counts = extensions(&world);
    // Every third day, and what is young more often.
    let most = counts.values().max().copied().unwrap_or(0);
    assert!((30..=40).contains(&most), "{counts:?}");
    let oldest = world.blobs("p").into_iter().map(|blob| blob.modified).min();
    let needed = needed(&world);
    for blob in world.blobs("p") {
        let age = world.clock.now().duration_since(blob.modified);
        let limit = DAY * 65;
        assert!(
            needed.contains(&blob.id) || age.unsigned_abs() < limit,
            "{} is not needed and {age:#} old; the oldest is of {oldest:?}",
            blob.id
        );
    }
}

#[test]
fn what_is_not_needed_waits_for_its_lock_and_then_goes() {
    let mut world = world(10, false);
    let id = world.snapshot(files(0..5));
    world.pass(HOUR);
    world.snapshot(files(5..9));
    world.delete(&id);
    let before = world.blobs("p").len() + world.blobs("q").len();
    let mut waited = 0;
    for day in 1..=14 {
        world.pass(DAY);
        let report = world.maintain();
        waited += waits(&report);
        assert_nothing_was_deleted_under_its_lock(&world);
        if day < 9 {
            assert_eq!(report.freed_blobs, 0, "day {day}");
        }
        if day == 8 {
            // What only waits is not counted as needed.
            let counted = coverage(&world).blobs;
            let all = lockable(&world);
            assert!(counted < all, "{counted} of {all}");
        }
        for freed in &report.later {
            assert!(freed.from > world.clock.now(), "{freed:?}");
        }
    }
    assert!(waited > 0);
    assert!(world.blobs("p").len() + world.blobs("q").len() < before + 2);
    assert_eq!(world.contents(true), world.needed());
    world.assert_whole();
}

#[test]
fn an_extension_that_fails_is_named_and_made_up_for() {
    let mut world = world(30, true);
    world.snapshot(files(0..3));
    world.pass(HOUR);
    world.store.plan(
        Some(BlobOperation::Extend),
        "p",
        1,
        Trigger::Fail(ErrorKind::AccessDenied),
    );
    let error = refused(world.try_run(&world.options()));
    assert!(
        matches!(error, Error::LocksNotExtended { failed: 1, .. }),
        "{error}"
    );
    world.pass(DAY);
    let report = world.maintain();
    let count = |name| figure(&report, Task::ExtendBlobRetentionTime, name);
    assert!(count("extendedBlobCount") > 3);
    assert_eq!(count("toExtendBlobCount"), count("extendedBlobCount"));
    // Once is enough for days; only what is new is locked for longer.
    let all = count("toExtendBlobCount");
    world.snapshot(files(7..8));
    world.pass(DAY);
    let report = world.maintain();
    let young = figure(&report, Task::ExtendBlobRetentionTime, "extendedBlobCount");
    assert!(0 < young && young < all, "{young} of {all}");
}

/// The object lock as a client sets it.
fn set_lock(world: &World, mode: Option<RetentionMode>) {
    let changes = ParameterChanges {
        retention: Some(match mode {
            None => RetentionChange::Off,
            Some(mode) => RetentionChange::On {
                mode: Some(mode),
                period: Some(DAY * 30),
            },
        }),
        ..ParameterChanges::default()
    };
    world.repository.set_parameters(&changes).expect("set");
}

#[test]
fn what_was_stored_while_the_lock_was_off_is_locked_by_the_next_run() {
    let mut world = world(30, true);
    world.snapshot(files(0..3));
    world.pass(HOUR);
    world.maintain();
    world.pass(HOUR);
    set_lock(&world, None);
    let id = world.snapshot(files(3..6));
    world.pass(HOUR);
    set_lock(&world, Some(RetentionMode::Compliance));
    let bare = |world: &World| {
        let ids = needed(world).into_iter();
        ids.filter(|id| world.memory.retention(id).expect("retention").is_none())
            .count()
    };
    assert!(bare(&world) > 0, "{id:?}");
    world.pass(DAY);
    world.maintain();
    assert_eq!(bare(&world), 0);
    assert_needed_is_locked(&world, DAY * 27);
}

#[test]
fn what_a_client_with_old_settings_stored_is_locked_by_the_next_run() {
    let mut world = world(30, true);
    set_lock(&world, None);
    let stale = world.client("stale");
    world.pass(Duration::from_secs(300));
    set_lock(&world, Some(RetentionMode::Compliance));
    world.snapshot(files(0..3));
    world.pass(Duration::from_secs(300));
    world.maintain();
    // It reads the settings again only after 15 minutes.
    world.pass(Duration::from_secs(200));
    world.snapshot_by(&stale, files(3..6));
    world.pass(DAY);
    world.maintain();
    assert_needed_is_locked(&world, DAY * 27);
}

/// A full run by a client that has not opened the repository yet.
fn open_and_run(world: &World) -> holdfast_repository::Result<Option<RunReport>> {
    maintenance::open_and_run(
        Arc::new(world.store.clone()),
        &SecretString::from("password"),
        &options(&world.clock, "owner"),
        &world.options(),
    )
}

/// Puts something else in the place of an index blob.
fn damage_an_index(world: &World, lock: impl Fn(&BlobId) -> PutOptions) {
    let index = world.blobs("xn").pop().expect("an index").id;
    let garbage = Bytes::from_static(b"no index at all");
    world
        .memory
        .put(&index, garbage, &lock(&index))
        .expect("put");
}

#[test]
fn a_damaged_index_does_not_cost_the_locks() {
    let mut world = world(30, true);
    world.snapshot(files(0..3));
    world.pass(HOUR);
    world.maintain();
    world.snapshot(files(3..6));
    damage_an_index(&world, |index| PutOptions {
        retention: world.memory.retention(index).expect("retention"),
    });
    for _ in 0..10 {
        world.pass(DAY);
        refused(open_and_run(&world));
    }
    let needed_until = world.clock.now() + DAY * 27;
    let mut seen = 0;
    for prefix in ["p", "q", "x", "kopia.repository", "kopia.blobcfg"] {
        for blob in world.blobs(prefix) {
            let lock = world.memory.retention(&blob.id).expect("retention");
            assert!(lock.expect("a lock").until >= needed_until, "{}", blob.id);
            seen += 1;
        }
    }
    assert!(seen > 6);
}

#[test]
fn a_damaged_record_begins_anew_and_costs_no_lock() {
    for garbage in [&b"no record at all"[..], b""] {
        let mut world = world(30, true);
        world.snapshot(files(0..3));
        world.pass(HOUR);
        world.maintain();
        for _ in 0..12 {
            let record = BlobId::new("kopia.maintenance").expect("a name");
            let garbage = Bytes::from_static(garbage);
            world
                .memory
                .put(&record, garbage, &PutOptions::default())
                .expect("put");
            world.pass(DAY);
            let report = world.try_run(&world.options());
            let report = report.expect("run").expect("it ran");
            assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
            assert!(
                report.problems[0].contains("kopia.maintenance is damaged"),
                "{:?}",
                report.problems
            );
            assert_needed_is_locked(&world, DAY * 27);
        }
        world.pass(DAY);
        let report = world.maintain();
        assert_eq!(report.problems, Vec::<String>::new());
        world.assert_whole();
    }
}

#[test]
fn without_extension_a_damaged_index_extends_nothing() {
    let mut world = world(30, false);
    world.snapshot(files(0..3));
    world.pass(HOUR);
    world.maintain();
    damage_an_index(&world, |_| PutOptions::default());
    world.pass(DAY);
    refused(open_and_run(&world));
    assert_eq!(extensions(&world), BTreeMap::new());
}

#[test]
fn packs_that_cannot_be_locked_do_not_keep_the_others_from_it() {
    let mut world = world(30, true);
    for seed in 0..25 {
        world.snapshot(files([seed]));
    }
    // Too young to be moved into fewer packs.
    world.pass(HOUR);
    let refusal = Trigger::Fail(ErrorKind::AccessDenied);
    world
        .store
        .plan_from(Some(BlobOperation::Extend), "q", 1, refusal);
    let error = refused(world.try_run(&world.options()));
    let packs = world.blobs("q").len();
    assert!(packs > 20);
    assert!(
        matches!(error, Error::LocksNotExtended { failed, .. } if failed == packs),
        "{error}"
    );
    let extended = extensions(&world);
    for prefix in ["p", "x", "kopia.repository", "kopia.blobcfg"] {
        for blob in world.blobs(prefix) {
            assert!(extended.contains_key(blob.id.as_str()), "{}", blob.id);
        }
    }
    // Twenty failures, and those under way at that moment.
    let tried = extended.keys().filter(|name| name.starts_with('q')).count();
    assert!((20..36).contains(&tried), "{tried} of {packs}");
}

#[test]
fn what_leads_to_everything_else_is_locked_first() {
    let mut world = world(30, true);
    world.snapshot(files(0..3));
    world.pass(HOUR);
    world.maintain();
    let order: Vec<usize> = world
        .store
        .calls()
        .into_iter()
        .filter(|call| call.operation == BlobOperation::Extend)
        .map(|call| {
            let families = ["kopia.repository", "kopia.blobcfg", "x", "q", "p"];
            families
                .iter()
                .position(|prefix| call.name.starts_with(prefix))
        })
        .map(|family| family.expect("a family"))
        .collect();
    assert!(order.is_sorted() && order.last() == Some(&4), "{order:?}");
}

#[test]
fn what_the_store_does_not_tell_counts_as_locked() {
    let mut world = world(10, false);
    let id = world.snapshot(files(0..5));
    world.pass(HOUR);
    world.snapshot(files(5..9));
    world.delete(&id);
    let denied = Trigger::Fail(ErrorKind::AccessDenied);
    world
        .store
        .plan_from(Some(BlobOperation::Retention), "", 1, denied);
    let unknown = coverage(&world);
    assert_eq!(
        (
            unknown.unknown_blobs,
            unknown.covered_blobs,
            unknown.unlocked_blobs
        ),
        (unknown.blobs, 0, 0)
    );
    let mut told = String::new();
    for _ in 0..14 {
        world.pass(DAY);
        let report = world
            .try_run(&world.options())
            .expect("run")
            .expect("it ran");
        assert_eq!(report.freed_blobs, 0);
        told += &report.problems.concat();
    }
    assert!(told.contains("GetObjectRetention"), "{told}");
    // With the permission they go.
    world.store.reset();
    let report = world.maintain();
    assert!(report.freed_blobs > 0);
    world.assert_whole();
}

#[test]
fn a_killed_extension_is_done_again() {
    for nth in [1, 2, 4] {
        let mut world = world(30, true);
        world.snapshot(files(0..3));
        world.pass(HOUR);
        let extend = Some(BlobOperation::Extend);
        world.store.plan(extend, "", nth, Trigger::Kill);
        refused(world.try_run(&world.options()));
        world.store.reset();
        let report = world.maintain();
        let count = |name| figure(&report, Task::ExtendBlobRetentionTime, name);
        assert_eq!(count("toExtendBlobCount"), count("extendedBlobCount"));
    }
}

#[test]
fn a_collection_that_fails_does_not_cost_the_locks() {
    let mut world = world(30, true);
    world.snapshot(files(0..3));
    world.pass(HOUR);
    let options = RunOptions {
        safety: maintenance::Safety::None,
        ..world.options()
    };
    let old = world.snapshot(files(9..12));
    world.delete(&old);
    world.pass(DAY * 40);
    // The first pack that is to be deleted is not.
    world.store.plan(
        Some(BlobOperation::Delete),
        "p",
        1,
        Trigger::Fail(ErrorKind::Other),
    );
    refused(world.try_run(&options));
    let schedule = world.repository.maintenance_schedule().expect("schedule");
    let runs = schedule.runs_of(Task::ExtendBlobRetentionTime);
    assert!(runs.first().is_some_and(|run| run.success), "{runs:?}");
}

#[test]
fn a_dry_run_says_how_many_and_extends_none() {
    let mut world = world(30, true);
    world.snapshot(files(0..3));
    let report = world.run(&RunOptions {
        dry_run: true,
        ..world.options()
    });
    let count = |name| figure(&report, Task::ExtendBlobRetentionTime, name);
    assert!(count("toExtendBlobCount") > 3);
    assert_eq!(count("extendedBlobCount"), 0);
    assert!(extensions(&world).is_empty());
}

#[test]
fn coverage_counts_what_holds_beyond_the_next_run() {
    let mut world = world(10, false);
    world.snapshot(files(0..3));
    let young = coverage(&world);
    assert!(young.blobs > 4);
    assert_eq!(
        (young.covered_blobs, young.covered_bytes),
        (young.blobs, young.bytes)
    );
    assert_eq!(young.unlocked_blobs, 0);
    // Still locked, but not beyond the next run and a day.
    world.pass(DAY * 9 + HOUR);
    let old = coverage(&world);
    assert_eq!((old.covered_blobs, old.unlocked_blobs), (0, 0));
    assert!(old.first_end.is_some_and(|end| end < old.needed_until));
    world.pass(DAY);
    let bare = coverage(&world);
    assert_eq!((bare.unlocked_blobs, bare.first_end), (bare.blobs, None));
    world.snapshot(files(3..4));
    let mixed = coverage(&world);
    assert!(mixed.covered_blobs > 0 && mixed.covered_blobs < mixed.blobs);
}

#[test]
fn a_store_without_object_lock_is_refused_before_anything_is_written() {
    let store = Arc::new(MemoryStore::new());
    let options = CreateOptions {
        blobs: locked(30),
        ..CreateOptions::default()
    };
    let error = Repository::create(
        store.clone(),
        &SecretString::from("password"),
        &options,
        &OpenOptions::default(),
    )
    .expect_err("it must be refused");
    assert!(error.to_string().contains("cannot lock"), "{error}");
    let store: &dyn BlobStore = store.as_ref();
    assert_eq!(store.list_all("").expect("list"), []);
}
