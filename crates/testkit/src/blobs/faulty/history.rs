//! What the store held at earlier times, for listings that lag behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use holdfast_host::Clock;
use holdfast_storage::{BlobId, BlobInfo, BlobStore, Result};
use parking_lot::Mutex;

/// The changes of a store, shared by all its clients.
#[derive(Debug)]
pub(super) struct History {
    clock: Arc<dyn Clock>,
    changes: Mutex<Vec<Change>>,
}

#[derive(Debug, Clone)]
struct Change {
    at: Duration,
    id: BlobId,
    before: Option<BlobInfo>,
}

impl History {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            changes: Mutex::default(),
        }
    }

    /// The same past, on a clock that shows the same time.
    pub(super) fn fork(&self, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            changes: Mutex::new(self.changes.lock().clone()),
        }
    }

    /// Notes that a blob is about to change.
    pub(super) fn about_to_change(&self, store: &(dyn BlobStore + 'static), id: &BlobId) {
        self.changes.lock().push(Change {
            at: self.clock.monotonic(),
            id: id.clone(),
            before: store.stat(id).ok(),
        });
    }

    pub(super) fn pass(&self, time: Duration) {
        self.clock.sleep(time);
    }

    /// The listing as it was so long ago.
    pub(super) fn list(
        &self,
        store: &(dyn BlobStore + 'static),
        prefix: &str,
        age: Duration,
    ) -> Result<Vec<BlobInfo>> {
        let now = store.list_all(prefix)?;
        let mut blobs: BTreeMap<BlobId, BlobInfo> = now
            .into_iter()
            .map(|info| (info.id.clone(), info))
            .collect();
        let then = self.clock.monotonic().saturating_sub(age);
        let changes = self.changes.lock();
        let later = changes.iter().rev().take_while(|change| change.at > then);
        for change in later.filter(|change| change.id.as_str().starts_with(prefix)) {
            match &change.before {
                Some(info) => blobs.insert(change.id.clone(), info.clone()),
                None => blobs.remove(&change.id),
            };
        }
        Ok(blobs.into_values().collect())
    }
}
