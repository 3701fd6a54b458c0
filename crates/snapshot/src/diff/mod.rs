//! What differs between two snapshots, or between parts of them.
//!
//! Both trees are walked together, names in order, with one pair of folders of each level in memory. Folders with the
//! same object have equal content, however much is below them, and are not read.

mod compare;

use std::io;

use holdfast_host::Cancel;
use holdfast_repository::Repository;
use holdfast_repository::directory::{DirectoryEntry, EntryKind};
use holdfast_repository::object::ObjectId;

pub use compare::Aspect;

use self::compare::{Pair, aspects, pair};
use crate::error::{Error, Result};
use crate::read::{Located, is_about_data};

/// One difference between two trees.
#[derive(Clone, Copy, Debug)]
pub enum Difference<'a> {
    /// Only the second tree has it. What is below an added folder follows, entry by entry.
    Added(&'a DirectoryEntry),
    /// Only the first tree has it. What is below a removed folder follows, entry by entry.
    Removed(&'a DirectoryEntry),
    /// Both have it, in different states. When a folder became something else, what was below it follows as removed;
    /// when something else became a folder, what is below it now as added.
    Changed {
        /// Its state in the first tree.
        before: &'a DirectoryEntry,
        /// Its state in the second tree.
        after: &'a DirectoryEntry,
        /// What changed, at least one.
        aspects: &'a [Aspect],
    },
    /// A folder of either tree cannot be read, so what is below it is not compared.
    Unreadable {
        /// What is wrong, in words.
        reason: &'a str,
    },
}

/// How many differences there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffCounts {
    /// Entries that only the second tree has.
    pub added: u64,
    /// Bytes of the files among them.
    pub added_bytes: u64,
    /// Entries that only the first tree has.
    pub removed: u64,
    /// Bytes of the files among them.
    pub removed_bytes: u64,
    /// Entries in different states.
    pub changed: u64,
    /// Folders that cannot be read.
    pub unreadable: u64,
    /// Folders that were read, of both trees together.
    pub read: u64,
}

/// Compares two trees and hands every difference to `each` with its path below both roots, `/` between its parts, `.`
/// for the roots themselves. A root that is an object outside of any snapshot has no permissions and times to compare.
///
/// # Errors
/// What stops everything: a store that cannot be used, cancellation, or the first error of `each`, as
/// [`Error::Output`]. Folders that are
/// missing or damaged are differences.
pub fn diff(
    repo: &Repository,
    before: &Located,
    after: &Located,
    cancel: &Cancel,
    each: &mut dyn FnMut(&str, Difference<'_>) -> io::Result<()>,
) -> Result<DiffCounts> {
    let mut walk = Walk {
        repo,
        each,
        counts: DiffCounts::default(),
        open: Vec::new(),
    };
    let roots = (before.entry.clone(), after.entry.clone());
    let known = before.has_metadata() && after.has_metadata();
    walk.both(".", &roots.0, &roots.1, known)?;
    while let Some((parent, rest)) = walk.open.last_mut() {
        cancel.check()?;
        let Some(pair) = rest.next() else {
            walk.open.pop();
            continue;
        };
        let parent = parent.clone();
        match pair {
            Pair::Before(entry) => walk.one(&below(&parent, &entry), &entry, Side::Before)?,
            Pair::After(entry) => walk.one(&below(&parent, &entry), &entry, Side::After)?,
            Pair::Both(before, after) => {
                walk.both(&below(&parent, &after), &before, &after, true)?;
            }
        }
    }
    Ok(walk.counts)
}

fn below(parent: &str, entry: &DirectoryEntry) -> String {
    let name = entry.name_text();
    match parent {
        "." => name.into_owned(),
        _ => format!("{parent}/{name}"),
    }
}

/// Which tree an entry belongs to that the other has not.
#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

struct Walk<'a> {
    repo: &'a Repository,
    each: &'a mut dyn FnMut(&str, Difference<'_>) -> io::Result<()>,
    counts: DiffCounts,
    /// Open folders with their paths and what is left of them, instead of recursion: trees may be deeper than a stack.
    open: Vec<(String, std::vec::IntoIter<Pair>)>,
}

impl Walk<'_> {
    fn tell(&mut self, path: &str, difference: Difference<'_>) -> Result<()> {
        (self.each)(path, difference).map_err(Error::Output)
    }

    fn one(&mut self, path: &str, entry: &DirectoryEntry, side: Side) -> Result<()> {
        let bytes = match entry.kind {
            EntryKind::File => entry.size.try_into().unwrap_or(0),
            _ => 0,
        };
        match side {
            Side::Before => {
                self.counts.removed += 1;
                self.counts.removed_bytes += bytes;
                self.tell(path, Difference::Removed(entry))?;
            }
            Side::After => {
                self.counts.added += 1;
                self.counts.added_bytes += bytes;
                self.tell(path, Difference::Added(entry))?;
            }
        }
        match side {
            Side::Before => self.descend(path, folder(entry), None),
            Side::After => self.descend(path, None, folder(entry)),
        }
    }

    /// `metadata` says whether more than type and content is known of both.
    fn both(
        &mut self,
        path: &str,
        before: &DirectoryEntry,
        after: &DirectoryEntry,
        metadata: bool,
    ) -> Result<()> {
        let mut aspects = aspects(before, after);
        if !metadata {
            aspects.retain(|aspect| matches!(aspect, Aspect::Type | Aspect::Content));
        }
        if !aspects.is_empty() {
            self.counts.changed += 1;
            let changed = Difference::Changed {
                before,
                after,
                aspects: &aspects,
            };
            self.tell(path, changed)?;
        }
        let (before, after) = (folder(before), folder(after));
        if before == after {
            return Ok(());
        }
        self.descend(path, before, after)
    }

    fn descend(
        &mut self,
        path: &str,
        before: Option<ObjectId>,
        after: Option<ObjectId>,
    ) -> Result<()> {
        let (Some(before), Some(after)) = (self.entries(path, before)?, self.entries(path, after)?)
        else {
            return Ok(());
        };
        let pairs = pair(before, after);
        if !pairs.is_empty() {
            self.open.push((path.to_owned(), pairs.into_iter()));
        }
        Ok(())
    }

    /// The entries of a folder, none where there is no folder; nothing when they cannot be read.
    fn entries(
        &mut self,
        path: &str,
        folder: Option<ObjectId>,
    ) -> Result<Option<Vec<DirectoryEntry>>> {
        let Some(folder) = folder else {
            return Ok(Some(Vec::new()));
        };
        match self.repo.read_directory(&folder) {
            Ok(directory) => {
                self.counts.read += 1;
                Ok(Some(directory.entries))
            }
            Err(error) if is_about_data(&error) => {
                self.counts.unreadable += 1;
                let reason = error.to_string();
                self.tell(path, Difference::Unreadable { reason: &reason })?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The object of a folder.
fn folder(entry: &DirectoryEntry) -> Option<ObjectId> {
    entry.object.filter(|_| entry.is_directory())
}
