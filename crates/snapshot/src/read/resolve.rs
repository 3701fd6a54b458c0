//! From what a person types to an entry of a snapshot (format 2 §8.1).

use holdfast_repository::Repository;
use holdfast_repository::directory::{Directory, DirectoryEntry, EntryKind, FileMode};
use holdfast_repository::object::ObjectId;
use holdfast_repository::snapshot::{self, SnapshotManifest};

use crate::error::{Error, Result};

/// An entry of a snapshot.
#[derive(Clone, Debug)]
pub struct Located {
    /// The entry; for the root of a snapshot its root entry.
    pub entry: DirectoryEntry,
    /// Path below the root, `/` between its parts, empty for the root itself.
    pub path: String,
    /// The snapshot, unless an object was named that is the root of none.
    pub snapshot: Option<SnapshotManifest>,
}

impl Located {
    /// Whether permissions, owner and times of the entry are known: not those of an object that was named by its id
    /// and is the root of no snapshot.
    pub(crate) fn has_metadata(&self) -> bool {
        self.snapshot.is_some() || !self.path.is_empty()
    }
}

/// Finds an entry by the id of a snapshot or object and a path below it. Names match exactly, links are not followed,
/// empty parts of the path are skipped.
///
/// # Errors
/// [`Error::NoSnapshot`], [`Error::SnapshotNotFound`], [`Error::PathNotFound`], or a failing repository.
pub fn locate(repo: &Repository, id: &str, path: &str) -> Result<Located> {
    let (snapshot, mut entry) = root(repo, id)?;
    let mut walked = String::new();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let missing = || Error::PathNotFound {
            snapshot: id.to_owned(),
            path: path.to_owned(),
        };
        if !entry.is_directory() {
            return Err(missing());
        }
        let directory = read_directory(repo, &entry)?;
        entry = directory
            .entries
            .iter()
            .find(|entry| is_named(entry, name))
            .ok_or_else(missing)?
            .clone();
        if !walked.is_empty() {
            walked.push('/');
        }
        walked.push_str(name);
    }
    Ok(Located {
        entry,
        path: walked,
        snapshot,
    })
}

/// Whether somebody who types a name means this entry.
pub(super) fn is_named(entry: &DirectoryEntry, name: &str) -> bool {
    entry.file_name() == name.as_bytes() || entry.name == name.as_bytes()
}

/// The entries of a directory.
pub(crate) fn read_directory(repo: &Repository, entry: &DirectoryEntry) -> Result<Directory> {
    Ok(repo.read_directory(&entry.object.ok_or(Error::NoSnapshot)?)?)
}

fn root(repo: &Repository, id: &str) -> Result<(Option<SnapshotManifest>, DirectoryEntry)> {
    if id.is_empty() {
        return Err(Error::NoSnapshot);
    }
    let manifests = repo.manifests()?;
    if let Some(snapshot) = snapshot::find(&manifests, &id.into())? {
        let entry = snapshot
            .root_entry
            .clone()
            .ok_or_else(|| Error::SnapshotNotFound(id.to_owned()))?;
        return Ok((Some(snapshot), entry));
    }
    let object: ObjectId = id
        .parse()
        .map_err(|_| Error::SnapshotNotFound(id.to_owned()))?;
    let same_root = snapshot::list(&manifests, None)
        .into_iter()
        .filter(|snapshot| snapshot.root_object() == Some(object));
    if let Some(latest) = same_root.max_by(SnapshotManifest::list_order)
        && let Some(entry) = latest.root_entry.clone()
    {
        return Ok((Some(latest), entry));
    }
    bare_object(repo, id, object).map(|entry| (None, entry))
}

/// An object that no snapshot has as its root.
fn bare_object(repo: &Repository, id: &str, object: ObjectId) -> Result<DirectoryEntry> {
    if repo.content_info(&object.content())?.is_none() {
        return Err(Error::SnapshotNotFound(id.to_owned()));
    }
    let (kind, mode) = match object.is_directory() {
        true => (EntryKind::Directory, 0o555),
        false => (EntryKind::File, 0o644),
    };
    let mut entry = DirectoryEntry::new(id.as_bytes(), kind);
    entry.mode = FileMode::from_bits(mode);
    entry.object = Some(object);
    Ok(entry)
}
