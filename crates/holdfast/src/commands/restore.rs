//! `snapshot restore`.

use std::io;
use std::path::Path;

use anyhow::Result;
use holdfast_planning::restore::Overwrite;
use holdfast_snapshot::{ArchiveFormat, Form, Problem, RestoreReport, RestoreRequest};
use indicatif::HumanBytes;
use serde::Serialize;

use super::problems::{self, ProblemDocument};
use super::source;
use crate::arguments::{OverwriteRule, RestoreArguments, TargetForm};
use crate::console::Console;
use crate::failure::UsageError;
use crate::outcome::Outcome;
use crate::progress::Display;
use crate::repository::Access;
use crate::{interrupt, repository};

/// What became of a restore.
#[derive(Serialize)]
struct Report<'a> {
    files: u64,
    symlinks: u64,
    dirs: u64,
    dry_run: bool,
    create: u64,
    replace: u64,
    keep: u64,
    same: u64,
    cannot: u64,
    bytes: u64,
    errors: usize,
    problems: Vec<ProblemDocument<'a>>,
    seconds: f64,
}

impl<'a> Report<'a> {
    fn of(report: &'a RestoreReport, dry_run: bool) -> Self {
        let counts = &report.counts;
        Self {
            files: report.files,
            symlinks: report.symlinks,
            dirs: report.directories,
            dry_run,
            create: counts.create,
            replace: counts.replace,
            keep: counts.keep,
            same: counts.same,
            cannot: counts.cannot,
            bytes: counts.bytes,
            errors: report.errors(),
            problems: problems::documents(&report.problems),
            seconds: report.seconds,
        }
    }

    /// The report for a person.
    fn text(&self, target: &Path, problems: &[Problem]) -> String {
        let (heading, done) = match self.dry_run {
            true => ("nothing is written; a restore to", "would be written"),
            false => ("restored to", "written"),
        };
        format!(
            "{heading} {}\n  {} files, {} links, {} folders; {} {done} in {:.1} s\n  \
             create {}, replace {}, keep {}, same {}, cannot {}\n{}",
            target.display(),
            self.files,
            self.symlinks,
            self.dirs,
            HumanBytes(self.bytes),
            self.seconds,
            self.create,
            self.replace,
            self.keep,
            self.same,
            self.cannot,
            problems::lines(problems),
        )
    }
}

pub(super) fn run(arguments: RestoreArguments, console: &Console) -> Result<Outcome> {
    let to_output = arguments.target.as_os_str() == "-";
    if to_output && !matches!(arguments.form, None | Some(TargetForm::Tar)) {
        let refused = UsageError::new("only a tar archive can be written to standard output")
            .hint("Name a file instead of `-`, or leave --as out.");
        return Err(refused.into());
    }
    let cancel = interrupt::listen()?;
    let access = Access::read(&cancel).limited(&arguments.work);
    let repo = repository::open(&arguments.repository, access)?;
    let target = match to_output {
        true => arguments.target.clone(),
        false => source::absolute(&arguments.target)?,
    };
    let mut request = RestoreRequest::new(arguments.from.id, arguments.from.path, &target);
    request.form = match arguments.form {
        None => Form::ByName,
        Some(TargetForm::Folder) => Form::Folder,
        Some(TargetForm::Tar) => Form::Archive(ArchiveFormat::Tar),
        Some(TargetForm::Zip) => Form::Archive(ArchiveFormat::Zip),
    };
    request.overwrite = match arguments.overwrite {
        _ if arguments.incremental => Overwrite::Incremental,
        OverwriteRule::Always => Overwrite::Always,
        OverwriteRule::Never => Overwrite::Never,
        OverwriteRule::Different => Overwrite::Different,
    };
    request.sparse = arguments.sparse;
    request.dry_run = arguments.dry_run;
    request.parallelism = arguments.work.parallel;
    request.cancel = cancel;
    let display = Display::start(console, "restore", &request.progress);
    let report = match to_output {
        true => holdfast_snapshot::restore_to_stream(&repo, &request, &mut io::stdout()),
        false => holdfast_snapshot::restore(&repo, &request),
    };
    drop(display);
    let report = report?;
    let document = Report::of(&report, request.dry_run);
    let text = || document.text(&target, &report.problems);
    match to_output {
        true => console.aside(&document, text)?,
        false => console.result(&document, text)?,
    }
    Ok(Outcome::of_items(document.errors))
}
