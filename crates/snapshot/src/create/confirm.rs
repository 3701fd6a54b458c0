//! Whether everything that a new tree refers to is still there.
//!
//! What is in the repository already is not stored again. While a long upload runs, maintenance elsewhere may mark such
//! contents as deleted, because no snapshot refers to them, and drop them some hours later (format 1 §9.5, §11).

use std::collections::HashSet;
use std::time::Duration;

use holdfast_host::Cancel;
use holdfast_repository::directory::{DirectoryEntry, Extras};
use holdfast_repository::object::ObjectId;
use holdfast_repository::{ContentInfo, Repository};
use parking_lot::Mutex;

use crate::error::Result;
use crate::read::{each_directory, object_parts};

/// An upload that took longer is looked through before its manifest is saved. Maintenance drops a content 4 hours after it
/// marked it at the earliest, and the index that the upload looked at was up to 15 minutes old.
pub(crate) const SAFE_AGE: Duration = Duration::from_secs(3 * 60 * 60);

/// Whether a content counts: one that is marked as deleted is on its way out.
pub(crate) fn lasts(info: &ContentInfo) -> bool {
    !info.deleted && !info.is_unusable()
}

/// The objects below a root, itself included, of which contents are missing or marked as deleted in the present index.
pub(crate) fn lost_objects(
    repo: &Repository,
    root: &DirectoryEntry,
    workers: usize,
    cancel: &Cancel,
) -> Result<HashSet<ObjectId>> {
    let found = Mutex::new(Found::default());
    found.lock().visit(root);
    loop {
        let level = std::mem::take(&mut found.lock().directories);
        if level.is_empty() {
            break;
        }
        let numbered: Vec<(usize, ObjectId)> = level.iter().copied().enumerate().collect();
        each_directory(repo, &numbered, workers, cancel, &|index, directory| {
            let found = &mut *found.lock();
            match directory {
                Ok(directory) => {
                    found.visit_large(directory.extras.as_deref());
                    let entries = directory.entries.iter();
                    entries.for_each(|entry| found.visit(entry));
                }
                Err(_) => drop(found.lost.insert(level[index])),
            }
            Ok(())
        })?;
        // A directory that can still be read may be on its way out all the same.
        for object in level {
            if !is_kept(repo, &object)? {
                found.lock().lost.insert(object);
            }
        }
    }
    let Found { files, lost, .. } = found.into_inner();
    let lost = Mutex::new(lost);
    let numbered: Vec<(usize, ObjectId)> = files.iter().copied().enumerate().collect();
    object_parts(repo, &numbered, workers, cancel, &|index, parts| {
        let kept = parts.is_ok_and(|parts| parts.iter().all(|part| lasts(&part.info)));
        if !kept || !is_kept(repo, &files[index])? {
            lost.lock().insert(files[index]);
        }
        Ok(())
    })?;
    Ok(lost.into_inner())
}

/// Whether the content of an object, or that of its list of parts, counts.
fn is_kept(repo: &Repository, object: &ObjectId) -> Result<bool> {
    Ok(repo.is_live(&object.content())?)
}

#[derive(Default)]
struct Found {
    seen: HashSet<ObjectId>,
    directories: Vec<ObjectId>,
    files: Vec<ObjectId>,
    lost: HashSet<ObjectId>,
}

impl Found {
    /// Extended attributes that are objects of their own.
    fn visit_large(&mut self, extras: Option<&Extras>) {
        for object in extras.iter().flat_map(|extras| extras.overflow.values()) {
            if self.seen.insert(*object) {
                self.files.push(*object);
            }
        }
    }

    fn visit(&mut self, entry: &DirectoryEntry) {
        self.visit_large(entry.extras.as_deref());
        let Some(object) = entry.object.filter(|object| self.seen.insert(*object)) else {
            return;
        };
        match entry.is_directory() {
            true => self.directories.push(object),
            false => self.files.push(object),
        }
    }
}
