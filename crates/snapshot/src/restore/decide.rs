//! What happens to each entry of a plan, by a look at the target.

use std::io;

use holdfast_host::dir::{self, Dir};
use holdfast_planning::restore::{Action, Existing, Overwrite, Shape, Wanted, decide};
use holdfast_repository::directory::EntryKind;

use super::directories::{Directories, DirectoryCache};
use super::plan::Plan;
use crate::problem::{ProblemCode, Severity};

/// Sets the action of every entry and counts them. `root` is the target where it existed before; without one everything
/// is created.
pub(super) fn decide_all(plan: &mut Plan, root: Option<Dir>, overwrite: Overwrite) {
    let (directories, entries) = match root {
        Some(root) => {
            let target = Directories::new(plan, root);
            let mut look = Look {
                plan,
                cache: DirectoryCache::new(&target),
                overwrite,
            };
            let directories = look.directories();
            let entries = look.entries(&directories);
            (directories, entries)
        }
        None => (
            vec![Action::Create; plan.directories.len()],
            vec![Action::Create; plan.entries.len()],
        ),
    };
    for (directory, action) in plan.directories.iter_mut().zip(directories) {
        directory.action = action;
        plan.counts.add(action, 0);
    }
    for (entry, action) in plan.entries.iter_mut().zip(entries) {
        entry.action = action;
        plan.counts.add(
            action,
            if entry.kind == EntryKind::File {
                entry.size
            } else {
                0
            },
        );
    }
}

struct Look<'a> {
    plan: &'a Plan,
    cache: DirectoryCache<'a>,
    overwrite: Overwrite,
}

impl Look<'_> {
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
            Err(error) if error.kind() == io::ErrorKind::NotFound => Action::Create,
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

    fn entries(&mut self, directories: &[Action]) -> Vec<Action> {
        (0..self.plan.entries.len())
            .map(
                |index| match directories[self.plan.entries[index].directory] {
                    Action::Same => self.entry(index),
                    other => other,
                },
            )
            .collect()
    }

    fn entry(&mut self, index: usize) -> Action {
        let entry = &self.plan.entries[index];
        let there = self
            .cache
            .get(entry.directory)
            .and_then(|dir| dir.metadata(&entry.name));
        let there = match there {
            Ok(metadata) => Some(describe(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
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
        match decide(there, wanted, self.overwrite) {
            Action::Cannot => self.cannot(
                index,
                "a folder is in its place and is not removed".to_owned(),
            ),
            action => action,
        }
    }

    fn cannot(&self, index: usize, message: String) -> Action {
        let entry = &self.plan.entries[index];
        let path = self.plan.path_of(entry.directory, &entry.name);
        self.plan
            .problem(ProblemCode::InTheWay, Severity::Error, path, message);
        Action::Cannot
    }
}

fn describe(metadata: &dir::Metadata) -> Existing {
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
    }
}
