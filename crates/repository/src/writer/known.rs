//! Which contents this session has claimed for writing, shared by its workers.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use parking_lot::Mutex;

use crate::content_id::ContentId;

/// Sets, each with its own lock, so that workers rarely wait for each other.
const SETS: usize = 16;

/// Content ids are keyed hashes, so a set of them need not hash them well again.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.0 = self.0.rotate_left(23) ^ u64::from_le_bytes(*word);
        }
        for byte in rest {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type IdSet = HashSet<ContentId, BuildHasherDefault<IdHasher>>;

/// Contents that some worker of the session has written or is about to write and that are not published yet.
#[derive(Debug, Default)]
pub(super) struct KnownContents {
    sets: [Mutex<IdSet>; SETS],
}

impl KnownContents {
    fn set(&self, id: &ContentId) -> &Mutex<IdSet> {
        let last = id.hash().last().copied().unwrap_or(0);
        &self.sets[usize::from(last) % SETS]
    }

    /// Claims a content; false when it is claimed already.
    pub(super) fn claim(&self, id: ContentId) -> bool {
        self.set(&id).lock().insert(id)
    }

    /// Whether a content is claimed.
    pub(super) fn contains(&self, id: &ContentId) -> bool {
        self.set(id).lock().contains(id)
    }

    /// Forgets contents that the committed index now knows.
    pub(super) fn forget<'a>(&self, ids: impl IntoIterator<Item = &'a ContentId>) {
        for id in ids {
            self.set(id).lock().remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_claimed_once_until_it_is_forgotten() {
        let known = KnownContents::default();
        let ids: Vec<ContentId> = (0..1000u32)
            .map(|i| ContentId::new(None, &i.to_be_bytes()).unwrap())
            .collect();
        assert!(ids.iter().all(|id| known.claim(*id)));
        assert!(ids.iter().all(|id| !known.claim(*id) && known.contains(id)));
        known.forget(&ids[..500]);
        assert!(ids[..500].iter().all(|id| !known.contains(id)));
        assert!(ids[500..].iter().all(|id| known.contains(id)));
    }
}
