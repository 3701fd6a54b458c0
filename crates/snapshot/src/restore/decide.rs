//! What happens to each entry of a plan, by a look at the target.

use std::collections::HashMap;
use std::io;

use holdfast_host::dir::{self, Dir, FileId, FileTime, Replacing};
use holdfast_planning::restore::{
    Action, Decision, Existing, Overwrite, Rules, Shape, Wanted, decide,
};
use holdfast_repository::directory::EntryKind;

use super::attributes::Owners;
use super::directories::{Directories, DirectoryCache};
use super::plan::Plan;
use crate::error::Result;
use crate::problem::{ProblemCode, Severity};

/// An existing entry of which content or attributes decide what happens to it; until then it is taken for one that is
/// replaced.
#[derive(Clone, Copy)]
pub(super) struct Candidate {
    /// Position in the plan.
    pub(super) entry: usize,
    /// Whether its content is taken for the same without being read.
    pub(super) trusted: bool,
    /// Whether it has the attributes of the snapshot, or keeps those that it has.
    pub(super) attributes_set: bool,
    /// Whether the attributes that it lacks may be set on it, rather than on a new file in its place.
    pub(super) in_place: bool,
}

/// By what it is decided what happens to existing entries.
pub(super) struct Grounds<'a> {
    pub(super) rules: Rules,
    pub(super) owners: &'a Owners,
    /// When the restore began that was cut off here, if it is continued.
    pub(super) began: Option<FileTime>,
}

/// What a look at the target found beside the actions of the plan.
#[derive(Default)]
pub(super) struct Seen {
    /// Entries that are compared with the snapshot.
    pub(super) candidates: Vec<Candidate>,
    /// Directories of which it is known whether entries may be made in them.
    pub(super) open: OpenDirectories,
    /// Existing entries that had several names in the snapshot, and which files they are here. Another one than any where
    /// the system does not say.
    pub(super) linked: HashMap<usize, FileId>,
}

/// Of existing directories: whether entries may be made in them, as far as that was asked.
pub(super) type OpenDirectories = HashMap<usize, bool>;

/// Sets the action of every entry by a look at the directory `root` of the target.
///
/// # Errors
/// A target that cannot be opened again.
pub(super) fn decide_all(plan: &mut Plan, root: &Dir, grounds: &Grounds<'_>) -> Result<Seen> {
    let target = Directories::of(plan, root)?;
    let mut look = Look::new(plan, &target, OpenDirectories::new());
    let directories = look.directories();
    let entries: Vec<Action> = (0..plan.entries.len())
        .map(|index| match directories[plan.entries[index].directory] {
            Action::Same => look.entry(index, grounds),
            other => other,
        })
        .collect();
    let seen = look.seen;
    for (directory, action) in plan.directories.iter_mut().zip(directories) {
        directory.action = action;
    }
    for (entry, action) in plan.entries.iter_mut().zip(entries) {
        entry.action = action;
    }
    Ok(seen)
}

/// Sets the action of existing entries that turned out to be replaced: those that must not be cannot be restored.
///
/// # Errors
/// A target that cannot be opened again.
pub(super) fn check_replaced(
    plan: &mut Plan,
    root: &Dir,
    open: &mut OpenDirectories,
    entries: &[usize],
) -> Result<()> {
    let target = Directories::of(plan, root)?;
    let mut look = Look::new(plan, &target, std::mem::take(open));
    let actions: Vec<Action> = entries
        .iter()
        .map(|&index| look.replaced(index, None))
        .collect();
    *open = look.seen.open;
    for (&index, action) in entries.iter().zip(actions) {
        plan.entries[index].action = action;
    }
    Ok(())
}

struct Look<'a> {
    plan: &'a Plan,
    cache: DirectoryCache<'a>,
    seen: Seen,
    /// Who may replace entries of the directory that was asked last.
    replacing: Option<(usize, Replacing)>,
}

impl<'a> Look<'a> {
    fn new(plan: &'a Plan, target: &'a Directories<'a>, open: OpenDirectories) -> Self {
        let seen = Seen {
            open,
            ..Seen::default()
        };
        Self {
            plan,
            cache: DirectoryCache::new(target),
            seen,
            replacing: None,
        }
    }

    fn directories(&mut self) -> Vec<Action> {
        let mut actions = Vec::with_capacity(self.plan.directories.len());
        actions.push(Action::Same);
        for index in 1..self.plan.directories.len() {
            let above = actions[self.plan.directories[index].parent];
            actions.push(match above {
                Action::Same => self.directory(index),
                other => other,
            });
        }
        actions
    }

    fn directory(&mut self, index: usize) -> Action {
        match self.cache.get(index) {
            Ok(_) => Action::Same,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match self.is_open(self.plan.directories[index].parent) {
                    true => Action::Create,
                    false => Action::Cannot,
                }
            }
            Err(error) => {
                let message =
                    format!("something that cannot be used as a folder is in its place: {error}");
                let path = self.plan.path_of_directory(index);
                self.plan
                    .problem(ProblemCode::InTheWay, Severity::Error, path, message);
                Action::Cannot
            }
        }
    }

    /// Whether entries may be made in an existing directory. It is named once if not, instead of everything in it.
    fn is_open(&mut self, directory: usize) -> bool {
        if let Some(&open) = self.seen.open.get(&directory) {
            return open;
        }
        let asked = self.cache.get(directory).and_then(|dir| dir.may_create());
        if let Err(error) = &asked {
            let message = format!("nothing can be written into this folder: {error}");
            let path = self.plan.path_of_directory(directory);
            self.plan
                .problem(ProblemCode::WriteFailed, Severity::Error, path, message);
        }
        self.seen.open.insert(directory, asked.is_ok());
        asked.is_ok()
    }

    fn entry(&mut self, index: usize, grounds: &Grounds<'_>) -> Action {
        let (rules, owners) = (&grounds.rules, grounds.owners);
        let entry = &self.plan.entries[index];
        let there = match self.metadata(index) {
            Ok(there) => there,
            Err(error) => return self.cannot(index, error.to_string()),
        };
        let shape = if entry.kind == EntryKind::Symlink {
            Shape::Symlink
        } else {
            Shape::File
        };
        let wanted = Wanted {
            shape,
            size: entry.size,
            modified: entry.attributes.modified,
        };
        let existing = there.as_ref().map(|there| describe(there, grounds.began));
        let decision = decide(existing, wanted, rules);
        let Some(there) = there else {
            return match decision {
                Decision::Act(Action::Create) if !self.is_open(entry.directory) => Action::Cannot,
                _ => Action::Create,
            };
        };
        if entry.has_further_names() {
            let id = there.id().unwrap_or((u64::MAX, index as u64));
            self.seen.linked.insert(index, id);
        }
        let trusted = match decision {
            Decision::Act(Action::Cannot) => {
                let message = "a folder is in its place and is not removed";
                return self.cannot(index, message.to_owned());
            }
            Decision::Act(Action::Replace) => return self.replaced(index, Some(there.uid)),
            Decision::Act(Action::Same) if self.lacks_beyond(index, owners) => {
                return self.replaced(index, Some(there.uid));
            }
            Decision::Act(action) => return action,
            Decision::Attributes => true,
            Decision::Compare => false,
        };
        // What is not to be overwritten has the attributes that somebody gave it.
        let attributes_set = rules.overwrite == Overwrite::Never
            || (owners.are_set(&there, &entry.attributes) && !self.lacks_beyond(index, owners));
        if trusted && attributes_set {
            return Action::Same;
        }
        self.seen.candidates.push(Candidate {
            entry: index,
            trusted,
            attributes_set,
            in_place: owners.may_set_in_place(&there, entry.goal()),
        });
        Action::Replace
    }

    /// Whether an existing entry lacks something of what it had beyond its attributes. Only those are asked that had
    /// something.
    fn lacks_beyond(&mut self, index: usize, owners: &Owners) -> bool {
        let entry = &self.plan.entries[index];
        let goal = entry.goal();
        goal.beyond.is_some()
            && self
                .cache
                .get(entry.directory)
                .is_ok_and(|dir| owners.lacks_beyond(&dir, &entry.name, goal))
    }

    fn metadata(&mut self, index: usize) -> io::Result<Option<dir::Metadata>> {
        let entry = &self.plan.entries[index];
        let there = self
            .cache
            .get(entry.directory)
            .and_then(|dir| dir.metadata(&entry.name));
        match there {
            Ok(there) => Ok(Some(there)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What happens to an entry that is to be replaced, and belongs to the user `owner` if that is known.
    fn replaced(&mut self, index: usize, owner: Option<u32>) -> Action {
        let entry = &self.plan.entries[index];
        if !self.is_open(entry.directory) {
            return Action::Cannot;
        }
        let owner = match owner {
            Some(owner) => Ok(Some(owner)),
            None => self
                .metadata(index)
                .map(|there| there.map(|there| there.uid)),
        };
        let asked = owner.and_then(|owner| match owner {
            Some(owner) => self.may_replace(entry.directory, &entry.name, owner),
            None => Ok(()),
        });
        match asked {
            Ok(()) => Action::Replace,
            // It went away meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Action::Replace,
            Err(error) => {
                let message = format!("what is in its place cannot be replaced: {error}");
                self.cannot(index, message)
            }
        }
    }

    fn may_replace(&mut self, directory: usize, name: &[u8], owner: u32) -> io::Result<()> {
        let dir = self.cache.get(directory)?;
        let replacing = match self.replacing {
            Some((asked, replacing)) if asked == directory => replacing,
            _ => dir.replacing()?,
        };
        self.replacing = Some((directory, replacing));
        dir.may_replace(name, owner, replacing)
    }

    fn cannot(&self, index: usize, message: String) -> Action {
        let entry = &self.plan.entries[index];
        let path = self.plan.path_of(entry.directory, &entry.name);
        self.plan
            .problem(ProblemCode::InTheWay, Severity::Error, path, message);
        Action::Cannot
    }
}

fn describe(metadata: &dir::Metadata, began: Option<FileTime>) -> Existing {
    let shape = match metadata.kind {
        dir::Kind::File => Shape::File,
        dir::Kind::Directory => Shape::Directory,
        dir::Kind::Symlink => Shape::Symlink,
        dir::Kind::Other | dir::Kind::Unknown => Shape::Other,
    };
    Existing {
        shape,
        size: metadata.size,
        modified: metadata.modified.wrapped_nanoseconds(),
        since_cut_off: began.is_some_and(|began| {
            metadata.changed >= began && metadata.changed != FileTime::UNKNOWN
        }),
    }
}
