//! The log of requests, written while they run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::Operation;

/// One request as the log shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedRequest {
    /// HTTP method.
    pub method: String,
    /// What it did.
    pub operation: Operation,
    /// The bucket; empty for requests to the service.
    pub bucket: String,
    /// The key; empty for requests to the bucket.
    pub key: String,
    /// The query as it came.
    pub query: String,
    /// The header `Range`.
    pub range: Option<String>,
    /// The header `Content-MD5`.
    pub content_md5: Option<String>,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The header `x-amz-storage-class`.
    pub storage_class: Option<String>,
    /// The header `x-amz-object-lock-mode`.
    pub lock_mode: Option<String>,
    /// The header `x-amz-object-lock-retain-until-date`.
    pub lock_until: Option<String>,
    /// Bytes of the request's body that arrived.
    pub received: u64,
    /// Bytes of the answer's body that left.
    pub sent: u64,
    /// HTTP status; 0 while it runs, and for ever when there was no answer.
    pub status: u16,
}

/// Sums over the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// How many requests.
    pub requests: u64,
    /// How many PUTs of objects.
    pub puts: u64,
    /// Bytes of bodies of PUTs that arrived, broken ones included.
    pub put_bytes: u64,
    /// Bytes of bodies of PUTs that were stored.
    pub stored_bytes: u64,
    /// How many GETs of objects.
    pub gets: u64,
    /// Bytes of bodies that left in answer to GETs.
    pub get_bytes: u64,
}

/// An entry that still changes.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) request: LoggedRequest,
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) status: AtomicU16,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    entries: Mutex<Vec<Arc<Entry>>>,
}

impl Log {
    pub(super) fn start(&self, request: LoggedRequest) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            request,
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            status: AtomicU16::new(0),
        });
        self.entries.lock().push(Arc::clone(&entry));
        entry
    }

    pub(super) fn clear(&self) {
        self.entries.lock().clear();
    }

    pub(super) fn requests(&self) -> Vec<LoggedRequest> {
        let entries = self.entries.lock();
        entries
            .iter()
            .map(|entry| LoggedRequest {
                received: entry.received.load(Ordering::Relaxed),
                sent: entry.sent.load(Ordering::Relaxed),
                status: entry.status.load(Ordering::Relaxed),
                ..entry.request.clone()
            })
            .collect()
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for request in self.requests() {
            totals.requests += 1;
            match request.operation {
                Operation::Put => {
                    totals.puts += 1;
                    totals.put_bytes += request.received;
                    if request.status == 200 {
                        totals.stored_bytes += request.received;
                    }
                }
                Operation::Get => {
                    totals.gets += 1;
                    totals.get_bytes += request.sent;
                }
                _ => {}
            }
        }
        totals
    }
}
