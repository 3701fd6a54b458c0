//! Which snapshots are copied, in which order, and which of them the destination has: no reading here.

use std::collections::{HashMap, HashSet};

use holdfast_repository::SourceIdentity;
use holdfast_repository::json::UnixNanos;
use holdfast_repository::manifest::Manifests;
use holdfast_repository::snapshot::{self, COMPANION_TAG, SnapshotManifest};

use super::Roots;
use crate::error::{Error, Result};

/// What makes a snapshot the same in two repositories: ids and objects differ, times are kept to the nanosecond.
type Identity = (SourceIdentity, UnixNanos, bool);

fn identity(snapshot: &SnapshotManifest) -> Identity {
    (
        snapshot.source.clone(),
        snapshot.start_time,
        snapshot.is_complete(),
    )
}

/// What is to be copied.
pub(super) struct Selection {
    /// Snapshots of the source repository; those of one source oldest first, companions of others last.
    pub(super) snapshots: Vec<SnapshotManifest>,
    /// Snapshots of the destination.
    there: HashMap<Identity, SnapshotManifest>,
    /// All snapshots of the source repository.
    all: Vec<SnapshotManifest>,
}

impl Selection {
    /// The same snapshot in the destination.
    pub(super) fn counterpart(&self, snapshot: &SnapshotManifest) -> Option<&SnapshotManifest> {
        self.there.get(&identity(snapshot))
    }

    /// Of each source, a snapshot that both repositories have: the oldest, because what is copied next comes after it
    /// in most cases.
    pub(super) fn earlier(&self) -> HashMap<SourceIdentity, Roots> {
        let mut earlier = HashMap::new();
        for snapshot in &self.all {
            let roots = self
                .counterpart(snapshot)
                .and_then(|there| there.root_entry.clone())
                .zip(snapshot.root_entry.clone());
            if let Some((new, old)) = roots {
                earlier
                    .entry(snapshot.source.clone())
                    .or_insert(Roots { old, new });
            }
        }
        earlier
    }
}

/// Chooses snapshots by ids and sources; all complete ones when there are neither.
///
/// # Errors
/// An id that is no snapshot's, a source without snapshots.
pub(super) fn select(
    from: &Manifests,
    to: &Manifests,
    ids: &[String],
    sources: &[SourceIdentity],
) -> Result<Selection> {
    let all = snapshot::list(from, None);
    let mut chosen: Vec<&SnapshotManifest> = Vec::new();
    for id in ids {
        let before = chosen.len();
        chosen.extend(all.iter().filter(|snapshot| is_named(snapshot, id)));
        if chosen.len() == before {
            return Err(Error::SnapshotNotFound(id.clone()));
        }
    }
    let everything = [SourceIdentity::default()];
    let sources = match ids.is_empty() && sources.is_empty() {
        true => &everything,
        false => sources,
    };
    for source in sources {
        let of_source = all
            .iter()
            .filter(|snapshot| snapshot.is_complete() && covers(source, &snapshot.source));
        let before = chosen.len();
        chosen.extend(of_source);
        if chosen.len() == before && *source != SourceIdentity::default() {
            return Err(Error::SnapshotNotFound(source.to_string()));
        }
    }
    // What holds the extended metadata of a snapshot has to come with it.
    let roots: HashSet<String> = chosen
        .iter()
        .filter_map(|snapshot| Some(snapshot.root_object()?.to_string()))
        .collect();
    let of_chosen = |snapshot: &&SnapshotManifest| {
        let of = snapshot.tags.get(COMPANION_TAG);
        of.is_some_and(|of| roots.contains(of))
    };
    chosen.extend(all.iter().filter(of_chosen));
    let mut snapshots: Vec<SnapshotManifest> = chosen.into_iter().cloned().collect();
    snapshots.sort_by(|left, right| {
        let last = |snapshot: &SnapshotManifest| snapshot.tags.contains_key(COMPANION_TAG);
        last(left)
            .cmp(&last(right))
            .then_with(|| left.source.cmp(&right.source))
            .then_with(|| left.list_order(right))
            .then_with(|| left.id.cmp(&right.id))
    });
    snapshots.dedup_by(|left, right| left.id == right.id);
    let there = snapshot::list(to, None)
        .into_iter()
        .map(|snapshot| (identity(&snapshot), snapshot))
        .collect();
    Ok(Selection {
        snapshots,
        there,
        all,
    })
}

fn is_named(snapshot: &SnapshotManifest, id: &str) -> bool {
    snapshot.id.as_str() == id
        || snapshot
            .root_object()
            .is_some_and(|root| root.to_string() == id)
}

/// Whether a source is one of those that `wide` means; empty parts mean all.
fn covers(wide: &SourceIdentity, source: &SourceIdentity) -> bool {
    let part = |wide: &str, part: &str| wide.is_empty() || wide == part;
    part(&wide.host, &source.host)
        && part(&wide.user_name, &source.user_name)
        && part(&wide.path, &source.path)
}
