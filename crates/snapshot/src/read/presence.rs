//! In which of many snapshots a path is.

use std::collections::HashSet;

use holdfast_repository::Repository;
use holdfast_repository::manifest::Manifests;
use holdfast_repository::object::ObjectId;
use holdfast_repository::snapshot;

use super::{is_about_data, resolve::is_named};
use crate::error::Result;

/// Looks for one path in one snapshot after the other. Folders that were seen not to lead there are remembered, so that
/// snapshots that share them cost nothing.
pub struct PathSearch<'a> {
    repo: &'a Repository,
    manifests: Manifests,
    names: Vec<&'a str>,
    /// Folders without the rest of the path, by their depth.
    dead_ends: HashSet<(usize, ObjectId)>,
}

impl<'a> PathSearch<'a> {
    /// Prepares to look for a path, `/` between its names, empty ones skipped.
    ///
    /// # Errors
    /// A failing repository.
    pub fn new(repo: &'a Repository, path: &'a str) -> Result<Self> {
        Ok(Self {
            repo,
            manifests: repo.manifests()?,
            names: path.split('/').filter(|name| !name.is_empty()).collect(),
            dead_ends: HashSet::new(),
        })
    }

    /// Whether a snapshot has the path. One that is not there, or whose folders on the way are damaged, has not.
    ///
    /// # Errors
    /// A failing repository.
    pub fn is_in(&mut self, manifest_id: &str) -> Result<bool> {
        let found = snapshot::find(&self.manifests, &manifest_id.into())?;
        let Some(mut entry) = found.and_then(|snapshot| snapshot.root_entry) else {
            return Ok(false);
        };
        let mut passed = Vec::new();
        for (depth, name) in self.names.iter().enumerate() {
            let folder = entry.object.filter(|_| entry.is_directory());
            let next = match folder {
                Some(folder) if !self.dead_ends.contains(&(depth, folder)) => {
                    passed.push((depth, folder));
                    match self.repo.read_directory(&folder) {
                        Ok(directory) => directory
                            .entries
                            .into_iter()
                            .find(|entry| is_named(entry, name)),
                        Err(error) if is_about_data(&error) => None,
                        Err(error) => return Err(error.into()),
                    }
                }
                _ => None,
            };
            let Some(next) = next else {
                self.dead_ends.extend(passed);
                return Ok(false);
            };
            entry = next;
        }
        Ok(true)
    }
}
