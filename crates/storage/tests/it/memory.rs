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
