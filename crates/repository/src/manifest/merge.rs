//! Which manifests are alive, from all containers (format 2 §2.3).

use std::collections::HashMap;

use super::{Labels, Manifest, ManifestId, labels_match};

/// The live manifests of a repository.
#[derive(Debug, Clone, Default)]
pub struct Manifests {
    live: HashMap<ManifestId, Manifest>,
}

/// Merges entries of all containers: for each id the latest counts, and tombstones are gone.
///
/// Of entries with equal id and time the first is kept.
pub fn merge(entries: impl IntoIterator<Item = Manifest>) -> Manifests {
    let mut live: HashMap<ManifestId, Manifest> = HashMap::new();
    for entry in entries {
        match live.get_mut(&entry.id) {
            Some(known) if known.modified >= entry.modified => {}
            Some(known) => *known = entry,
            None => {
                live.insert(entry.id.clone(), entry);
            }
        }
    }
    live.retain(|_, entry| !entry.deleted);
    Manifests { live }
}

impl Manifests {
    /// The manifest with this id.
    pub fn get(&self, id: &ManifestId) -> Option<&Manifest> {
        self.live.get(id)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// All manifests, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Manifest> {
        self.live.values()
    }

    /// The manifests that have all `wanted` labels, oldest first; ids break ties.
    pub fn find(&self, wanted: &Labels) -> Vec<&Manifest> {
        let mut found: Vec<&Manifest> = self
            .live
            .values()
            .filter(|manifest| labels_match(&manifest.labels, wanted))
            .collect();
        found.sort_by(|left, right| (left.modified, &left.id).cmp(&(right.modified, &right.id)));
        found
    }

    /// The latest of the manifests that have all `wanted` labels; the highest id breaks ties.
    pub fn latest(&self, wanted: &Labels) -> Option<&Manifest> {
        self.find(wanted).pop()
    }

    /// Applies entries of the own session, which override whatever was loaded.
    pub fn apply(&mut self, entries: impl IntoIterator<Item = Manifest>) {
        for entry in entries {
            if entry.deleted {
                self.live.remove(&entry.id);
            } else {
                self.live.insert(entry.id.clone(), entry);
            }
        }
    }
}
