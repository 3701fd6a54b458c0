//! `snapshot verify`.

use std::fmt::{self, Write};

use anyhow::Result;
use holdfast_snapshot::{DamagedFile, VerifyRequest};
use indicatif::HumanBytes;
use serde::Serialize;

use super::coverage;
use crate::arguments::VerifyArguments;
use crate::console::Console;
use crate::outcome::Outcome;
use crate::progress::Display;
use crate::repository::Access;
use crate::{interrupt, repository};

/// What a verification found.
#[derive(Serialize)]
struct Report {
    snapshots: u64,
    files: u64,
    dirs: u64,
    contents: u64,
    bytes_read: u64,
    damaged: Vec<Damaged>,
    seconds: f64,
}

/// A file that cannot be restored as it was.
#[derive(Serialize)]
pub(super) struct Damaged {
    snapshot: String,
    path: String,
    reason: String,
}

impl From<DamagedFile> for Damaged {
    fn from(file: DamagedFile) -> Self {
        Self {
            snapshot: file.snapshot,
            path: file.path,
            reason: file.reason,
        }
    }
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            snapshot,
            path,
            reason,
        } = self;
        write!(f, "damaged: {path} in snapshot {snapshot}: {reason}")
    }
}

pub(super) fn run(arguments: VerifyArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    if arguments.coverage_days.is_some() {
        return coverage::run(&arguments, cancel, console);
    }
    let access = Access::read(&cancel).limited(&arguments.work);
    let repo = repository::open(&arguments.repository, access)?;
    let mut request = VerifyRequest::new(arguments.ids, arguments.read_data);
    request.parallelism = arguments.work.parallel;
    request.cancel = cancel;
    let display = Display::start(console, "verify", &request.progress);
    let found = holdfast_snapshot::verify(&repo, &request);
    drop(display);
    let found = found?;
    let report = Report {
        snapshots: found.snapshots,
        files: found.files,
        dirs: found.directories,
        contents: found.contents,
        bytes_read: found.bytes_read,
        damaged: found.damaged.into_iter().map(Damaged::from).collect(),
        seconds: found.seconds,
    };
    console.result(&report, || text(&report))?;
    Ok(if report.damaged.is_empty() {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "verified {} snapshots: {} files, {} folders, {} contents, {} read, {:.1} s\n",
        report.snapshots,
        report.files,
        report.dirs,
        report.contents,
        HumanBytes(report.bytes_read),
        report.seconds
    );
    for file in &report.damaged {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{file}");
    }
    text
}
