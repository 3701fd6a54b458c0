//! Changes of marks that wait for the end of a pack.

use std::collections::{HashMap, HashSet};

use holdfast_storage::BlobId;

use crate::content_id::ContentId;
use crate::index::IndexEntry;

/// Entries that mark contents as deleted, or take the mark away, each content once.
#[derive(Default)]
pub(super) struct Tombstones {
    /// The entries; their pack numbers refer to `packs`.
    pub(super) entries: Vec<IndexEntry>,
    /// The packs that they name.
    pub(super) packs: Vec<BlobId>,
    ids: HashSet<ContentId>,
    numbers: HashMap<BlobId, u32>,
}

impl Tombstones {
    /// The number of a pack.
    pub(super) fn pack(&mut self, pack: &BlobId) -> u32 {
        if let Some(number) = self.numbers.get(pack) {
            return *number;
        }
        let number = self.packs.len() as u32;
        self.packs.push(pack.clone());
        self.numbers.insert(pack.clone(), number);
        number
    }

    /// Adds an entry; false when there is one of the content already.
    pub(super) fn add(&mut self, entry: IndexEntry) -> bool {
        let first = self.ids.insert(entry.id);
        if first {
            self.entries.push(entry);
        }
        first
    }
}
