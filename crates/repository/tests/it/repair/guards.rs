//! What others do meanwhile, what a single read says, and what is damaged beside the index.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use holdfast_host::{Cancel, Clock, ManualClock};
use holdfast_repository::format::ParameterChanges;
use holdfast_repository::legacy::LegacyCompaction;
use holdfast_repository::maintenance::{self, Mode, RunOptions, Safety};
use holdfast_repository::repair::{RepairOptions, repair_with_key};
use holdfast_repository::{ContentFilter, Error, OpenOptions, Repository};
use holdfast_storage::{BlobId, BlobStore, ErrorKind, MemoryStore, PutOptions};
use holdfast_testkit::blobs::{BlobOperation, FaultyStore, Trigger};

use super::{DAMAGES, Damage, FORMAT, Original, apply, assert_clean, deleted, id, readable, take};
use crate::maintenance::world::{content, files, options};
use crate::written::write_snapshot;

fn unpublished(repository: &Arc<Repository>, seed: u64) {
    let session = repository.session().expect("session");
    let data: [(&[u8], Vec<u8>); 1] = [(b"f", content(seed))];
    write_snapshot(&session, &data, 5);
}

fn compact(repository: &Repository, dropping: u64, settle_time: Duration) {
    let options = LegacyCompaction {
        dropping: Some(dropping),
        settle_time,
    };
    repository
        .compact_legacy_indexes(&options)
        .expect("compact");
}

fn names(store: &MemoryStore, prefix: &str) -> Vec<BlobId> {
    let store: &dyn BlobStore = store;
    let blobs = store.list_all(prefix).expect("list");
    blobs.into_iter().map(|blob| blob.id).collect()
}

fn count(repository: &Repository) -> usize {
    repository.contents().expect("contents").len()
}

#[test]
fn a_session_that_begins_while_packs_are_listed_is_under_way() {
    let original = Original::new(3);
    let store = original.store.fork(original.clock.clone());
    let repository = original.open(&store).expect("open");
    let before = count(&repository);
    let faulty = FaultyStore::new(Arc::new(store.clone()));
    faulty.interrupt(Some(BlobOperation::List), "p", 1, move || {
        unpublished(&repository, 99);
    });
    let report = original.repair(Arc::new(faulty), &apply()).expect("repair");
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!(report.packs_under_way, 2);
    assert_eq!(count(&original.open(&store).expect("open")), before);
}

#[test]
fn a_merged_index_stays_while_it_may_name_packs_of_sessions_under_way() {
    let original = Original::new(1);
    let store = original.store.fork(original.clock.clone());
    let repository = original.open(&store).expect("open");
    // A session that published something and was killed: its marker stays.
    let session = repository.session().expect("session");
    let data: [(&[u8], Vec<u8>); 1] = [(b"f", content(99))];
    write_snapshot(&session, &data, 5);
    session.commit_index().expect("publish");
    drop(session);
    compact(&repository, 0, Duration::ZERO);
    let before = count(&repository);
    let merged = names(&store, "n");
    assert_eq!(merged.len(), 1, "{merged:?}");
    Damage::Flip.to(&store, &merged[0]);

    for _ in 0..2 {
        let report = original.repair(Arc::new(store.clone()), &apply());
        let report = report.expect("repair");
        assert!(report.unreadable_indexes[0].kept, "{report:#?}");
        assert_eq!(report.packs_under_way, 2);
        assert!(names(&store, "n").contains(&merged[0]));
    }
    let all = RepairOptions {
        uncertain: true,
        ..apply()
    };
    let report = original.repair(Arc::new(store.clone()), &all);
    assert!(!report.expect("repair").unreadable_indexes[0].kept);
    assert!(!names(&store, "n").contains(&merged[0]));
    let repository = original.open(&store).expect("open");
    assert_eq!(count(&repository), before);
    assert_eq!(readable(&repository).0, original.snapshots.len());
}

#[test]
fn a_torn_index_of_one_session_brings_back_nothing_else() {
    let original = Original::new(1);
    let store = original.store.fork(original.clock.clone());
    let repository = original.open(&store).expect("open");
    let mut gone = Vec::new();
    let filter = ContentFilter::default();
    repository
        .for_each_content(filter, &mut |info| {
            gone.extend((info.id.prefix() != Some(b'm')).then_some(info.id));
            Ok(())
        })
        .expect("contents");
    let session = repository.session().expect("session");
    let mut writer = session.writer();
    for id in &gone {
        writer.delete_content(id).expect("delete");
    }
    writer.finish_packs().expect("finish");
    session.close().expect("close");
    original.clock.advance(Duration::from_secs(60));
    let now = original.clock.now().as_second() as u64;
    compact(&repository, now, Duration::ZERO);
    let before = names(&store, "n");
    take(&repository, &files(50..52));
    let new: Vec<BlobId> = names(&store, "n")
        .into_iter()
        .filter(|blob| !before.contains(blob))
        .collect();
    let stored = count(&repository);
    for damage in DAMAGES {
        if damage == Damage::Remove {
            continue;
        }
        let store = store.fork(original.clock.clone());
        damage.to(&store, &new[0]);
        let report = original.repaired(&store);
        assert_eq!(report.unreadable_indexes.len(), 1);
        assert!(
            report.uncertain_contents >= gone.len() as u64,
            "{report:#?}"
        );
        let repository = original.open(&store).expect("open");
        assert_eq!(count(&repository), stored, "{damage:?}");
        for id in &gone {
            assert_eq!(repository.content_info(id).expect("index"), None);
        }
    }
}

#[test]
fn logs_of_compactions_that_cannot_be_read_go() {
    let hour = Duration::from_secs(3600);
    for prefix in ["m", "l"] {
        let mut original = Original::new(1);
        let repository = original.open(&original.store).expect("open");
        compact(&repository, 0, hour);
        if prefix == "l" {
            // The next one says that the first log may go.
            original.clock.advance(2 * hour);
            original.snapshots.push(files(10..12));
            take(&repository, &original.snapshots[2]);
            compact(&repository, 0, hour);
        }
        let log = original.blobs(prefix);
        assert_eq!(log.len(), 1, "{prefix}");
        for damage in DAMAGES {
            let context = format!("{damage:?} of {}", log[0]);
            let store = original.damaged(damage, &log[0]);
            let report = original.repaired(&store);
            let unreadable = usize::from(damage != Damage::Remove);
            assert_eq!(report.unreadable_indexes.len(), unreadable, "{context}");
            assert_eq!(report.recovered_contents, 0, "{context}");
            original.assert_whole(&store, &context);
            let repository = original.open(&store).expect("open");
            compact(&repository, 0, Duration::ZERO);
        }
    }
}

#[test]
fn a_format_blob_that_arrives_garbled_once_is_whole() {
    let original = Original::new(1);
    for bit in [0, 999, 5001] {
        let store = original.store.fork(original.clock.clone());
        let faulty = FaultyStore::new(Arc::new(store));
        faulty.plan(Some(BlobOperation::Get), FORMAT, 1, Trigger::Flip(bit));
        let report = original.repair(Arc::new(faulty.clone()), &apply());
        assert_eq!(faulty.hits().len(), 1);
        assert_eq!(report.expect("repair").format_blob, None, "bit {bit}");
    }
}

/// A copy of a repository has new times, in whatever order it was made.
#[test]
fn the_newest_copy_of_the_format_blob_is_found_whatever_the_times_of_the_packs() {
    let original = Original::new(1);
    let repository = original.open(&original.store).expect("open");
    original.clock.advance(Duration::from_secs(60));
    let changes = ParameterChanges {
        max_pack_size: Some(33 << 20),
        ..ParameterChanges::default()
    };
    assert!(repository.set_parameters(&changes).expect("change"));
    take(&repository, &files(20..22));
    let newest = original.store.get(&id(FORMAT)).expect("format");
    let mut packs = [original.blobs("p"), original.blobs("q")].concat();
    for _ in 0..2 {
        packs.reverse();
        let store = original.store.fork(original.clock.clone());
        for pack in &packs {
            original.clock.advance(Duration::from_secs(1));
            let bytes = store.get(pack).expect("get");
            store.put(pack, bytes, &PutOptions::default()).expect("put");
        }
        Damage::Remove.to(&store, &id(FORMAT));
        original.repaired(&store);
        assert_eq!(store.get(&id(FORMAT)).expect("format"), newest);
    }
}

fn run_options(locks: &tempfile::TempDir) -> RunOptions {
    RunOptions {
        mode: Some(Mode::Full),
        safety: Safety::Full,
        force: true,
        dry_run: false,
        lock_directory: locks.path().to_owned(),
        cancel: Cancel::new(),
    }
}

#[test]
fn maintenance_and_repair_keep_out_of_each_others_way() {
    let original = Original::new(3);
    let locks = tempfile::tempdir().expect("directory");
    let careful = RepairOptions {
        lock_directory: Some(locks.path().to_owned()),
        ..apply()
    };
    let store = original.store.fork(original.clock.clone());
    let faulty = FaultyStore::new(Arc::new(store.clone()));
    let (repository, run) = (original.open(&store).expect("open"), run_options(&locks));
    let refused = Arc::new(AtomicBool::new(false));
    let seen = refused.clone();
    faulty.interrupt(Some(BlobOperation::List), "q", 1, move || {
        let ended = maintenance::run(&repository, &run);
        let running = matches!(ended, Err(Error::MaintenanceRunning { .. }));
        seen.store(running, Ordering::Relaxed);
    });
    let report = original.repair(Arc::new(faulty), &careful);
    assert!(report.expect("repair").is_clean());
    assert!(refused.load(Ordering::Relaxed));

    let faulty = FaultyStore::new(Arc::new(store.clone()));
    let repository =
        Repository::open_with_key(Arc::new(faulty.clone()), &original.key, &original.options());
    let (key, open) = (original.key.clone(), original.options());
    let (inner, seen) = (store.clone(), refused.clone());
    faulty.interrupt(Some(BlobOperation::List), "q", 1, move || {
        let repair = |options: &RepairOptions| {
            repair_with_key(Arc::new(inner.clone()), &key, &open, options)
        };
        let ended = repair(&careful);
        let running = matches!(ended, Err(Error::MaintenanceRunning { .. }));
        // Looking is free.
        let looking = repair(&RepairOptions {
            apply: false,
            ..careful.clone()
        });
        seen.store(running && looking.is_ok(), Ordering::Relaxed);
    });
    refused.store(false, Ordering::Relaxed);
    maintenance::run(&repository.expect("open"), &run_options(&locks)).expect("maintenance");
    assert!(refused.load(Ordering::Relaxed));
}

#[test]
fn a_pack_that_goes_before_its_entries_are_published_is_lost() {
    let original = Original::new(3);
    let session = |name: &BlobId| name.as_str().split('-').nth(1).map(str::to_owned);
    let packs = original.blobs("p");
    let of_session = |index: BlobId| {
        let pack = packs.iter().find(|pack| session(pack) == session(&index));
        pack.map(|pack| (index, pack.clone()))
    };
    let (index, pack) = original
        .blobs("xn")
        .into_iter()
        .find_map(of_session)
        .expect("a pack and the index of its session");
    let store = original.damaged(Damage::Flip, &index);
    let faulty = FaultyStore::new(Arc::new(store.clone()));
    let (inner, gone) = (store.clone(), pack.clone());
    faulty.interrupt(Some(BlobOperation::Put), "xn", 1, move || {
        inner.delete(&gone).expect("delete");
    });
    let report = original.repair(Arc::new(faulty.clone()), &apply());
    let report = report.expect("repair");
    assert_eq!(report.damaged_packs.len(), 1, "{report:#?}");
    assert_eq!(report.damaged_packs[0].pack, pack.as_str());
    for files in &original.snapshots {
        original.clock.advance(Duration::from_secs(60));
        take(&original.open(&store).expect("open"), files);
    }
    let repository = original.open(&store).expect("open");
    assert_clean(&repository, "after new snapshots");
    assert!(readable(&repository).1.is_empty());
}

#[test]
fn a_missing_pack_is_asked_for_once() {
    let original = Original::new(3);
    let pack = original.blobs("p")[0].clone();
    let store = original.damaged(Damage::Remove, &pack);
    let faulty = FaultyStore::new(Arc::new(store));
    let report = original.repair(Arc::new(faulty.clone()), &apply());
    assert!(report.expect("repair").lost_contents > 1);
    let calls = faulty.calls();
    let asked = calls.iter().filter(|call| call.name == pack.as_str());
    assert_eq!(asked.count(), 1);
}

/// Another client of a store, whose clock is its own.
fn client(original: &Original, store: &MemoryStore, clock: &Arc<ManualClock>) -> Arc<Repository> {
    let open: OpenOptions = options(clock, "other");
    Repository::open_with_key(Arc::new(store.clone()), &original.key, &open).expect("open")
}

fn clock_of(original: &Original) -> Arc<ManualClock> {
    Arc::new(ManualClock::new(original.clock.now()))
}

/// What another client stores anew, right before marks are published by a clock that is ahead, is not hidden by them.
#[test]
fn marks_do_not_cover_what_others_stored_anew() {
    let original = Original::new(3);
    let store = original.store.fork(original.clock.clone());
    for pack in original.blobs("p") {
        Damage::Remove.to(&store, &pack);
    }
    let behind = clock_of(&original);
    let stores_anew = |store: &MemoryStore| {
        let (key, store, behind) = (original.key.clone(), store.clone(), behind.clone());
        let snapshots = original.snapshots.clone();
        move || {
            let open = options(&behind, "other");
            repair_with_key(Arc::new(store.clone()), &key, &open, &apply()).expect("repair");
            let other =
                Repository::open_with_key(Arc::new(store.clone()), &key, &open).expect("open");
            for files in &snapshots {
                take(&other, files);
            }
        }
    };
    let whole = |store: &MemoryStore, context: &str| {
        let repository = original.open(store).expect("open");
        assert_clean(&repository, context);
        assert!(readable(&repository).1.is_empty(), "{context}");
        assert!(deleted(&repository).is_empty(), "{context}");
    };

    let repaired = store.fork(original.clock.clone());
    original.clock.advance(Duration::from_secs(7200));
    let faulty = FaultyStore::new(Arc::new(repaired.clone()));
    let put = Some(BlobOperation::Put);
    faulty.interrupt(put, "xn", 1, stores_anew(&repaired));
    original
        .repair(Arc::new(faulty.clone()), &apply())
        .expect("repair");
    whole(&repaired, "repair");

    let report = original.repair(Arc::new(store.clone()), &apply());
    assert!(report.expect("repair").lost_contents > 5);
    original.clock.advance(Duration::from_secs(25 * 3600));
    let faulty = FaultyStore::new(Arc::new(store.clone()));
    let repository =
        Repository::open_with_key(Arc::new(faulty.clone()), &original.key, &original.options())
            .expect("open");
    behind.advance(Duration::from_secs(3 * 3600));
    let (other, snapshots) = (
        client(&original, &store, &behind),
        original.snapshots.clone(),
    );
    faulty.interrupt(put, "xn", 1, move || {
        for files in &snapshots {
            take(&other, files);
        }
    });
    let locks = tempfile::tempdir().expect("directory");
    maintenance::run(&repository, &run_options(&locks)).expect("maintenance");
    whole(&store, "maintenance");
}

/// A transfer that breaks off while maintenance looks whether a lost content is back says nothing about the content.
#[test]
fn a_broken_transfer_renews_no_mark() {
    let original = Original::new(3);
    let store = original.store.fork(original.clock.clone());
    for pack in original.blobs("p") {
        Damage::Remove.to(&store, &pack);
    }
    let report = original.repair(Arc::new(store.clone()), &apply());
    assert!(report.expect("repair").lost_contents > 5);
    for pack in original.blobs("p") {
        let bytes = original.store.get(&pack).expect("get");
        store
            .put(&pack, bytes, &PutOptions::default())
            .expect("put");
    }
    original.clock.advance(Duration::from_secs(25 * 3600));
    let faulty = FaultyStore::new(Arc::new(store.clone()));
    let broken = Trigger::Fail(ErrorKind::Corrupt);
    faulty.plan(Some(BlobOperation::GetRange), "p", 1, broken);
    let repository =
        Repository::open_with_key(Arc::new(faulty.clone()), &original.key, &original.options())
            .expect("open");
    let locks = tempfile::tempdir().expect("directory");
    let ended = maintenance::run(&repository, &run_options(&locks));
    assert_eq!(faulty.hits().len(), 1);
    assert!(ended.is_err(), "{ended:?}");
    // A read that was garbled is tried again.
    faulty.plan(Some(BlobOperation::GetRange), "p", 1, Trigger::Flip(4711));
    maintenance::run(&repository, &run_options(&locks)).expect("maintenance");
    assert_eq!(faulty.hits().len(), 2);
    let repository = original.open(&store).expect("open");
    assert!(deleted(&repository).is_empty());
    assert_clean(&repository, "the packs are back");
}
