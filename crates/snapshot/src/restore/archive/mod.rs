//! Restoring into an archive instead of a folder.
//!
//! Everything of one content is written in the order of the packs, fetched by all workers, and after that the long files
//! one by one, fetched ahead in stretches by all workers. Directories of a tar archive come last and children first: GNU
//! tar sets their times and permissions when it meets them, and nothing may be added afterwards. Those of a ZIP archive
//! come first: unzip does so at its end, for directories that it made itself. Nothing but the plan grows with the snapshot.

mod output;
mod pieces;
mod tar;
mod writer;
mod zip;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use holdfast_host::dir;
use holdfast_planning::restore::{Action, NamingRules, Overwrite, check_length, check_name};
use holdfast_repository::Repository;
use parking_lot::Mutex;

use self::output::Position;
use self::writer::{ArchiveWriter, Node};
use super::contents::{Contents, Use};
use super::links::HardLinks;
use super::plan::{Naming, Plan, Planner};
use super::request::{Form, RestoreReport, RestoreRequest};
use super::target::{Place, Target};
use super::unfinished::{Unfinished, remove_abandoned};
use crate::error::{Error, Result};
use crate::problem::{ProblemCode, Severity};
use crate::read::{Located, Receive, Wanted, fetch};

/// The kinds of archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// POSIX tar with pax records.
    Tar,
    /// ZIP, not compressed.
    Zip,
}

impl Format {
    /// The kind that a file's name asks for.
    pub(super) fn of_name(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        [("tar", Self::Tar), ("zip", Self::Zip)]
            .into_iter()
            .find(|(name, _)| extension.eq_ignore_ascii_case(name))
            .map(|(_, format)| format)
    }
}

/// Permissions of an archive, from which the system takes what the user's mask forbids.
const ARCHIVE: u32 = 0o666;

/// The longest path in a ZIP archive, in bytes, with the `/` of a directory.
const LONGEST_ZIP_PATH: usize = u16::MAX as usize - 1;

/// Restores into the file that is the target of the request. It gets its name when it is complete.
pub(super) fn to_file(
    repo: &Arc<Repository>,
    request: &RestoreRequest,
    located: &Located,
    format: Format,
) -> Result<RestoreReport> {
    let began = Instant::now();
    let target = &request.target;
    let failed = |reason: String| Error::Target {
        path: target.display().to_string(),
        reason,
    };
    let Some(name) = target.file_name().map(dir::path_to_bytes) else {
        return Err(failed("it names no file".to_owned()));
    };
    let present = target.symlink_metadata().ok();
    match &present {
        Some(present) if present.is_dir() => {
            return Err(failed("a folder is in the place of the archive".to_owned()));
        }
        // Replacing a device, a pipe or a link is never what was meant.
        Some(present) if !present.is_file() => {
            return Err(failed(
                "it is a link or a device; restore to - and let the shell write there".to_owned(),
            ));
        }
        _ => {}
    }
    if present.is_some() && request.overwrite == Overwrite::Never {
        return Err(failed("it exists already".to_owned()));
    }
    let parent = target
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let place = Place {
        directory: parent.unwrap_or(Path::new(".")).to_path_buf(),
        file_name: Some(name.clone()),
    };
    let before = Target::look(&place)?;
    let naming = before.naming();
    check_name(&name, naming.rules)
        .and_then(|()| check_length(&name, naming.rules, naming.longest))
        .map_err(|problem| failed(problem.to_string()))?;
    before
        .may_receive(&name)
        .map_err(|error| failed(error.to_string()))?;
    let exists = present.is_some();
    let (plan, contents) = planned(repo, request, located, format)?;
    if request.dry_run {
        return Ok(super::report(plan, &[], began));
    }
    let parent = before.create(&place)?;
    // What an archive that was cut off left. That it cannot be removed is no reason to make none.
    let _ = remove_abandoned(&parent);
    let unfinished = Unfinished::new().name(0);
    let file = parent
        .create_file(&unfinished, ARCHIVE)
        .map_err(|error| failed(error.to_string()))?;
    // Others see by the lock that it is not left over. Where files cannot be locked, none is taken for that.
    let _locked = file.try_clone().inspect(|file| {
        let _ = dir::try_lock(file, dir::Lock::Exclusive);
    });
    let finished = write_all(repo, request, &plan, contents, format, Position::file(file))
        .map_err(|error| match error {
            Error::Output(error) => failed(error.to_string()),
            other => other,
        })
        .and_then(|()| {
            let named = match exists {
                true => parent.rename(&unfinished, &name),
                false => parent.rename_new(&unfinished, &name),
            };
            named.map_err(|error| failed(error.to_string()))
        });
    if finished.is_err() {
        // What cannot be removed stays, under a name that tells what it is.
        let _ = parent.remove_file(&unfinished);
    }
    finished?;
    Ok(super::report(plan, &[], began))
}

/// Restores into a stream, which therefore cannot be corrected: a file whose data turns out to be damaged half way is
/// filled up with zeros, and named.
pub(super) fn to_stream(
    repo: &Arc<Repository>,
    request: &RestoreRequest,
    located: &Located,
    stream: &mut (dyn Write + Send),
) -> Result<RestoreReport> {
    let began = Instant::now();
    let format = match request.form {
        Form::Archive(format) => format,
        Form::Folder | Form::ByName => Format::Tar,
    };
    let (plan, contents) = planned(repo, request, located, format)?;
    if !request.dry_run {
        let output = Position::stream(stream);
        write_all(repo, request, &plan, contents, format, output)?;
    }
    Ok(super::report(plan, &[], began))
}

fn planned(
    repo: &Arc<Repository>,
    request: &RestoreRequest,
    located: &Located,
    format: Format,
) -> Result<(Plan, Contents)> {
    // What a name means is a matter of the system that unpacks; only what would lead out of its target is refused.
    let naming = Naming {
        rules: NamingRules::Unix,
        longest: usize::MAX,
    };
    let planner = Planner::new(repo, request, naming);
    let mut plan = match located.entry.is_directory() {
        true => planner.tree(located)?,
        false => planner.single(&located.entry, located.entry.file_name().to_vec())?,
    };
    if format == Format::Zip {
        leave_out_long_paths(&mut plan);
    }
    // Every name is a file of its own there.
    let contents = Contents::find(repo, request, &mut plan, &HardLinks::default(), None)?;
    request
        .progress
        .set_totals(plan.counts(&[]).bytes, plan.files_to_write());
    Ok((plan, contents))
}

/// ZIP has 16 bits for the length of a path.
fn leave_out_long_paths(plan: &mut Plan) {
    let is_long = |plan: &Plan, directory: usize, name: &[u8]| {
        plan.raw_path(directory, name).len() > LONGEST_ZIP_PATH
    };
    for index in 0..plan.entries.len() {
        let entry = &plan.entries[index];
        if is_long(plan, entry.directory, &entry.name) {
            let message = "its path is longer than a ZIP archive can say".to_owned();
            plan.cannot(index, ProblemCode::NameRefused, message);
        }
    }
    for index in 1..plan.directories.len() {
        let directory = &plan.directories[index];
        if is_long(plan, directory.parent, &directory.name) {
            plan.directories[index].action = Action::Cannot;
            let path = plan.path_of_directory(index);
            let message = "its path is longer than a ZIP archive can say".to_owned();
            plan.problem(ProblemCode::NameRefused, Severity::Error, path, message);
        }
    }
}

fn write_all<'a>(
    repo: &Repository,
    request: &RestoreRequest,
    plan: &'a Plan,
    contents: Contents,
    format: Format,
    output: Position<'a>,
) -> Result<()> {
    let mut archive = ArchiveWriter::new(format, plan, output);
    if format == Format::Zip {
        // The root has no entry.
        for index in 1..plan.directories.len() {
            write_directory(&mut archive, plan, request, index)?;
        }
    }
    let Contents {
        wanted, uses, long, ..
    } = contents;
    for empty in long.iter().filter(|file| file.length == 0) {
        archive
            .member(Node::Entry(empty.entry), &[])
            .map_err(Error::Output)?;
    }
    let (pieces, whole): (Vec<_>, Vec<_>) = wanted
        .into_iter()
        .partition(|wanted| uses[wanted.tag].long.is_some());
    let archive = Mutex::new(archive);
    fetch(repo, whole, request.workers(), &request.cancel, || {
        MemberReceiver {
            archive: &archive,
            plan,
            request,
            uses: &uses,
        }
    })?;
    let mut archive = archive.into_inner();
    pieces::write(repo, request, plan, &mut archive, pieces, &uses)?;
    if format == Format::Tar {
        for index in (0..plan.directories.len()).rev() {
            write_directory(&mut archive, plan, request, index)?;
        }
    }
    archive.finish().map_err(Error::Output)
}

fn write_directory(
    archive: &mut ArchiveWriter<'_>,
    plan: &Plan,
    request: &RestoreRequest,
    index: usize,
) -> Result<()> {
    if plan.is_part(index) && plan.directories[index].action != Action::Cannot {
        archive
            .member(Node::Directory(index), &[])
            .map_err(Error::Output)?;
        request.progress.add_directory();
    }
    Ok(())
}

/// Writes whole members.
struct MemberReceiver<'a, 'b> {
    archive: &'a Mutex<ArchiveWriter<'b>>,
    plan: &'a Plan,
    request: &'a RestoreRequest,
    uses: &'a [Use],
}

impl Receive for MemberReceiver<'_, '_> {
    fn content(&mut self, uses: &[Wanted], data: Result<&[u8], &str>) -> Result<()> {
        for wanted in uses {
            let entry = self.uses[wanted.tag].entry;
            match data {
                Ok(data) => {
                    let written = self.archive.lock().member(Node::Entry(entry), data);
                    written.map_err(Error::Output)?;
                    self.request.progress.add_files(1);
                    self.request.progress.add_processed(data.len() as u64);
                }
                Err(reason) => {
                    self.request.progress.add_error();
                    self.plan.lost(entry, reason.to_owned());
                }
            }
        }
        Ok(())
    }
}
