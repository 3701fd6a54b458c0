//! Object lock over months: nothing that is needed is ever without its lock, and what is not needed waits for the end of
//! its own.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use holdfast_host::{Cancel, Clock};
use holdfast_repository::format::{BlobConfiguration, RetentionSetting};
use holdfast_repository::maintenance::{
    FreedReason, LockCoverage, MaintenanceParameters, RunOptions, RunReport, Task, lock_coverage,
};
use holdfast_repository::manifest::ManifestEdits;
use holdfast_repository::{ContentFilter, CreateOptions, Error, OpenOptions, Repository};
use holdfast_storage::{BlobId, BlobStore, ErrorKind, MemoryStore, RetentionMode};
use holdfast_testkit::blobs::{BlobOperation, Trigger};
use secrecy::SecretString;

use super::world::{DAY, HOUR, World, figure, files, refused};

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

fn assert_needed_is_locked(world: &World) {
    let now = world.clock.now();
    for id in needed(world) {
        let lock = world.store.retention(&id).expect("retention");
        let until = lock.expect("a lock").until;
        assert!(until > now, "{id} is locked until {until}, and it is {now}");
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
        assert_needed_is_locked(&world);
    }
    assert!(waited > 0, "nothing ever waited");
    world.assert_whole();
    let counts = extensions(&world);
    // 30 days less a day for the next run and a day of margin.
    let most = counts.values().max().copied().unwrap_or(0);
    assert!((3..=5).contains(&most), "{counts:?}");
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
    // Once is enough for weeks.
    world.pass(DAY);
    let report = world.maintain();
    let task = report
        .tasks
        .iter()
        .find(|done| done.task == Task::ExtendBlobRetentionTime)
        .expect("task");
    assert!(task.skipped.is_some(), "{task:?}");
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
        safety: holdfast_repository::maintenance::Safety::None,
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
