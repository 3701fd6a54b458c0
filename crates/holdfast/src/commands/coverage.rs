//! `snapshot verify --coverage-days`, and what `maintenance status` says of it.

use std::fmt::Write;
use std::time::Instant;

use anyhow::Result;
use holdfast_host::Cancel;
use holdfast_repository::coverage::{
    Coverage, CoverageOptions, CoverageRun, DamagedBlob, verify_blobs,
};
use holdfast_snapshot::{DamagedFile, VerifyRequest, damaged_files};
use indicatif::HumanBytes;
use serde::Serialize;

use super::verify::Damaged;
use crate::arguments::VerifyArguments;
use crate::console::Console;
use crate::outcome::Outcome;
use crate::progress::{Display, share};
use crate::repository::{self, Access};

/// What was read back.
#[derive(Serialize)]
struct Report {
    read_blobs: u64,
    read_bytes: u64,
    /// Blobs that this run found to be damaged or missing.
    damaged_blobs: Vec<DamagedBlob>,
    /// Files that cannot be restored because of them.
    damaged: Vec<Damaged>,
    /// Why no files are named although contents are lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    unnamed: Option<String>,
    coverage: Coverage,
    seconds: f64,
}

pub(super) fn run(
    arguments: &VerifyArguments,
    cancel: Cancel,
    console: &Console,
) -> Result<Outcome> {
    let began = Instant::now();
    let access = Access::write(&cancel).limited(&arguments.work);
    let repo = repository::open(&arguments.repository, access)?;
    let mut options = CoverageOptions {
        window_days: arguments.coverage_days,
        budget: arguments.budget,
        cancel: cancel.clone(),
        ..CoverageOptions::default()
    };
    if let Some(workers) = arguments.work.parallel {
        options.parallelism = workers;
    }
    let progress = options.progress.clone();
    let display = Display::start_with(console, "verify", move || {
        share(progress.bytes_done(), progress.bytes_total())
    });
    let found = verify_blobs(&repo, &options);
    drop(display);
    let CoverageRun {
        read_blobs,
        read_bytes,
        damaged,
        lost_contents,
        coverage,
    } = found?;
    let mut request = VerifyRequest::new(Vec::new(), false);
    request.parallelism = arguments.work.parallel;
    request.cancel = cancel;
    let (files, unnamed): (Vec<DamagedFile>, _) = match lost_contents.is_empty() {
        true => (Vec::new(), None),
        // What is damaged may be the lists of snapshots themselves.
        false => match damaged_files(&repo, &lost_contents, &request) {
            Ok(files) => (files, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        },
    };
    let report = Report {
        read_blobs,
        read_bytes,
        damaged_blobs: damaged,
        damaged: files.into_iter().map(Damaged::from).collect(),
        unnamed,
        coverage,
        seconds: began.elapsed().as_secs_f64(),
    };
    console.result(&report, || report.text())?;
    Ok(match report.coverage.damaged.is_empty() {
        true => Outcome::Done,
        false => Outcome::Failed,
    })
}

impl Report {
    fn text(&self) -> String {
        let mut text = format!(
            "read back {} blobs, {}, {:.1} s\n{}",
            self.read_blobs,
            HumanBytes(self.read_bytes),
            self.seconds,
            coverage_text(&self.coverage)
        );
        // Writing to a string cannot fail.
        for blob in &self.damaged_blobs {
            let _ = writeln!(text, "damaged: blob {}: {}", blob.blob, blob.reason);
        }
        for file in &self.damaged {
            let _ = writeln!(text, "{file}");
        }
        if let Some(reason) = &self.unnamed {
            let _ = writeln!(text, "which files that concerns cannot be said: {reason}");
        }
        if !self.coverage.damaged.is_empty() {
            text += "run `repo repair --read-data`, and take a snapshot of what the sources still have\n";
        }
        text
    }
}

/// How much was read back, in words.
pub(super) fn coverage_text(coverage: &Coverage) -> String {
    let Some(last) = coverage.last_run else {
        return "read back  never; `snapshot verify --coverage-days 30`, run every day, reads each blob once in 30 days\n"
            .to_owned();
    };
    let day = |time: jiff::Timestamp| time.strftime("%Y-%m-%d").to_string();
    let percent = match coverage.bytes {
        0 => 100.0,
        bytes => (coverage.read_bytes as f64 * 1000.0 / bytes as f64).floor() / 10.0,
    };
    let mut text = format!(
        "read back  {percent}% of {} in {} blobs within {} days, last on {}\n           never yet: {} blobs, {}; too long ago: {} \
         blobs, {}; the one that waits longest since {}\n",
        HumanBytes(coverage.bytes),
        coverage.blobs,
        coverage.window_days,
        day(last),
        coverage.never_read_blobs,
        HumanBytes(coverage.never_read_bytes),
        coverage.overdue_blobs,
        HumanBytes(coverage.overdue_bytes),
        coverage.oldest.map_or_else(|| "never".to_owned(), day),
    );
    if !coverage.damaged.is_empty() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "           {} blobs are damaged or missing, such as {}",
            coverage.damaged.len(),
            coverage.damaged[0].blob
        );
    }
    text
}
