//! One tree: what of it is new, and the directories around that, from the leaves up.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use holdfast_repository::Repository;
use holdfast_repository::directory::{Directory, DirectoryEntry, Extras, encode};
use holdfast_repository::object::ObjectId;
use parking_lot::Mutex;

use super::Roots;
use super::contents::Contents;
use super::present::{Present, is_copy};
use crate::error::Result;
use crate::read::each_directory;

/// So many objects are looked up, sorted by their place and copied together.
const BATCH: usize = 1 << 14;
/// So many directories are in memory at once.
const DIRECTORIES: usize = 1 << 10;

/// How the copy of a tree ended.
pub(super) enum Copied {
    /// Everything is stored; this is the root entry of the copy.
    Whole(DirectoryEntry),
    /// Some of it cannot be read, in words.
    Damaged(String),
}

/// Copies the tree below `root`. What is the same in `earlier`, and whole in its copy, is not read.
///
/// # Errors
/// A store or index that fails, cancellation.
pub(super) fn copy_tree(
    from: &Arc<Repository>,
    to: &Arc<Repository>,
    root: &DirectoryEntry,
    earlier: Option<Roots>,
    present: &mut Present<'_>,
    contents: &Contents<'_>,
) -> Result<Copied> {
    let mut tree = Tree {
        from,
        to,
        present,
        contents,
        known: HashMap::new(),
        wanted: Vec::new(),
        seen: HashSet::new(),
        depths: HashMap::new(),
        broken: None,
    };
    tree.find(root, earlier)?;
    tree.copy_wanted()?;
    if tree.broken.is_none() {
        tree.directories()?;
    }
    let mut root = root.clone();
    if tree.broken.is_none()
        && let Err(reason) = tree.translate(&mut root)
    {
        tree.note(reason);
    }
    Ok(match tree.broken {
        None => Copied::Whole(root),
        Some((count, reason)) => Copied::Damaged(format!(
            "{count} of its files and folders cannot be read, one because {reason}; `snapshot verify` names them"
        )),
    })
}

/// A directory in the earlier snapshot and in its copy.
type Before = (ObjectId, ObjectId);

/// A directory to look into, and the same one where it was copied before.
type Pending = (ObjectId, Option<Before>);

struct Tree<'a, 'p> {
    from: &'a Arc<Repository>,
    to: &'a Arc<Repository>,
    present: &'a mut Present<'p>,
    contents: &'a Contents<'a>,
    /// Objects of the source and what they are in the destination. About 100 bytes for each distinct object of the tree
    /// that is not below a directory taken over as a whole.
    known: HashMap<ObjectId, ObjectId>,
    /// Objects to copy next.
    wanted: Vec<ObjectId>,
    /// Every object that was wanted.
    seen: HashSet<ObjectId>,
    /// The deepest level at which each new directory was met: its own directories are all deeper.
    depths: HashMap<ObjectId, usize>,
    /// How many objects cannot be read, and why one of them.
    broken: Option<(u64, String)>,
}

impl Tree<'_, '_> {
    /// Walks level by level and copies what is new on the way.
    fn find(&mut self, root: &DirectoryEntry, earlier: Option<Roots>) -> Result<()> {
        let same = earlier.as_ref().map(|roots| (&roots.old, &roots.new));
        let mut level: Vec<Pending> = Vec::new();
        if let Some((old, new)) = same
            && let Some(pair) = old.object.zip(new.object)
        {
            // All of it at once is sooner done than one folder after the other.
            self.present.is_same(pair)?;
        }
        self.visit(root, same, 0, &mut level)?;
        let mut depth = 0;
        while !level.is_empty() {
            depth += 1;
            let mut next = Vec::new();
            for part in level.chunks(DIRECTORIES) {
                for (directory, hint) in self.read(part)? {
                    let hint = self.hint(hint);
                    for entry in &directory.entries {
                        let same = hint.as_ref().and_then(|hint| hint.get(entry.file_name()));
                        self.visit(entry, same.map(|(old, new)| (old, new)), depth, &mut next)?;
                    }
                    self.want_extras(directory.extras.as_deref())?;
                }
            }
            level = next;
        }
        Ok(())
    }

    /// Reads directories of the source; those that cannot be read are noted.
    fn read(&mut self, level: &[Pending]) -> Result<Vec<(Directory, Option<Before>)>> {
        let numbered: Vec<(usize, ObjectId)> = level
            .iter()
            .enumerate()
            .map(|(index, (object, _))| (index, *object))
            .collect();
        let found = Mutex::new((Vec::with_capacity(level.len()), Vec::new()));
        let request = self.contents.request;
        each_directory(
            self.from,
            &numbered,
            request.workers(),
            &request.cancel,
            &|index, directory| {
                let (directories, broken) = &mut *found.lock();
                match directory {
                    Ok(directory) => directories.push((directory, level[index].1)),
                    Err(reason) => broken.push(reason),
                }
                Ok(())
            },
        )?;
        let (directories, broken) = found.into_inner();
        broken.into_iter().for_each(|reason| self.note(reason));
        Ok(directories)
    }

    /// The entries of the earlier directory that its copy has as they were, by name.
    fn hint(&self, hint: Option<Before>) -> Option<Hint> {
        let (old, new) = hint?;
        // What cannot be read proves nothing.
        let old = self.from.read_directory(&old).ok()?;
        let new = self.to.read_directory(&new).ok()?;
        let mut by_name: HashMap<Vec<u8>, DirectoryEntry> = new
            .entries
            .into_iter()
            .map(|entry| (entry.file_name().to_vec(), entry))
            .collect();
        let pairs = old.entries.into_iter().filter_map(|old| {
            let new = by_name.remove(old.file_name())?;
            is_copy(&old, &new).then(|| (old.file_name().to_vec(), (old, new)))
        });
        Some(Hint(pairs.collect()))
    }

    /// Looks at one entry: takes over what is the same in the earlier snapshot, wants the rest.
    fn visit(
        &mut self,
        entry: &DirectoryEntry,
        same: Option<(&DirectoryEntry, &DirectoryEntry)>,
        depth: usize,
        next: &mut Vec<Pending>,
    ) -> Result<()> {
        let Some(object) = entry.object else {
            return Ok(());
        };
        self.want_extras(entry.extras.as_deref())?;
        if self.known.contains_key(&object) {
            return Ok(());
        }
        let objects = same
            .filter(|(old, new)| is_copy(old, new))
            .and_then(|(old, new)| old.object.zip(new.object));
        if let Some((old, new)) = objects
            && old == object
            && self.is_whole(entry, new)?
        {
            self.known.insert(object, new);
            return Ok(());
        }
        if !entry.is_directory() {
            return self.want(object);
        }
        // Met again at a deeper level it has to be written earlier, with everything below it.
        if self.depths.get(&object).is_none_or(|known| *known < depth) {
            self.depths.insert(object, depth);
            let hint = objects.filter(|_| same.is_some_and(|(old, _)| old.is_directory()));
            next.push((object, hint));
        }
        Ok(())
    }

    /// Whether what the destination has for an entry can take its place, with everything below.
    fn is_whole(&mut self, entry: &DirectoryEntry, new: ObjectId) -> Result<bool> {
        match entry.object.filter(|_| entry.is_directory()) {
            Some(old) => self.present.is_same((old, new)),
            None => self.present.object(&new),
        }
    }

    fn want_extras(&mut self, extras: Option<&Extras>) -> Result<()> {
        let Some(extras) = extras else {
            return Ok(());
        };
        for object in extras.overflow.values() {
            if !self.known.contains_key(object) {
                self.want(*object)?;
            }
        }
        Ok(())
    }

    fn want(&mut self, object: ObjectId) -> Result<()> {
        if self.seen.insert(object) {
            self.wanted.push(object);
        }
        if self.wanted.len() >= BATCH {
            self.copy_wanted()?;
        }
        Ok(())
    }

    fn copy_wanted(&mut self) -> Result<()> {
        let wanted = std::mem::take(&mut self.wanted);
        let moved = self.contents.objects(&wanted, self.present)?;
        for (old, moved) in wanted.iter().zip(moved) {
            match moved {
                Ok(new) => drop(self.known.insert(*old, new)),
                Err(reason) => self.note(reason),
            }
        }
        self.contents
            .request
            .progress
            .add_files(wanted.len() as u64);
        Ok(())
    }

    fn note(&mut self, reason: String) {
        self.broken.get_or_insert((0, reason)).0 += 1;
    }

    /// Writes the new directories, the deepest first.
    fn directories(&mut self) -> Result<()> {
        let mut levels: BTreeMap<usize, Vec<ObjectId>> = BTreeMap::new();
        for (object, depth) in std::mem::take(&mut self.depths) {
            if !self.known.contains_key(&object) {
                levels.entry(depth).or_default().push(object);
            }
        }
        for mut level in levels.into_values().rev() {
            level.sort_unstable();
            let numbered: Vec<(usize, ObjectId)> = level.iter().copied().enumerate().collect();
            let request = self.contents.request;
            let written = Mutex::new((Vec::with_capacity(level.len()), Vec::new()));
            each_directory(
                self.from,
                &numbered,
                request.workers(),
                &request.cancel,
                &|index, directory| {
                    let translated = directory.and_then(|mut directory| {
                        self.translate_directory(&mut directory)?;
                        Ok(directory)
                    });
                    let directory = match translated {
                        Ok(directory) => directory,
                        Err(reason) => {
                            written.lock().1.push(reason);
                            return Ok(());
                        }
                    };
                    let stream = encode(
                        &directory.entries,
                        &directory.summary,
                        directory.extras.as_deref(),
                    );
                    let new = self.contents.directory(&stream)?;
                    match self.present.unreadable(&new, &stream)? {
                        None => written.lock().0.push((level[index], new)),
                        Some(reason) => written.lock().1.push(reason),
                    }
                    request.progress.add_directory();
                    Ok(())
                },
            )?;
            let (new, broken) = written.into_inner();
            self.known.extend(new);
            broken.into_iter().for_each(|reason| self.note(reason));
        }
        Ok(())
    }

    fn translate_directory(&self, directory: &mut Directory) -> Result<(), String> {
        for entry in &mut directory.entries {
            self.translate(entry)?;
        }
        self.translate_extras(directory.extras.as_deref_mut())
    }

    /// Puts the objects of the destination into an entry.
    fn translate(&self, entry: &mut DirectoryEntry) -> Result<(), String> {
        if let Some(object) = &mut entry.object {
            *object = self.translated(object)?;
        }
        self.translate_extras(entry.extras.as_deref_mut())
    }

    fn translate_extras(&self, extras: Option<&mut Extras>) -> Result<(), String> {
        let objects = extras
            .into_iter()
            .flat_map(|extras| extras.overflow.values_mut());
        for object in objects {
            *object = self.translated(object)?;
        }
        Ok(())
    }

    fn translated(&self, object: &ObjectId) -> Result<ObjectId, String> {
        let known = self.known.get(object).copied();
        known.ok_or_else(|| format!("object {object} was not copied"))
    }
}

/// Entries of the earlier snapshot with those of its copy, by name.
struct Hint(HashMap<Vec<u8>, (DirectoryEntry, DirectoryEntry)>);

impl Hint {
    fn get(&self, name: &[u8]) -> Option<&(DirectoryEntry, DirectoryEntry)> {
        self.0.get(name)
    }
}
