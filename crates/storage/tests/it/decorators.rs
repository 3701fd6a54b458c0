use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use holdfast_host::Cancel;
use holdfast_storage::{BlobId, BlobStore, ErrorKind, Governed, MemoryStore, PutOptions, ReadOnly};
use holdfast_testkit::blobs::conformance::Subject;

fn id(name: &str) -> BlobId {
    BlobId::new(name).unwrap()
}

fn put(store: &dyn BlobStore, bytes: usize) -> holdfast_storage::Result<()> {
    store.put(
        &id("p1"),
        Bytes::from(vec![1; bytes]),
        &PutOptions::default(),
    )
}

mod governed {
    use super::*;

    fn open() -> Subject {
        let store = Governed::new(
            Arc::new(MemoryStore::new()),
            Cancel::new(),
            Some(1 << 30),
            Some(1 << 30),
        );
        Subject {
            store: Arc::new(store),
            keep: Box::new(()),
        }
    }

    holdfast_testkit::blob_store_conformance!(open);
}

#[test]
fn read_only_refuses_every_change_and_says_so() {
    let memory: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    put(&*memory, 3).unwrap();
    let store = ReadOnly::new(memory);
    assert_eq!(put(&store, 3).unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(
        store.delete(&id("p1")).unwrap_err().kind(),
        ErrorKind::ReadOnly
    );
    let created = store.create(&id("p2"), &PutOptions::default());
    assert_eq!(created.map(drop).unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(store.get(&id("p1")).unwrap().len(), 3);
    assert!(!store.capabilities().writable);
}

#[test]
fn limits_hold_both_ways() {
    let store = Governed::new(
        Arc::new(MemoryStore::new()),
        Cancel::new(),
        Some(1_000_000),
        Some(500_000),
    );
    let start = Instant::now();
    put(&store, 300_000).unwrap();
    assert!(
        start.elapsed() >= Duration::from_millis(240),
        "{:?}",
        start.elapsed()
    );
    let start = Instant::now();
    for _ in 0..3 {
        store
            .get_range(&id("p1"), 0, &mut vec![0; 100_000])
            .unwrap();
    }
    assert!(
        start.elapsed() >= Duration::from_millis(380),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn cancelling_ends_a_slow_write() {
    let cancel = Cancel::new();
    let memory = MemoryStore::new();
    let store = Governed::new(Arc::new(memory.clone()), cancel.clone(), Some(10_000), None);
    let writer = std::thread::spawn(move || (put(&store, 10_000_000), store));
    std::thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    cancel.cancel();
    let (result, store) = writer.join().unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(result.unwrap_err().is_cancelled());
    assert!(memory.get(&id("p1")).unwrap_err().is_not_found());
    assert!(store.get(&id("p1")).unwrap_err().is_cancelled());
}

#[test]
fn a_last_moment_after_cancelling_serves_calls_and_ends() {
    let cancel = Cancel::new();
    let memory = MemoryStore::new();
    let store = Governed::new(Arc::new(memory), cancel.clone(), Some(10_000), None);
    cancel.cancel();
    assert!(put(&store, 10).unwrap_err().is_cancelled());
    store.finish_within(Duration::from_secs(60));
    put(&store, 10).unwrap();
    assert_eq!(store.get(&id("p1")).unwrap().len(), 10);

    let start = Instant::now();
    store.finish_within(Duration::from_millis(200));
    // At 10,000 bytes a second this takes far longer than what is left.
    assert!(put(&store, 1_000_000).unwrap_err().is_cancelled());
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(
        store.stat(&id("p1")).unwrap_err().kind(),
        ErrorKind::Cancelled
    );
}
