//! From the deletion of a snapshot to the last byte of it, and what stands in the way.

use std::time::Duration;

use bytes::Bytes;
use holdfast_host::Clock;
use holdfast_repository::maintenance::{
    FreedReason, MaintenanceParameters, Mode, RunOptions, RunReport, Safety, Task,
};
use holdfast_repository::manifest::ManifestEdits;
use holdfast_repository::{Error, snapshot};
use holdfast_storage::{BlobId, BlobStore, PutOptions};

use super::world::{DAY, HOUR, World, figure, files, refused};

/// A few packs with next to nothing in them: padding and indexes, in bytes.
const SMALL_PACKS: u64 = 18_000;

#[test]
fn what_no_snapshot_needs_is_gone_after_three_days() {
    let mut world = World::new();
    let first = world.snapshot(files(0..20));
    world.pass(HOUR);
    world.snapshot(files(10..30));
    world.pass(2 * DAY);
    world.delete(&first);
    world.pass(HOUR);

    let planned = world.run(&RunOptions {
        dry_run: true,
        ..world.options()
    });
    let before = (world.blobs(""), world.bytes("p") + world.bytes("q"));
    let report = world.maintain();
    // Ten files and a directory; the deleted manifest is the repository's own business.
    for report in [&planned, &report] {
        assert_eq!(figure(report, Task::SnapshotGc, "toDeleteContentCount"), 11);
        assert_eq!((report.freed_blobs, report.freed_bytes), (0, 0));
    }
    assert_eq!(figure(&planned, Task::SnapshotGc, "deletedContentCount"), 0);
    assert_eq!(figure(&report, Task::SnapshotGc, "deletedContentCount"), 11);
    let when = |report: &RunReport| -> Vec<_> {
        let later = report.later.iter();
        later
            .map(|later| (later.from, later.reason, later.blobs))
            .collect()
    };
    assert_eq!(when(&planned), when(&report));
    assert!(report.later.len() > 1);
    assert_ne!(before.0, world.blobs(""));
    world.assert_whole();
    assert_eq!(world.contents(true).len(), 11 + world.needed().len());

    let mut freed = 0;
    for day in 1..=3 {
        world.pass(DAY);
        let due: u64 = report
            .later
            .iter()
            .filter(|later| later.from <= world.clock.now())
            .map(|later| later.bytes)
            .sum();
        let report = world.maintain();
        freed += report.freed_bytes;
        // The run of the second day moves contents once more, and frees what those left.
        assert!(freed <= due + SMALL_PACKS, "day {day}: {freed} {due}");
        world.assert_whole();
    }
    let promised: u64 = report.later.iter().map(|later| later.bytes).sum();
    assert!(freed.abs_diff(promised) < SMALL_PACKS, "{freed} {promised}");
    assert_eq!(world.contents(true), world.needed());
    // What replaced the short packs is there, nothing else.
    assert_eq!(world.blobs("s").len(), 0);
    assert_eq!(world.blobs("p").len(), 1);
    // The dry run said what the store would shrink by, all in all; new packs have their padding and indexes.
    let net: u64 = planned.later.iter().map(|later| later.bytes).sum();
    let shrunk = before.1 - world.bytes("p") - world.bytes("q");
    assert!(net.abs_diff(shrunk) < SMALL_PACKS, "{net} {shrunk}");
}

#[test]
fn a_dry_run_changes_nothing_for_anybody() {
    let mut world = World::new();
    let id = world.snapshot(files(0..5));
    world.snapshot(files(5..9));
    world.delete(&id);
    world.pass(3 * DAY);
    let before = world.blobs("");
    let other = world.client("other");
    for safety in [Safety::Full, Safety::None] {
        let options = RunOptions {
            safety,
            dry_run: true,
            ..world.options()
        };
        let report = holdfast_repository::maintenance::run(&other, &options)
            .expect("run")
            .expect("report");
        assert!(report.dry_run);
        assert_eq!(world.blobs(""), before);
    }
}

#[test]
fn without_margins_everything_goes_at_once() {
    let mut world = World::new();
    let id = world.snapshot(files(0..8));
    world.snapshot(files(8..16));
    world.delete(&id);
    world.pass(Duration::from_secs(5));
    let options = RunOptions {
        safety: Safety::None,
        ..world.options()
    };
    let planned = world.run(&RunOptions {
        dry_run: true,
        ..options.clone()
    });
    let before = world.bytes("");
    let report = world.run(&options);
    world.assert_whole();
    assert_eq!(world.contents(true), world.needed());
    assert!(report.freed_bytes > 0);
    assert!(planned.later.is_empty() && report.later.is_empty());
    assert_eq!(
        (planned.freed_blobs, planned.freed_bytes),
        (report.freed_blobs, report.freed_bytes)
    );
    assert!(world.bytes("") < before);
}

#[test]
fn a_content_that_is_needed_again_is_revived() {
    let mut world = World::new();
    let id = world.snapshot(files(0..4));
    let kept = world.alive[&id].clone();
    world.pass(2 * DAY);
    let manifests = world.repository.manifests().expect("manifests");
    let old = snapshot::find(&manifests, &id)
        .expect("find")
        .expect("it is there");
    world.delete(&id);
    let report = world.maintain();
    assert_eq!(figure(&report, Task::SnapshotGc, "deletedContentCount"), 5);

    // A client that looked the contents up before the collection refers to them now.
    let mut edits = ManifestEdits::new(world.clock.clone());
    let again = snapshot::save(&mut edits, &old).expect("save");
    edits.publish(&world.repository).expect("publish");
    world.alive.insert(again, kept);
    world.pass(DAY);
    let report = world.maintain();
    assert_eq!(
        figure(&report, Task::SnapshotGc, "recoveredContentCount"),
        5
    );
    for _ in 0..4 {
        world.assert_whole();
        world.pass(DAY);
        world.maintain();
    }
    assert_eq!(world.contents(false), world.needed());
}

#[test]
fn written_again_after_the_mark_it_stays() {
    let mut world = World::new();
    let id = world.snapshot(files(0..4));
    world.pass(2 * DAY);
    world.delete(&id);
    world.maintain();
    world.pass(HOUR);
    world.snapshot(files(0..4));
    for _ in 0..4 {
        world.pass(DAY);
        world.maintain();
        world.assert_whole();
    }
}

#[test]
fn young_contents_without_a_snapshot_stay() {
    let mut world = World::new();
    world.snapshot(files(0..2));
    world.pass(2 * DAY);
    // A long upload has published contents, but no snapshot yet.
    let client = world.client("writer");
    let session = client.session().expect("session");
    let mut writer = session.writer();
    let written = writer
        .write(None, b"not referred to yet", None)
        .expect("write");
    writer.finish_packs().expect("finish");
    session.commit_index().expect("publish");
    world.pass(23 * HOUR);
    let report = world.maintain();
    assert_eq!(
        figure(&report, Task::SnapshotGc, "unreferencedRecentContentCount"),
        1
    );
    assert!(world.contents(false).contains(&written.id));
    // It was moved into another pack, which made it young once more.
    world.pass(25 * HOUR);
    let report = world.maintain();
    assert_eq!(figure(&report, Task::SnapshotGc, "deletedContentCount"), 1);
    drop(writer);
    drop(session);
}

#[test]
fn packs_of_sessions_that_died_go_after_four_days() {
    let mut world = World::new();
    world.snapshot(files(0..2));
    let client = world.client("writer");
    let session = client.session().expect("session");
    let mut writer = session.writer();
    writer.write(None, &[7; 1000], None).expect("write");
    writer.finish_packs().expect("finish");
    drop(writer);
    drop(session);
    let marker = world.blobs("s")[0].clone();
    let session = holdfast_repository::blob_names::session_of(marker.id.as_str()).expect("session");
    let left = |world: &World| {
        let of_session = |blob: &holdfast_storage::BlobInfo| blob.id.as_str().ends_with(session);
        let blobs = world.blobs("");
        blobs.iter().filter(|blob| of_session(blob)).count()
    };
    assert_eq!(left(&world), 2);
    let mut waited = 0;
    for hours in [23, 25, 49, 73, 95] {
        world.pass(HOUR * hours - world.age_of_marker());
        let report = world.maintain();
        assert_eq!(left(&world), 2, "{hours}");
        waited += report
            .later
            .iter()
            .filter(|later| later.reason == FreedReason::Session)
            .map(|later| later.blobs)
            .sum::<u64>();
    }
    assert!(waited > 0);
    world.pass(2 * HOUR);
    for _ in 0..2 {
        world.maintain();
        world.pass(DAY);
    }
    assert_eq!(left(&world), 0);
    world.assert_whole();
}

impl World {
    fn age_of_marker(&self) -> Duration {
        let marker = &self.blobs("s")[0];
        self.clock
            .now()
            .duration_since(marker.modified)
            .unsigned_abs()
    }
}

#[test]
fn only_the_owner_runs_it() {
    let world = World::new();
    let other = world.client("other");
    let options = RunOptions {
        mode: None,
        ..world.options()
    };
    let error = refused(holdfast_repository::maintenance::run(&other, &options));
    assert!(
        matches!(&error, Error::NotMaintenanceOwner { owner, identity } if owner == "owner@host" && identity == "other@host"),
        "{error}"
    );
    let forced = RunOptions {
        force: true,
        ..options.clone()
    };
    assert!(
        holdfast_repository::maintenance::run(&other, &forced)
            .expect("run")
            .is_some()
    );

    let manifests = other.manifests().expect("manifests");
    let taken = MaintenanceParameters {
        owner: other.identity(),
        ..MaintenanceParameters::default()
    };
    let mut edits = ManifestEdits::new(world.clock.clone());
    taken.store(&mut edits, &manifests).expect("store");
    edits.publish(&other).expect("publish");
    let error = refused(world.try_run(&options));
    assert!(
        matches!(error, Error::NotMaintenanceOwner { .. }),
        "{error}"
    );
    world.pass(2 * DAY);
    assert!(
        holdfast_repository::maintenance::run(&other, &options)
            .expect("run")
            .is_some()
    );
}

#[test]
fn the_kind_that_is_due_runs() {
    let world = World::new();
    let options = RunOptions {
        mode: None,
        ..world.options()
    };
    let mode = |world: &World| {
        world
            .try_run(&options)
            .expect("run")
            .map(|report| report.mode)
    };
    assert_eq!(mode(&world), Some(Mode::Full));
    assert_eq!(mode(&world), None);
    world.pass(HOUR);
    assert_eq!(mode(&world), Some(Mode::Quick));
    assert_eq!(mode(&world), None);
    world.pass(DAY);
    assert_eq!(mode(&world), Some(Mode::Full));
    let schedule = world.repository.maintenance_schedule().expect("schedule");
    assert_eq!(schedule.runs_of(Task::SnapshotGc).len(), 2);
    assert_eq!(schedule.runs_of(Task::AdvanceEpoch).len(), 3);
}

#[test]
fn a_clock_that_is_wrong_stops_it_before_anything_is_deleted() {
    let mut world = World::new();
    let id = world.snapshot(files(0..4));
    world.delete(&id);
    for (skew, fine) in [
        (4 * 60, true),
        (6 * 60, false),
        (5 * 365 * 24 * 3600, false),
    ] {
        world.pass(2 * DAY);
        for sign in [1, -1] {
            let contents = world.contents(false);
            let time = world.clock.now();
            let client = world.client("owner");
            // Only the client's clock is wrong: the store's is the one of the world.
            let wrong = holdfast_host::ManualClock::new(
                time + jiff::SignedDuration::from_secs(sign * skew),
            );
            let client = client_with_clock(&world, &client, wrong);
            let result = holdfast_repository::maintenance::run(&client, &world.options());
            if fine {
                result.expect("within the limit");
            } else {
                let error = refused(result);
                assert!(matches!(error, Error::ClockSkew { .. }), "{error}");
                assert_eq!(world.contents(false), contents);
            }
        }
    }
}

fn client_with_clock(
    world: &World,
    _like: &std::sync::Arc<holdfast_repository::Repository>,
    clock: holdfast_host::ManualClock,
) -> std::sync::Arc<holdfast_repository::Repository> {
    let options = super::world::options(&std::sync::Arc::new(clock), "owner");
    holdfast_repository::Repository::open(
        std::sync::Arc::new(world.store.clone()),
        &secrecy::SecretString::from("password"),
        &options,
    )
    .expect("open")
}

#[test]
fn a_snapshot_that_cannot_be_read_stops_the_collection() {
    let mut world = World::new();
    let id = world.snapshot(files(0..3));
    world.snapshot(files(10..13));
    world.pass(2 * DAY);
    let manifests = world.repository.manifests().expect("manifests");
    let manifest = manifests.get(&id).expect("manifest").clone();
    let mut edits = ManifestEdits::new(world.clock.clone());
    edits
        .put(manifest.labels, &serde_json::json!({"rootEntry": 7}))
        .expect("put");
    edits.publish(&world.repository).expect("publish");
    let before = world.contents(false);
    let error = refused(world.try_run(&world.options()));
    assert!(error.to_string().contains("snapshot"), "{error}");
    assert_eq!(world.contents(false), before);
    let schedule = world.repository.maintenance_schedule().expect("schedule");
    let run = &schedule.runs_of(Task::SnapshotGc)[0];
    assert!(!run.success && run.error.contains("snapshot"), "{run:?}");
}

#[test]
fn epochs_advance_and_are_merged() {
    let mut world = World::new();
    let mut seed = 0;
    for day in 0..30 {
        for _ in 0..8 {
            world.snapshot(files(seed..seed + 2));
            seed += 1;
            world.pass(Duration::from_secs(3 * 3600));
        }
        world.maintain();
        world.repository.refresh().expect("refresh");
        if day % 10 == 9 {
            world.assert_whole();
        }
    }
    let names = |prefix: &str| world.blobs(prefix).len();
    assert_eq!(names("xr"), 1, "{:?}", world.blobs("x"));
    assert!(
        names("xs") >= 7 && names("xe") <= 3,
        "{:?}",
        world.blobs("x")
    );
    // Of what was merged in 30 days with 10 index blobs each only the last is left.
    assert!(names("xn") < 110, "{}", names("xn"));
    assert_eq!(world.contents(false), world.needed());
    assert!(names("xw") <= 3, "{:?}", world.blobs("xw"));
}

#[test]
fn old_logs_go() {
    let world = World::new();
    for number in 0..3 {
        let id = BlobId::new(format!("_log_2026030100000{number}_ab")).expect("id");
        let store: &dyn BlobStore = &world.store;
        store
            .put(&id, Bytes::from_static(b"log"), &PutOptions::default())
            .expect("put");
        world.pass(20 * DAY);
    }
    let report = world.maintain();
    assert_eq!(figure(&report, Task::CleanupLogs, "deletedBlobCount"), 2);
    assert_eq!(world.blobs("_log_").len(), 1);
}
