use std::sync::Arc;

use holdfast_storage::MemoryStore;
use holdfast_testkit::blobs::conformance::Subject;

fn open() -> Subject {
    Subject {
        store: Arc::new(MemoryStore::new()),
        keep: Box::new(()),
    }
}

holdfast_testkit::blob_store_conformance!(open);

mod locked {
    use holdfast_host::SystemClock;

    use super::{Arc, MemoryStore, Subject};

    fn open() -> Subject {
        Subject {
            store: Arc::new(MemoryStore::with_object_lock(Arc::new(SystemClock::new()))),
            keep: Box::new(()),
        }
    }

    holdfast_testkit::blob_store_conformance!(open);
}
