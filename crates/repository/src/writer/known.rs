//! Which contents this session has claimed for writing, shared by its workers.

use std::collections::HashSet;

use parking_lot::Mutex;

use crate::content_id::ContentId;

/// Sets, each with its own lock, so that workers rarely wait for each other.
const SETS: usize = 16;

/// Contents that some worker of the session has written or is about to write and that are not published yet.
#[derive(Debug, Default)]
pub(super) struct KnownContents {
    sets: [Mutex<HashSet<ContentId>>; SETS],
}

impl KnownContents {
    fn set(&self, id: &ContentId) -> &Mutex<HashSet<ContentId>> {
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
