//! What the destination has already, and whether it can be relied on. What is taken over without being copied is proven
//! first: that it is what a copy of the source would be, with all its extended metadata, that folders can be read, and that
//! the packs of files are there to their ends.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use holdfast_repository::directory::{Directory, DirectoryEntry, Extras};
use holdfast_repository::object::ObjectId;
use holdfast_repository::{ContentId, ContentInfo, Error as RepositoryError, Repository};
use parking_lot::Mutex;

use super::CopyRequest;
use crate::create::lasts;
use crate::error::Result;
use crate::read::{each_directory, object_parts};

/// So many directories of both repositories are in memory at once.
const DIRECTORIES: usize = 1 << 10;

/// A directory of the source and what it is in the destination.
pub(super) type Pair = (ObjectId, ObjectId);

/// What is known of the destination. Kept from snapshot to snapshot, so that nothing is looked at twice.
pub(super) struct Present<'a> {
    from: &'a Arc<Repository>,
    to: &'a Arc<Repository>,
    request: &'a CopyRequest,
    /// Lengths of packs; nothing for those that are missing.
    packs: Mutex<HashMap<String, Option<u64>>>,
    /// Whether a pair is the same, with everything below. About 100 bytes each.
    proven: HashMap<Pair, bool>,
}

impl<'a> Present<'a> {
    /// Lists the packs of the destination.
    pub(super) fn new(
        from: &'a Arc<Repository>,
        to: &'a Arc<Repository>,
        request: &'a CopyRequest,
    ) -> Result<Self> {
        let mut packs = HashMap::new();
        for prefix in ["p", "q"] {
            let listed = to.store().list_all(prefix);
            for pack in listed.map_err(RepositoryError::from)? {
                packs.insert(pack.id.to_string(), Some(pack.length));
            }
        }
        Ok(Self {
            from,
            to,
            request,
            packs: Mutex::new(packs),
            proven: HashMap::new(),
        })
    }

    /// Whether a content is there and stays.
    fn holds(&self, info: &ContentInfo) -> Result<bool> {
        let end = u64::from(info.offset) + u64::from(info.packed_length);
        Ok(lasts(info)
            && self
                .length_of_pack(info)?
                .is_some_and(|length| length >= end))
    }

    /// The length of the pack of a content. One that was stored since the listing is asked for.
    fn length_of_pack(&self, info: &ContentInfo) -> Result<Option<u64>> {
        let known = self.packs.lock().get(info.pack.as_str()).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let length = match self.to.store().stat(&info.pack) {
            Ok(info) => Some(info.length),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(RepositoryError::from(error).into()),
        };
        self.packs.lock().insert(info.pack.to_string(), length);
        Ok(length)
    }

    /// Why a content that was not stored, because the index of the destination has it, is not there all the same.
    pub(super) fn lost(&self, id: &ContentId) -> Result<Option<String>> {
        let Some(info) = self.to.content_info(id)?.filter(lasts) else {
            // This copy stored it a moment ago.
            return Ok(None);
        };
        Ok(match self.holds(&info)? {
            true => None,
            false => Some(format!(
                "the destination should have content {id}, and its pack {} is missing or too short; run `repo repair \
                 --apply` there and copy again",
                info.pack
            )),
        })
    }

    /// Why a directory that was not stored, because the destination has it, cannot be read there.
    pub(super) fn unreadable(&self, object: &ObjectId, stream: &[u8]) -> Result<Option<String>> {
        if self
            .to
            .content_info(&object.content())?
            .filter(lasts)
            .is_none()
        {
            return Ok(None);
        }
        let reason = match self.to.read_object(object) {
            Ok(data) if data == stream => return Ok(None),
            Ok(_) => "it is another one".to_owned(),
            Err(error) => error.to_string(),
        };
        Ok(Some(format!(
            "the destination should have the folder {object}, and it cannot be read there: {reason}; run `repo repair \
             --apply --read-data` there and copy again"
        )))
    }

    /// Whether an object of the destination is there with all its parts and stays.
    pub(super) fn object(&self, object: &ObjectId) -> Result<bool> {
        Ok(self.missing(&[*object], 1)?.is_empty())
    }

    /// Those of some objects that are not there with all their parts.
    fn missing(&self, objects: &[ObjectId], workers: usize) -> Result<HashSet<ObjectId>> {
        let numbered: Vec<(usize, ObjectId)> = objects.iter().copied().enumerate().collect();
        let missing = Mutex::new(HashSet::new());
        let cancel = &self.request.cancel;
        object_parts(self.to, &numbered, workers, cancel, &|index, parts| {
            let object = objects[index];
            let mut there = match self.to.content_info(&object.content())? {
                Some(info) => self.holds(&info)?,
                None => false,
            };
            match parts {
                Ok(parts) => {
                    for part in &parts {
                        there = there && self.holds(&part.info)?;
                    }
                }
                Err(_) => there = false,
            }
            if !there {
                missing.lock().insert(object);
            }
            Ok(())
        })?;
        Ok(missing.into_inner())
    }

    /// Whether two directories are the same with everything below them, and the one of the destination is whole.
    pub(super) fn is_same(&mut self, root: Pair) -> Result<bool> {
        if let Some(known) = self.proven.get(&root) {
            return Ok(*known);
        }
        let mut parents: HashMap<Pair, Vec<Pair>> = HashMap::from([(root, Vec::new())]);
        let mut different: Vec<Pair> = Vec::new();
        let mut level = vec![root];
        while !level.is_empty() {
            let mut next = Vec::new();
            for part in level.chunks(DIRECTORIES) {
                for (pair, below) in self.compare(part)? {
                    let Some(below) = below else {
                        different.push(pair);
                        continue;
                    };
                    for child in below {
                        if let Some(same) = self.proven.get(&child) {
                            if !same {
                                different.push(pair);
                            }
                            continue;
                        }
                        let known = parents.entry(child).or_insert_with(|| {
                            next.push(child);
                            Vec::new()
                        });
                        known.push(pair);
                    }
                }
            }
            level = next;
        }
        self.proven.extend(parents.keys().map(|pair| (*pair, true)));
        while let Some(pair) = different.pop() {
            if self.proven.insert(pair, false) == Some(true) {
                different.extend(parents.get(&pair).into_iter().flatten());
            }
        }
        Ok(self.proven.get(&root) == Some(&true))
    }

    /// For each pair the pairs below it; nothing where the two differ or one of them cannot be read.
    fn compare(&self, pairs: &[Pair]) -> Result<Vec<(Pair, Option<Vec<Pair>>)>> {
        let old = self.read(self.from, pairs.iter().map(|pair| pair.0))?;
        let new = self.read(self.to, pairs.iter().map(|pair| pair.1))?;
        let matches: Vec<Option<Match>> = old
            .into_iter()
            .zip(new)
            .map(|(old, new)| Match::of(&old?, &new?))
            .collect();
        let leaves: HashSet<ObjectId> = matches
            .iter()
            .flatten()
            .flat_map(|found| found.leaves.iter().copied())
            // A directory that was read may be on its way out all the same.
            .chain(pairs.iter().map(|pair| pair.1))
            .collect();
        let leaves: Vec<ObjectId> = leaves.into_iter().collect();
        let missing = self.missing(&leaves, self.request.workers())?;
        let compared = pairs.iter().zip(matches).map(|(pair, found)| {
            let whole = |object: &ObjectId| !missing.contains(object);
            let found = found.filter(|found| whole(&pair.1) && found.leaves.iter().all(whole));
            (*pair, found.map(|found| found.directories))
        });
        Ok(compared.collect())
    }

    fn read(
        &self,
        repository: &Arc<Repository>,
        objects: impl Iterator<Item = ObjectId>,
    ) -> Result<Vec<Option<Directory>>> {
        let numbered: Vec<(usize, ObjectId)> = objects.enumerate().collect();
        let read = Mutex::new(vec![None; numbered.len()]);
        let (workers, cancel) = (self.request.workers(), &self.request.cancel);
        each_directory(
            repository,
            &numbered,
            workers,
            cancel,
            &|index, directory| {
                // What cannot be read proves nothing.
                read.lock()[index] = directory.ok();
                Ok(())
            },
        )?;
        Ok(read.into_inner())
    }
}

/// What two equal directories refer to.
struct Match {
    directories: Vec<Pair>,
    /// Everything else in the destination.
    leaves: Vec<ObjectId>,
}

impl Match {
    fn of(old: &Directory, new: &Directory) -> Option<Self> {
        let mut found = Self {
            directories: Vec::new(),
            leaves: Vec::new(),
        };
        let equal = old.summary == new.summary
            && old.entries.len() == new.entries.len()
            && found.extras(old.extras.as_deref(), new.extras.as_deref());
        let mut entries = old.entries.iter().zip(&new.entries);
        (equal && entries.all(|(old, new)| found.entry(old, new))).then_some(found)
    }

    fn entry(&mut self, old: &DirectoryEntry, new: &DirectoryEntry) -> bool {
        match (old.object, new.object) {
            (None, None) => {}
            (Some(old), Some(new_object)) if new.is_directory() => {
                self.directories.push((old, new_object));
            }
            (Some(_), Some(object)) => self.leaves.push(object),
            _ => return false,
        }
        is_copy(old, new) && self.extras(old.extras.as_deref(), new.extras.as_deref())
    }

    /// Extended metadata is the same apart from the objects that hold what is large.
    fn extras(&mut self, old: Option<&Extras>, new: Option<&Extras>) -> bool {
        let (old, new) = match (old, new) {
            (None, None) => return true,
            (Some(old), Some(new)) => (old, new),
            _ => return false,
        };
        self.leaves.extend(new.overflow.values().copied());
        let plain = |extras: &Extras| Extras {
            overflow: [].into(),
            ..extras.clone()
        };
        plain(old) == plain(new) && old.overflow.keys().eq(new.overflow.keys())
    }
}

/// Whether an entry of the destination is what a copy made of one of the source: everything but objects and extended
/// metadata is equal. Somebody may have changed the copy since.
pub(super) fn is_copy(old: &DirectoryEntry, new: &DirectoryEntry) -> bool {
    let plain = |entry: &DirectoryEntry| DirectoryEntry {
        object: None,
        extras: None,
        ..entry.clone()
    };
    plain(old) == plain(new)
}
