//! How much storage deleting snapshots frees at most, found without reading all the others.

use std::collections::{HashMap, HashSet};

use holdfast_host::Cancel;
use holdfast_repository::directory::DirectoryEntry;
use holdfast_repository::manifest::ManifestId;
use holdfast_repository::object::ObjectId;
use holdfast_repository::snapshot::{self, SnapshotManifest};
use holdfast_repository::{ContentId, ContentInfo, Repository};
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::read::{is_about_data, object_parts};

/// Objects that are looked at; with more, nobody knows beforehand.
const MOST_OBJECTS: usize = 1_000_000;

/// Bytes in storage of what these snapshots have and the ones of the same source before and after them have not, at the same
/// place. Others may need some of it as well, so this is a bound; small contents beside files are left out. `None` when the
/// snapshots differ by too much to find out.
///
/// # Errors
/// An id that is no snapshot's, cancellation, a failing repository. Data that is damaged counts as nothing.
pub fn freed_at_most(
    repo: &Repository,
    ids: &[ManifestId],
    cancel: &Cancel,
) -> Result<Option<u64>> {
    let going: HashSet<&ManifestId> = ids.iter().collect();
    let manifests = repo.manifests()?;
    let (gone, stay): (Vec<_>, Vec<_>) = snapshot::list(&manifests, None)
        .into_iter()
        .partition(|snapshot| going.contains(&snapshot.id));
    if gone.len() < going.len() {
        let missing = ids
            .iter()
            .find(|id| gone.iter().all(|gone| gone.id != **id));
        return Err(Error::SnapshotNotFound(
            missing.map(ToString::to_string).unwrap_or_default(),
        ));
    }
    let roots: HashSet<ObjectId> = stay
        .iter()
        .filter_map(SnapshotManifest::root_object)
        .collect();
    let mut walk = Walk {
        repo,
        own: HashSet::new(),
        others: HashSet::new(),
        open: Vec::new(),
    };
    for snapshot in &gone {
        let Some(root) = &snapshot.root_entry else {
            continue;
        };
        if root.object.is_some_and(|root| roots.contains(&root)) {
            continue;
        }
        let neighbours: Vec<DirectoryEntry> = neighbours(snapshot, &stay)
            .filter_map(|other| other.root_entry.clone())
            .collect();
        walk.entry(root, &neighbours.iter().collect::<Vec<_>>());
        while let Some((folder, others)) = walk.open.pop() {
            cancel.check()?;
            walk.folder(&folder, &others)?;
            if walk.own.len() + walk.others.len() > MOST_OBJECTS {
                return Ok(None);
            }
        }
    }
    let mut own = contents(repo, &walk.own, cancel)?;
    for kept in contents(repo, &walk.others, cancel)?.keys() {
        own.remove(kept);
    }
    Ok(Some(own.values().map(|length| u64::from(*length)).sum()))
}

/// The snapshots of the same source right before and right after one.
fn neighbours<'a>(
    snapshot: &SnapshotManifest,
    stay: &'a [SnapshotManifest],
) -> impl Iterator<Item = &'a SnapshotManifest> {
    let of_source = || stay.iter().filter(|other| other.source == snapshot.source);
    let before = of_source()
        .filter(|other| other.list_order(snapshot).is_le())
        .max_by(|one, other| one.list_order(other));
    let after = of_source()
        .filter(|other| other.list_order(snapshot).is_gt())
        .min_by(|one, other| one.list_order(other));
    before.into_iter().chain(after)
}

struct Walk<'a> {
    repo: &'a Repository,
    /// What neighbours do not have at the same place.
    own: HashSet<ObjectId>,
    /// What neighbours have in its stead, which may share parts with it.
    others: HashSet<ObjectId>,
    /// Folders that are still to be compared with those of the neighbours.
    open: Vec<(ObjectId, Vec<ObjectId>)>,
}

impl Walk<'_> {
    fn entry(&mut self, entry: &DirectoryEntry, others: &[&DirectoryEntry]) {
        let Some(object) = entry.object else { return };
        if others.iter().any(|other| other.object == Some(object)) || !self.own.insert(object) {
            return;
        }
        let of_kind = others
            .iter()
            .filter(|other| other.is_directory() == entry.is_directory())
            .filter_map(|other| other.object);
        if entry.is_directory() {
            self.open.push((object, of_kind.collect()));
        } else {
            self.others.extend(of_kind);
        }
    }

    fn folder(&mut self, folder: &ObjectId, others: &[ObjectId]) -> Result<()> {
        let entries = self.entries(folder)?;
        let others = others
            .iter()
            .map(|other| self.entries(other))
            .collect::<Result<Vec<_>>>()?;
        let named: Vec<HashMap<&[u8], &DirectoryEntry>> = others
            .iter()
            .map(|entries| {
                entries
                    .iter()
                    .map(|entry| (entry.file_name(), entry))
                    .collect()
            })
            .collect();
        for entry in &entries {
            let same: Vec<&DirectoryEntry> = named
                .iter()
                .filter_map(|names| names.get(entry.file_name()).copied())
                .collect();
            self.entry(entry, &same);
        }
        Ok(())
    }

    fn entries(&self, folder: &ObjectId) -> Result<Vec<DirectoryEntry>> {
        match self.repo.read_directory(folder) {
            Ok(directory) => Ok(directory.entries),
            Err(error) if is_about_data(&error) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The contents of objects with their lengths in storage.
fn contents(
    repo: &Repository,
    objects: &HashSet<ObjectId>,
    cancel: &Cancel,
) -> Result<HashMap<ContentId, u32>> {
    let numbered: Vec<(usize, ObjectId)> = objects.iter().copied().enumerate().collect();
    let found = Mutex::new(HashMap::new());
    // The list of parts of a long object is a content of its own.
    for (_, object) in &numbered {
        if let Some(index) = object.index_object()
            && !index.is_indirect()
            && let Some(info) = info(repo, &index.content())?
        {
            found.lock().insert(info.id, info.packed_length);
        }
    }
    object_parts(repo, &numbered, 1, cancel, &|_, parts| {
        let parts = parts.unwrap_or_default();
        found.lock().extend(
            parts
                .iter()
                .map(|part| (part.info.id, part.info.packed_length)),
        );
        Ok(())
    })?;
    Ok(found.into_inner())
}

fn info(repo: &Repository, id: &ContentId) -> Result<Option<ContentInfo>> {
    match repo.content_info(id) {
        Ok(info) => Ok(info),
        Err(error) if is_about_data(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
