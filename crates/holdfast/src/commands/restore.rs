//! `snapshot restore`.

use anyhow::Result;
use holdfast_planning::restore::Overwrite;
use holdfast_snapshot::{RestoreReport, RestoreRequest};
use indicatif::HumanBytes;
use serde::Serialize;

use super::problems::{self, ProblemDocument};
use super::source;
use crate::arguments::{OverwriteRule, RestoreArguments};
use crate::console::Console;
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
    bytes: u64,
    created: u64,
    replaced: u64,
    skipped: u64,
    errors: usize,
    problems: Vec<ProblemDocument<'a>>,
    seconds: f64,
}

impl<'a> From<&'a RestoreReport> for Report<'a> {
    fn from(report: &'a RestoreReport) -> Self {
        Self {
            files: report.files,
            symlinks: report.symlinks,
            dirs: report.directories,
            bytes: report.counts.bytes,
            created: report.counts.create,
            replaced: report.counts.replace,
            skipped: report.counts.keep + report.counts.same,
            errors: report.errors(),
            problems: problems::documents(&report.problems),
            seconds: report.seconds,
        }
    }
}

pub(super) fn run(arguments: RestoreArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let access = Access::read(&cancel).limited(&arguments.work);
    let repo = repository::open(&arguments.repository, access)?;
    let target = source::absolute(&arguments.target)?;
    let mut request = RestoreRequest::new(arguments.from.id, arguments.from.path, &target);
    request.overwrite = match arguments.overwrite {
        OverwriteRule::Always => Overwrite::Always,
        OverwriteRule::Never => Overwrite::Never,
        OverwriteRule::Different => Overwrite::Different,
    };
    request.parallelism = arguments.work.parallel;
    request.cancel = cancel;
    let display = Display::start(console, "restore", &request.progress);
    let report = holdfast_snapshot::restore(&repo, &request);
    drop(display);
    let report = report?;
    let document = Report::from(&report);
    console.result(&document, || {
        format!(
            "restored to {}\n  {} files, {} links, {} folders, {}; {} kept, {} errors, {:.1} s\n{}",
            target.display(),
            document.files,
            document.symlinks,
            document.dirs,
            HumanBytes(document.bytes),
            document.skipped,
            document.errors,
            document.seconds,
            problems::lines(&report.problems),
        )
    })?;
    Ok(Outcome::of_items(document.errors))
}
