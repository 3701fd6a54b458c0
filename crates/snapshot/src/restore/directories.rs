//! The directories of a target: made parents first, finished children first.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use holdfast_host::dir::Dir;
use holdfast_planning::restore::Action;
use parking_lot::Mutex;

use super::attributes::{Owners, UNFINISHED_DIRECTORY};
use super::plan::Plan;
use super::request::RestoreRequest;
use crate::error::{Error, Result};
use crate::problem::{ProblemCode, Severity};

/// Directories that a worker keeps open.
const OPEN_DIRECTORIES: usize = 64;

/// The plan and its target.
pub(super) struct Directories<'a> {
    plan: &'a Plan,
    root: Arc<Dir>,
    /// Directories that could not be made, and so everything below them.
    missing: Mutex<Vec<bool>>,
}

impl<'a> Directories<'a> {
    pub(super) fn new(plan: &'a Plan, root: Dir) -> Self {
        let missing = plan
            .directories
            .iter()
            .map(|directory| directory.action == Action::Cannot)
            .collect();
        Self {
            plan,
            root: Arc::new(root),
            missing: Mutex::new(missing),
        }
    }

    /// The plan and a target that stays open elsewhere.
    pub(super) fn of(plan: &'a Plan, root: &Dir) -> Result<Self> {
        match root.reopen() {
            Ok(root) => Ok(Self::new(plan, root)),
            Err(error) => Err(target_error(plan.path_of_directory(0), &error)),
        }
    }

    pub(super) fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// Makes the directories that do not exist.
    pub(super) fn create(&self, request: &RestoreRequest) -> Result<()> {
        let mut cache = DirectoryCache::new(self);
        for (index, directory) in self.plan.directories.iter().enumerate().skip(1) {
            request.cancel.check()?;
            if self.missing.lock()[directory.parent] {
                self.missing.lock()[index] = true;
                continue;
            }
            if directory.action != Action::Create {
                continue;
            }
            let made = cache
                .get(directory.parent)
                .and_then(|dir| dir.create_dir(&directory.name, UNFINISHED_DIRECTORY));
            if let Err(error) = made {
                if is_full(&error) {
                    return Err(target_error(self.plan.path_of_directory(index), &error));
                }
                self.missing.lock()[index] = true;
                let message =
                    format!("the folder cannot be made, everything in it is missing: {error}");
                let path = self.plan.path_of_directory(index);
                self.plan
                    .problem(ProblemCode::WriteFailed, Severity::Error, path, message);
            }
            request.progress.add_directory();
        }
        Ok(())
    }

    /// Whether nothing can be put into a directory.
    pub(super) fn is_missing(&self, index: usize) -> bool {
        self.missing.lock()[index]
    }

    /// Says of each directory whether it could not be made.
    pub(super) fn into_missing(self) -> Vec<bool> {
        self.missing.into_inner()
    }

    /// Sets the attributes of all directories but the root, those below first.
    pub(super) fn set_attributes(&self, owners: &Owners, request: &RestoreRequest) -> Result<()> {
        let mut cache = DirectoryCache::new(self);
        for index in (1..self.plan.directories.len()).rev() {
            request.cancel.check()?;
            if !self.is_missing(index) {
                self.set_attributes_of(index, owners, &mut cache);
            }
        }
        Ok(())
    }

    /// Sets the attributes of the root, if it is part of what is restored. Nothing may be made or removed in it any more.
    pub(super) fn set_root_attributes(&self, owners: &Owners) {
        if self.plan.is_part(0) {
            self.set_attributes_of(0, owners, &mut DirectoryCache::new(self));
        }
    }

    fn set_attributes_of(&self, index: usize, owners: &Owners, cache: &mut DirectoryCache<'_>) {
        let directory = &self.plan.directories[index];
        let new = directory.action == Action::Create;
        let goal = directory.goal();
        let path = || self.plan.path_of_directory(index);
        let set = cache
            .open(index)
            .and_then(|dir| owners.finish_directory(&dir, goal, new, &path));
        // The root has the name that the caller gave it.
        if new
            && index != 0
            && goal.beyond.is_some()
            && let Ok(above) = cache.open(directory.parent)
        {
            owners.finish_name(&above, &directory.name, goal, &path);
        }
        if let Err(error) = set {
            let path = self.plan.path_of_directory(index);
            let message = format!("owner, permissions or times were not set: {error}");
            self.plan.problem(
                ProblemCode::AttributesNotSet,
                Severity::Error,
                path,
                message,
            );
        }
    }
}

/// A full disk ends a restore: nothing after it would fit either.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

pub(super) fn target_error(path: String, error: &io::Error) -> Error {
    Error::Target {
        path,
        reason: error.to_string(),
    }
}

/// Directories that one worker has open.
pub(super) struct DirectoryCache<'a> {
    directories: &'a Directories<'a>,
    /// The last used at the back.
    open: VecDeque<(usize, Arc<Dir>)>,
}

impl<'a> DirectoryCache<'a> {
    pub(super) fn new(directories: &'a Directories<'a>) -> Self {
        Self {
            directories,
            open: VecDeque::with_capacity(OPEN_DIRECTORIES),
        }
    }

    /// Opens a directory relative to the ones above, and keeps it open for a while.
    pub(super) fn get(&mut self, index: usize) -> io::Result<Arc<Dir>> {
        if let Some(dir) = self.cached(index) {
            return Ok(dir);
        }
        let dir = self.open(index)?;
        if self.open.len() == OPEN_DIRECTORIES {
            self.open.pop_front();
        }
        self.open.push_back((index, Arc::clone(&dir)));
        Ok(dir)
    }

    fn cached(&mut self, index: usize) -> Option<Arc<Dir>> {
        if index == 0 {
            return Some(Arc::clone(&self.directories.root));
        }
        if let Some((last, dir)) = self.open.back()
            && *last == index
        {
            return Some(Arc::clone(dir));
        }
        let at = self.open.iter().position(|(cached, _)| *cached == index)?;
        let found = self.open.remove(at)?;
        let dir = Arc::clone(&found.1);
        self.open.push_back(found);
        Some(dir)
    }

    /// Opens a directory without keeping it; those above are kept.
    pub(super) fn open(&mut self, index: usize) -> io::Result<Arc<Dir>> {
        if let Some(dir) = self.cached(index) {
            return Ok(dir);
        }
        // From the nearest directory above that is open, step by step: trees may be deeper than the cache.
        let plan = self.directories.plan;
        let mut below = vec![index];
        let mut above = plan.directories[index].parent;
        let mut dir = loop {
            match self.cached(above) {
                Some(dir) => break dir,
                None => {
                    below.push(above);
                    above = plan.directories[above].parent;
                }
            }
        };
        for step in below.into_iter().rev() {
            dir = Arc::new(dir.open_dir(&plan.directories[step].name)?);
            if step != index {
                if self.open.len() == OPEN_DIRECTORIES {
                    self.open.pop_front();
                }
                self.open.push_back((step, Arc::clone(&dir)));
            }
        }
        Ok(dir)
    }
}
