use std::sync::Arc;

use bytes::Bytes;
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
