//! Restoring: planned first, then carried out.
//!
//! The plan is the whole tree with what happens to each entry; a dry run ends there. Then directories are made, contents
//! are read in the order of their packs and written wherever they belong, and directories get their own attributes last,
//! children first. Names from the snapshot never lead out of the target: they are checked, and every directory is opened
//! relative to the one above without following links.

mod attributes;
mod decide;
mod directories;
mod files;
mod plan;
mod request;
mod unfinished;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use holdfast_host::dir::{self, Dir};
use holdfast_repository::Repository;
use holdfast_repository::directory::EntryKind;

pub use request::{RestoreReport, RestoreRequest};

use self::attributes::Owners;
use self::directories::Directories;
use self::files::Writer;
use self::plan::{Plan, Planner};
use crate::error::{Error, Result};
use crate::problem::{Problem, Severity};
use crate::read::{Located, locate};

/// Restores an entry of a snapshot.
///
/// # Errors
/// What stops everything: an unknown snapshot or path, a target that cannot be used or has no space left, a failing
/// store, cancellation. Entries that cannot be restored are in the report.
pub fn restore(repo: &Arc<Repository>, request: &RestoreRequest) -> Result<RestoreReport> {
    let began = Instant::now();
    let located = locate(repo, &request.snapshot, &request.path)?;
    let place = Place::of(&located, &request.target)?;
    let planner = Planner::new(repo, request);
    let mut plan = match &place.file_name {
        Some(name) => planner.single(&located.entry, name.clone())?,
        None => planner.tree(&located)?,
    };
    let result = carry_out(repo, request, &mut plan, &place);
    match result {
        Ok(()) => Ok(report(plan, began)),
        Err(_) if request.cancel.is_cancelled() => Err(Error::Cancelled),
        Err(error) => Err(error),
    }
}

/// Where an entry goes.
struct Place {
    /// The directory that is or receives the entry.
    directory: PathBuf,
    /// For an entry that is no directory: its name in there.
    file_name: Option<Vec<u8>>,
}

impl Place {
    /// A directory becomes the target. Anything else goes into the target if that is a directory or is written as one, and
    /// becomes the target otherwise.
    fn of(located: &Located, target: &Path) -> Result<Self> {
        if located.entry.is_directory() {
            return Ok(Self {
                directory: target.to_path_buf(),
                file_name: None,
            });
        }
        let written_as_directory = target
            .as_os_str()
            .to_string_lossy()
            .ends_with(std::path::is_separator);
        if written_as_directory || target.is_dir() {
            let name = located.entry.file_name().to_vec();
            return Ok(Self {
                directory: target.to_path_buf(),
                file_name: Some(name),
            });
        }
        let Some(name) = target.file_name() else {
            let reason = "it names neither a directory nor a file".to_owned();
            return Err(Error::Target {
                path: target.display().to_string(),
                reason,
            });
        };
        let parent = target
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let directory = parent.unwrap_or(Path::new(".")).to_path_buf();
        Ok(Self {
            directory,
            file_name: Some(dir::path_to_bytes(name)),
        })
    }

    fn error(&self, error: &std::io::Error) -> Error {
        Error::Target {
            path: self.directory.display().to_string(),
            reason: error.to_string(),
        }
    }
}

fn carry_out(
    repo: &Repository,
    request: &RestoreRequest,
    plan: &mut Plan,
    place: &Place,
) -> Result<()> {
    let existed = place.directory.is_dir();
    if !request.dry_run {
        std::fs::create_dir_all(&place.directory).map_err(|error| place.error(&error))?;
    }
    let root = match Dir::open(&place.directory) {
        Ok(root) => Some(root),
        Err(error) if request.dry_run && error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(place.error(&error)),
    };
    let before = root
        .as_ref()
        .filter(|_| existed)
        .map(Dir::reopen)
        .transpose();
    decide::decide_all(
        plan,
        before.map_err(|error| place.error(&error))?,
        request.overwrite,
    );
    request
        .progress
        .set_totals(plan.counts.bytes, plan.files_to_write());
    let Some(root) = root.filter(|_| !request.dry_run) else {
        return Ok(());
    };
    let owners = Owners::of(&root, request);
    let announced = root.reopen().map_err(|error| place.error(&error))?;
    let directories = Directories::new(plan, root);
    unfinished::enter(&announced, &directories, request)?;
    directories.create(request)?;
    let writer = Writer::new(repo, request, &directories, &owners);
    writer.run()?;
    directories.set_attributes(place.file_name.is_none(), &owners, request)?;
    owners.report(plan);
    Ok(())
}

fn report(plan: Plan, began: Instant) -> RestoreReport {
    let mut report = RestoreReport {
        counts: plan.counts,
        files: 0,
        directories: plan.directories.len() as u64,
        symlinks: 0,
        problems: plan.problems.into_inner(),
        seconds: 0.0,
    };
    for entry in &plan.entries {
        match entry.kind {
            EntryKind::Symlink => report.symlinks += 1,
            _ => report.files += 1,
        }
    }
    report.problems.sort_by(|a, b| a.path.cmp(&b.path));
    report.seconds = began.elapsed().as_secs_f64();
    report
}

/// Number of problems that leave an entry missing.
pub(crate) fn errors(problems: &[Problem]) -> usize {
    problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .count()
}
