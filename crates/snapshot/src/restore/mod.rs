//! Restoring: planned first, then carried out.
//!
//! The plan is the whole tree with what happens to each entry, found out without changing the target; a dry run ends
//! there. Then directories are made, contents
//! are read in the order of their packs and written wherever they belong, and directories get their own attributes last,
//! children first. Names from the snapshot never lead out of the target: they are checked, and every directory is opened
//! relative to the one above without following links.

mod archive;
mod attributes;
mod beyond;
mod compare;
mod contents;
mod decide;
mod directories;
mod files;
mod holes;
mod journal;
mod links;
mod long;
mod plan;
mod request;
mod target;
mod unfinished;

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use holdfast_host::dir::Dir;
use holdfast_planning::restore::{Counts, Rules};
use holdfast_repository::Repository;
use holdfast_repository::directory::EntryKind;

pub use archive::Format as ArchiveFormat;
pub use request::{Form, RestoreReport, RestoreRequest};

use self::archive::Format;
use self::attributes::{Owners, TIME_UNIT};
use self::contents::{Contents, There};
use self::decide::Grounds;
use self::directories::{Directories, target_error};
use self::files::Writer;
use self::journal::{Identity, Journal};
use self::links::HardLinks;
use self::plan::{Plan, Planner};
use self::target::{Place, Target};
use self::unfinished::Unfinished;
use crate::browse::{find_file, read_file};
use crate::error::{Error, Result};
use crate::problem::{Problem, Severity};
use crate::read::{Located, locate};

/// Restores an entry of a snapshot to the target that the request names.
///
/// # Errors
/// What stops everything: an unknown snapshot or path, a target that cannot be used or has no space left, a failing
/// store, cancellation. Entries that cannot be restored are in the report.
pub fn restore(repo: &Arc<Repository>, request: &RestoreRequest) -> Result<RestoreReport> {
    let located = locate(repo, &request.snapshot, &request.path)?;
    let archive = match request.form {
        Form::Folder => None,
        Form::Archive(format) => Some(format),
        // A file may well be an archive itself, and keeps its name.
        Form::ByName if !located.entry.is_directory() || request.target.is_dir() => None,
        Form::ByName => Format::of_name(&request.target),
    };
    let restored = match archive {
        Some(format) => archive::to_file(repo, request, &located, format),
        None => run(repo, request, &located),
    };
    restored.map_err(|error| or_cancelled(request, error))
}

/// Restores an entry of a snapshot into a stream: a folder as an archive, tar unless the request's form says ZIP, a file as
/// it is. The target of the request has no meaning.
///
/// # Errors
/// As [`restore`]; [`Error::WrongKind`] for what is neither; a stream that takes no more.
pub fn restore_to_stream(
    repo: &Arc<Repository>,
    request: &RestoreRequest,
    stream: &mut (dyn Write + Send),
) -> Result<RestoreReport> {
    let located = locate(repo, &request.snapshot, &request.path)?;
    let restored = match located.entry.kind {
        EntryKind::Directory => archive::to_stream(repo, request, &located, stream),
        _ => file_to_stream(repo, request, &located, stream),
    };
    restored.map_err(|error| or_cancelled(request, error))
}

fn file_to_stream(
    repo: &Arc<Repository>,
    request: &RestoreRequest,
    located: &Located,
    stream: &mut (dyn Write + Send),
) -> Result<RestoreReport> {
    let began = Instant::now();
    let (snapshot, path, cancel) = (&request.snapshot, &request.path, &request.cancel);
    let bytes = if request.dry_run {
        find_file(repo, snapshot, path, cancel)?;
        u64::try_from(located.entry.size).unwrap_or(0)
    } else {
        read_file(repo, snapshot, path, stream, cancel)?
    };
    Ok(RestoreReport {
        counts: Counts {
            create: 1,
            bytes,
            ..Counts::default()
        },
        files: 1,
        directories: 0,
        symlinks: 0,
        problems: Vec::new(),
        seconds: began.elapsed().as_secs_f64(),
    })
}

fn or_cancelled(request: &RestoreRequest, error: Error) -> Error {
    match request.cancel.is_cancelled() {
        true => Error::Cancelled,
        false => error,
    }
}

/// Plans, and carries the plan out unless only that was asked for.
fn run(
    repo: &Arc<Repository>,
    request: &RestoreRequest,
    located: &Located,
) -> Result<RestoreReport> {
    let began = Instant::now();
    let place = Place::of(located, &request.target)?;
    let target = Target::look(&place)?;
    let identity = Identity::of(&located.entry, &place);
    let continued = target
        .before
        .as_ref()
        .and_then(|root| match request.dry_run {
            true => identity.look(root),
            false => identity.take(root),
        });
    let planner = Planner::new(repo, request, target.naming());
    let mut plan = match &place.file_name {
        Some(name) => planner.single(&located.entry, name.clone())?,
        None => planner.tree(located)?,
    };
    let mut there = match &target.before {
        Some(root) => Some(look(&mut plan, request, root, continued.as_ref())?),
        None => None,
    };
    let candidates = there.as_ref().map(|there| &there.seen.candidates[..]);
    let links = HardLinks::find(&plan, candidates.unwrap_or_default());
    let contents = Contents::find(repo, request, &mut plan, &links, there.as_mut())?;
    links.settle(&mut plan, there.as_mut())?;
    request
        .progress
        .set_totals(plan.counts(&[]).bytes, plan.files_to_write());
    let missing = if request.dry_run {
        target.may_create().map_err(|error| place.error(&error))?;
        Vec::new()
    } else {
        let work = Work {
            repo,
            request,
            plan: &plan,
            links,
            identity,
        };
        work.carry_out(contents, continued, target.create(&place)?)?
    };
    Ok(report(plan, &missing, began))
}

/// Decides what happens to each entry of the plan by what the target holds.
fn look<'a>(
    plan: &mut Plan,
    request: &RestoreRequest,
    root: &'a Dir,
    continued: Option<&'a Journal>,
) -> Result<There<'a>> {
    let grounds = Grounds {
        rules: Rules {
            overwrite: request.overwrite,
            resumed: continued.is_some(),
            time_unit: TIME_UNIT,
        },
        owners: &Owners::of(root, request),
        began: continued.map(|journal| journal.began),
    };
    let seen = decide::decide_all(plan, root, &grounds)?;
    Ok(There {
        root,
        seen,
        unfinished: continued.map(|journal| &journal.unfinished),
    })
}

/// A plan that is carried out.
struct Work<'a> {
    repo: &'a Repository,
    request: &'a RestoreRequest,
    plan: &'a Plan,
    links: HardLinks,
    identity: Identity,
}

impl Work<'_> {
    /// Does what the plan says. Returns of each directory whether it could not be made.
    fn carry_out(
        &self,
        contents: Contents,
        continued: Option<Journal>,
        root: Dir,
    ) -> Result<Vec<bool>> {
        let Self { request, plan, .. } = self;
        let owners = Owners::of(&root, request);
        let announced = root
            .reopen()
            .map_err(|error| target_error(plan.path_of_directory(0), &error))?;
        let directories = Directories::new(plan, root);
        let left = continued.as_ref().map(|journal| &journal.unfinished);
        unfinished::remove_leftovers(&directories, left, &contents, request)?;
        let journal = continued.or_else(|| self.begin(&announced, &contents));
        // Without a journal the names are as good, and are nowhere found again.
        let unfinished = match &journal {
            Some(journal) => journal.unfinished,
            None => Unfinished::new(),
        };
        directories.create(request)?;
        Writer::new(
            self.repo,
            request,
            &directories,
            &owners,
            &self.links,
            contents,
            unfinished,
        )
        .run()?;
        directories.set_attributes(&owners, request)?;
        if let Some(journal) = journal {
            journal.end(&announced);
        }
        directories.set_root_attributes(&owners);
        owners.report(plan);
        Ok(directories.into_missing())
    }

    /// The journal of this restore, if there is anything to write that takes longer than a moment.
    fn begin(&self, root: &Dir, contents: &Contents) -> Option<Journal> {
        if contents.wanted.is_empty() && contents.long.is_empty() {
            return None;
        }
        let begun = self.identity.begin(root);
        begun
            .inspect_err(|error| {
                tracing::debug!(%error, "no journal can be kept; a restore that is cut off begins anew");
            })
            .ok()
    }
}

fn report(plan: Plan, missing: &[bool], began: Instant) -> RestoreReport {
    let mut report = RestoreReport {
        counts: plan.counts(missing),
        files: 0,
        directories: plan.directories_in_it(),
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
