use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use holdfast_host::ManualClock;
use holdfast_storage::{BlobId, BlobStore, ErrorKind, MemoryStore, PutOptions};
use holdfast_testkit::blobs::conformance::Subject;
use holdfast_testkit::blobs::{BlobOperation, FaultyStore, Trigger};

fn open() -> Subject {
    Subject {
        store: Arc::new(FaultyStore::new(Arc::new(MemoryStore::new()))),
        keep: Box::new(()),
    }
}

// Without a plan it is a store like any other.
holdfast_testkit::blob_store_conformance!(open);

fn put(store: &FaultyStore, name: &str) -> Result<(), ErrorKind> {
    let id = BlobId::new(name).unwrap();
    store
        .put(
            &id,
            Bytes::from_static(b"0123456789"),
            &PutOptions::default(),
        )
        .map_err(|error| error.kind())
}

#[test]
fn planned_faults_hit_the_call_they_are_planned_for() {
    let memory = Arc::new(MemoryStore::new());
    let store = FaultyStore::new(memory.clone());
    store.plan(
        Some(BlobOperation::Put),
        "p",
        2,
        Trigger::Fail(ErrorKind::Full),
    );
    store.plan(Some(BlobOperation::Put), "q", 1, Trigger::Tear);
    store.plan(Some(BlobOperation::Put), "r", 1, Trigger::LoseAnswer);
    assert_eq!(put(&store, "p1"), Ok(()));
    assert_eq!(put(&store, "x1"), Ok(()));
    assert_eq!(put(&store, "p2"), Err(ErrorKind::Full));
    assert_eq!(put(&store, "p3"), Ok(()));
    assert_eq!(put(&store, "q1"), Err(ErrorKind::Other));
    assert_eq!(put(&store, "r1"), Err(ErrorKind::Unreachable));
    let length = |name: &str| {
        let info = memory.stat(&BlobId::new(name).unwrap());
        info.ok().map(|info| info.length)
    };
    assert_eq!(
        (length("p2"), length("q1"), length("r1")),
        (None, Some(5), Some(10))
    );
    assert_eq!(store.puts(), ["p1", "x1", "p2", "p3", "q1", "r1"]);
}

#[test]
fn a_killed_store_stays_dead() {
    let store = FaultyStore::new(Arc::new(MemoryStore::new()));
    store.plan(None, "", 2, Trigger::Kill);
    assert_eq!(put(&store, "p1"), Ok(()));
    assert!(put(&store, "p2").is_err());
    assert!(store.get(&BlobId::new("p1").unwrap()).is_err());
    store.reset();
    assert!(store.get(&BlobId::new("p1").unwrap()).is_ok());
}

#[test]
fn puts_that_are_late_swallowed_or_torn_by_a_kill() {
    let memory = Arc::new(MemoryStore::new());
    let store = FaultyStore::new(memory.clone());
    let there = |name: &str| memory.stat(&BlobId::new(name).unwrap()).is_ok();
    store.plan(Some(BlobOperation::Put), "late", 1, Trigger::Late(2));
    store.plan(Some(BlobOperation::Put), "lost", 1, Trigger::Swallow);
    store.plan(Some(BlobOperation::Put), "half", 1, Trigger::TearAndKill);
    assert_eq!(put(&store, "late"), Ok(()));
    assert_eq!(put(&store, "lost"), Ok(()));
    assert!(!there("late") && !there("lost"));
    assert_eq!(put(&store, "next"), Ok(()));
    assert!(there("late") && there("next") && !there("lost"));
    assert!(put(&store, "half").is_err() && there("half"));
    assert!(put(&store, "after").is_err(), "it is dead");
    let hits: Vec<_> = store.hits().into_iter().map(|call| call.name).collect();
    assert_eq!(hits, ["late", "lost", "half"]);
}

#[test]
fn bits_flip_on_the_way_to_the_reader_only() {
    let store = FaultyStore::new(Arc::new(MemoryStore::new()));
    assert_eq!(put(&store, "p1"), Ok(()));
    let id = BlobId::new("p1").unwrap();
    store.plan(Some(BlobOperation::Get), "", 1, Trigger::Flip(9));
    store.plan_from(Some(BlobOperation::GetRange), "", 2, Trigger::Flip(80));
    assert_eq!(store.get(&id).unwrap(), &b"0323456789"[..]);
    assert_eq!(store.get(&id).unwrap(), &b"0123456789"[..]);
    let range = || {
        let mut buffer = [0; 2];
        store.get_range(&id, 3, &mut buffer).unwrap();
        buffer
    };
    assert_eq!([range(), range(), range()], [*b"34", *b"24", *b"24"]);
}

#[test]
fn listings_lag_behind_and_other_clients_interrupt() {
    let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
    let memory = Arc::new(MemoryStore::with_clock(clock.clone()));
    let store = FaultyStore::with_clock(memory, clock.clone());
    let other = store.beside();
    let names = |store: &FaultyStore| -> Vec<String> {
        let store: Arc<dyn BlobStore> = Arc::new(store.clone());
        let blobs = store.list_all("").unwrap();
        blobs.iter().map(|info| info.id.to_string()).collect()
    };
    assert_eq!(put(&store, "a"), Ok(()));
    clock.advance(Duration::from_secs(60));
    assert_eq!(put(&other, "b"), Ok(()));
    other.delete(&BlobId::new("a").unwrap()).unwrap();
    clock.advance(Duration::from_secs(60));
    let list = Some(BlobOperation::List);
    store.plan(list, "", 1, Trigger::Stale(Duration::from_secs(90)));
    assert_eq!(names(&store), ["a"]);
    assert_eq!(names(&store), ["b"]);
    store.plan(None, "", 1, Trigger::Delay(Duration::from_secs(5)));
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    store.interrupt(list, "", 1, move || {
        count.fetch_add(1, Ordering::Relaxed);
        assert_eq!(put(&other, "c"), Ok(()));
    });
    assert_eq!(names(&store), ["b", "c"]);
    assert_eq!(names(&store), ["b", "c"]);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}
