//! Which objects were seen, at one bit for each content of the repository.

use std::collections::HashMap;
use std::sync::Arc;

use super::ObjectId;
use crate::committed::{CommittedIndex, RowBits};
use crate::{Error, Result};

/// A set of objects, kept as bits over the entries of one view of the index. That takes a tenth of what a hash table of
/// objects would.
pub(crate) struct SeenObjects {
    index: Arc<CommittedIndex>,
    /// By what an id says beside its content: levels of indirection, and whether it is compressed.
    kinds: HashMap<(usize, bool), RowBits>,
}

impl SeenObjects {
    /// An empty set.
    pub(crate) fn new(index: &Arc<CommittedIndex>) -> Self {
        Self {
            index: Arc::clone(index),
            kinds: HashMap::new(),
        }
    }

    /// Adds an object; false when it is in the set already.
    ///
    /// # Errors
    /// [`Error::ContentMissing`] for an object whose content the index does not have, and those of the index.
    pub(crate) fn first_time(&mut self, object: &ObjectId) -> Result<bool> {
        let id = object.content();
        let (table, row) = self
            .index
            .first_position(&id)?
            .ok_or(Error::ContentMissing { id })?;
        let levels = std::iter::successors(object.index_object(), ObjectId::index_object).count();
        let bits = self
            .kinds
            .entry((levels, object.is_compressed()))
            .or_insert_with(|| RowBits::new(self.index.tables()));
        Ok(bits.set(table, row))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use holdfast_storage::BlobId;

    use super::*;
    use crate::committed::IndexTable;
    use crate::index::{IndexEntry, encode};

    #[test]
    fn objects_of_one_content_are_told_apart() {
        let mut entries: Vec<IndexEntry> = ["00aa", "k00bb"]
            .iter()
            .map(|id| IndexEntry {
                id: id.parse().unwrap(),
                deleted: false,
                format_version: 3,
                encryption_key_id: 0,
                pack: 0,
                offset: 0,
                packed_length: 100,
                original_length: 72,
                compression: 0,
                time: 1,
            })
            .collect();
        let bytes = encode(&mut entries, &[BlobId::new("pa-s1").unwrap()]).unwrap();
        let table = IndexTable::in_memory(BlobId::new("x1").unwrap(), Bytes::from(bytes)).unwrap();
        let index = CommittedIndex::new(vec![Arc::new(table)], 0, Duration::ZERO);
        let mut seen = SeenObjects::new(&Arc::new(index));
        for text in ["00aa", "Z00aa", "I00aa", "II00aa", "k00bb", "Ik00bb"] {
            let object: ObjectId = text.parse().unwrap();
            assert!(seen.first_time(&object).unwrap(), "{text}");
            assert!(!seen.first_time(&object).unwrap(), "{text}");
        }
        let missing = seen.first_time(&"00cc".parse().unwrap());
        assert!(matches!(missing, Err(Error::ContentMissing { .. })));
    }
}
