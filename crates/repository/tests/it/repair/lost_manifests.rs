//! Lists of snapshots that are lost: they wait, are set aside and return, or are given up.

use std::sync::Arc;
use std::time::Duration;

use holdfast_host::Cancel;
use holdfast_repository::maintenance::{self, Mode, RunOptions, RunReport, Safety};
use holdfast_repository::manifest::{
    Manifest, ManifestEdits, ManifestId, encode_container, gzip_container,
};
use holdfast_repository::repair::{LostManifests, RepairOptions, RepairReport};
use holdfast_repository::{ContentFilter, ContentInfo, Repository, snapshot};
use holdfast_storage::{BlobStore, MemoryStore, PutOptions};
use holdfast_testkit::blobs::{BlobOperation, FaultyStore, Trigger};

use super::{Damage, Original, apply, assert_clean, readable, take};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn told(lost_manifests: LostManifests) -> RepairOptions {
    RepairOptions {
        lost_manifests,
        ..apply()
    }
}

/// Manifest containers that count, the newest last.
fn containers(repository: &Repository) -> Vec<ContentInfo> {
    let filter = ContentFilter {
        include_deleted: false,
        prefix: Some(b'm'),
    };
    let mut found = Vec::new();
    repository
        .for_each_content(filter, &mut |info| {
            found.push(info);
            Ok(())
        })
        .expect("contents");
    found.sort_by_key(|info| info.time);
    found
}

fn run(original: &Original, store: &MemoryStore) -> RunReport {
    let locks = tempfile::tempdir().expect("directory");
    let options = RunOptions {
        mode: Some(Mode::Full),
        safety: Safety::Full,
        force: true,
        dry_run: false,
        lock_directory: locks.path().to_owned(),
        cancel: Cancel::new(),
    };
    let repository = original.open(store).expect("open");
    maintenance::run(&repository, &options)
        .expect("maintenance")
        .expect("it ran")
}

fn ids(repository: &Repository) -> Vec<ManifestId> {
    let manifests = repository.manifests().expect("manifests");
    let listed = snapshot::list(&manifests, None);
    listed.into_iter().map(|snapshot| snapshot.id).collect()
}

/// A place that has lost the pack that lists the newest snapshot.
struct Lost {
    original: Original,
    store: MemoryStore,
    ids: Vec<ManifestId>,
    container: ContentInfo,
}

impl Lost {
    fn new(format_version: u32) -> Self {
        let original = Original::new(format_version);
        let repository = original.open(&original.store).expect("open");
        let container = containers(&repository).pop().expect("a container");
        let store = original.damaged(Damage::Remove, &container.pack);
        Self {
            ids: ids(&repository),
            original,
            store,
            container,
        }
    }

    fn repair(&self, lost_manifests: LostManifests) -> RepairReport {
        let store = Arc::new(self.store.clone());
        self.original
            .repair(store, &told(lost_manifests))
            .expect("repair")
    }

    fn open(&self) -> Arc<Repository> {
        self.original.open(&self.store).expect("open")
    }

    fn put_back(&self, store: &MemoryStore) {
        let pack = &self.container.pack;
        let bytes = self.original.store.get(pack).expect("get");
        store.put(pack, bytes, &PutOptions::default()).expect("put");
    }
}

#[test]
fn a_lost_list_waits_for_its_pack() {
    let lost = Lost::new(3);
    for _ in 0..2 {
        let report = lost.repair(LostManifests::Wait);
        assert_eq!(report.lost_manifest_containers, 1, "{report:#?}");
        assert!(!report.is_clean());
        let repository = lost.open();
        assert!(repository.manifests().is_err(), "something is listed");
        let info = repository.content_info(&lost.container.id);
        assert!(!info.expect("index").expect("entry").deleted);
    }
    lost.put_back(&lost.store);
    assert!(lost.repair(LostManifests::Wait).is_clean());
    lost.original.assert_whole(&lost.store, "the pack is back");
}

#[test]
fn what_was_set_aside_returns_with_its_pack() {
    for version in [3, 1] {
        let lost = Lost::new(version);
        let report = lost.repair(LostManifests::SetAside);
        assert_eq!(report.set_aside_manifest_containers, 1, "{report:#?}");
        let report = lost.repair(LostManifests::Wait);
        assert!(report.is_clean(), "{report:#?}");
        assert_eq!(report.set_aside_manifest_containers, 1);
        assert_eq!(ids(&lost.open()), lost.ids[..1]);
        assert_clean(&lost.open(), "without the list");

        // Days of maintenance free nothing that the snapshot needs, and its mark is not forgotten.
        for _ in 0..5 {
            lost.original.clock.advance(DAY);
            let report = run(&lost.original, &lost.store);
            assert!(report.problems[0].contains("set aside"), "{report:?}");
            assert_eq!(report.freed_blobs, 0);
        }
        take(&lost.open(), &lost.original.snapshots[0]);

        lost.put_back(&lost.store);
        let report = lost.original.repaired(&lost.store);
        assert_eq!(report.returned_manifest_containers, 1, "{report:#?}");
        assert_eq!(report.set_aside_manifest_containers, 0);
        let repository = lost.open();
        assert_clean(&repository, "the list is back");
        let (listed, broken) = readable(&repository);
        assert_eq!((listed, broken.len()), (3, 0));
        for _ in 0..5 {
            lost.original.clock.advance(DAY);
            let report = run(&lost.original, &lost.store);
            assert!(report.problems.is_empty(), "{report:?}");
        }
        let repository = lost.open();
        assert_eq!(readable(&repository), (3, Default::default()));
        assert!(ids(&repository).contains(&lost.ids[1]));
    }
}

/// Whenever a repair that sets aside or brings back is killed, the next one completes it.
#[test]
fn setting_aside_and_coming_back_can_be_killed_anywhere() {
    let lost = Lost::new(3);
    let mut killed = 0;
    for trigger in [Trigger::Kill, Trigger::KillAfter] {
        for returns in [false, true] {
            for nth in 1.. {
                let store = lost.store.fork(lost.original.clock.clone());
                let aside = told(LostManifests::SetAside);
                if returns {
                    let done = lost.original.repair(Arc::new(store.clone()), &aside);
                    done.expect("repair");
                    lost.put_back(&store);
                }
                let faulty = FaultyStore::new(Arc::new(store.clone()));
                faulty.plan(None, "", nth, trigger);
                let ended = lost.original.repair(Arc::new(faulty.clone()), &aside);
                if faulty.hits().is_empty() && ended.is_ok() {
                    break;
                }
                let hit = faulty.hits().remove(0);
                let changes = matches!(hit.operation, BlobOperation::Put | BlobOperation::Delete);
                if trigger == Trigger::KillAfter && !changes {
                    continue;
                }
                killed += 1;
                lost.original.clock.advance(Duration::from_secs(5));
                let again = lost.original.repair(Arc::new(store.clone()), &aside);
                again.expect("repair");
                let context = format!("{trigger:?} at call {nth}, {returns}");
                let listed = ids(&lost.original.open(&store).expect("open"));
                assert_eq!(listed.len(), 1 + usize::from(returns), "{context}");
                lost.put_back(&store);
                let done = lost.original.repair(Arc::new(store.clone()), &apply());
                assert_eq!(done.expect("repair").given_up_manifest_containers, 0);
                let repository = lost.original.open(&store).expect("open");
                assert_eq!(ids(&repository), lost.ids, "{context}");
                assert_eq!(
                    repository.manifests().expect("list").set_aside().unwrap(),
                    0
                );
                lost.original.assert_whole(&store, &context);
            }
        }
    }
    println!("repairs killed: {killed}");
    assert!(killed > 40, "{killed}");
}

#[test]
fn what_is_given_up_stays_away() {
    let lost = Lost::new(3);
    lost.repair(LostManifests::SetAside);
    let report = lost.repair(LostManifests::GiveUp);
    assert_eq!(report.given_up_manifest_containers, 1, "{report:#?}");
    assert!(!report.is_clean());
    assert!(lost.repair(LostManifests::GiveUp).is_clean());
    lost.original.clock.advance(DAY);
    assert!(run(&lost.original, &lost.store).problems.is_empty());
    lost.put_back(&lost.store);
    assert!(lost.repair(LostManifests::Wait).is_clean());
    assert_eq!(ids(&lost.open()), lost.ids[..1]);
}

/// Puts all manifests into one container and deletes the others, as stock clients do. What is deleted is forgotten.
fn merge_containers(repository: &Arc<Repository>) {
    let manifests = repository.manifests().expect("manifests");
    let live: Vec<Manifest> = manifests.iter().cloned().collect();
    let old = containers(repository);
    let session = repository.session().expect("session");
    let mut writer = session.writer();
    let payload = gzip_container(&encode_container(&live));
    writer.write(Some(b'm'), &payload, None).expect("write");
    for info in old {
        writer.delete_content(&info.id).expect("delete");
    }
    writer.finish_packs().expect("finish");
    session.close().expect("close");
}

#[test]
fn a_list_that_returns_brings_nothing_back_that_was_deleted() {
    let lost = Lost::new(3);
    let store = lost.original.store.fork(lost.original.clock.clone());
    let repository = lost.original.open(&store).expect("open");
    lost.original.clock.advance(Duration::from_secs(60));
    let mut edits = ManifestEdits::new(lost.original.clock.clone());
    let manifests = repository.manifests().expect("manifests");
    snapshot::delete(&mut edits, &manifests, &lost.ids[1..]).expect("delete");
    edits.publish(&repository).expect("publish");
    Damage::Remove.to(&store, &lost.container.pack);

    let aside = told(LostManifests::SetAside);
    let repair = |options| {
        let report = lost.original.repair(Arc::new(store.clone()), options);
        report.expect("repair")
    };
    assert_eq!(repair(&aside).set_aside_manifest_containers, 1);
    lost.original.clock.advance(Duration::from_secs(60));
    merge_containers(&lost.original.open(&store).expect("open"));
    assert!(repair(&aside).is_clean());
    lost.put_back(&store);
    lost.original.clock.advance(Duration::from_secs(60));
    assert_eq!(repair(&aside).returned_manifest_containers, 1);
    assert!(repair(&aside).is_clean());
    let repository = lost.original.open(&store).expect("open");
    assert_eq!(ids(&repository), lost.ids[..1]);
    assert_clean(&repository, "the list is back");
}
