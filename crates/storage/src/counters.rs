//! What went over the wire, counted while it goes.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one store handle, rising only.
///
/// Bytes of a blob count as they reach the store, so that progress moves inside a large upload.
/// What a failed attempt had sent stays counted and the next attempt counts on from there only
#[derive(Debug, Default)]
pub struct TransferCounters {
    uploaded: AtomicU64,
    downloaded: AtomicU64,
    puts: AtomicU64,
    gets: AtomicU64,
    lists: AtomicU64,
    deletes: AtomicU64,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident, $add:ident;)*) => {
        impl TransferCounters {
            $(
                $(#[$doc])*
                pub fn $field(&self) -> u64 {
                    self.$field.load(Ordering::Relaxed)
                }

                pub(crate) fn $add(&self, count: u64) {
                    self.$field.fetch_add(count, Ordering::Relaxed);
                }
            )*
        }
    };
}

counters! {
    /// Bytes of blobs sent to the store.
    uploaded, add_uploaded;
    /// Bytes of blobs received from the store.
    downloaded, add_downloaded;
    /// Blobs stored.
    puts, add_puts;
    /// Reads, whole or ranged, and look-ups.
    gets, add_gets;
    /// Listings (pages of them, where the store pages).
    lists, add_lists;
    /// Removals.
    deletes, add_deletes;
}
