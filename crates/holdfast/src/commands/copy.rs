//! `copy`.

use std::fmt::Write;

use anyhow::Result;
use holdfast_repository::{OpenOptions, Repository};
use holdfast_snapshot::{CopiedSnapshot, CopyReport, CopyRequest, Progress};
use indicatif::HumanBytes;
use serde::Serialize;

use super::source;
use crate::arguments::CopyArguments;
use crate::console::Console;
use crate::failure::UsageError;
use crate::outcome::Outcome;
use crate::password::{self, Purpose};
use crate::progress::Display;
use crate::repository::Access;
use crate::{interrupt, repository};

/// What a copy did.
#[derive(Serialize)]
struct Document<'a> {
    destination: String,
    dry_run: bool,
    copied: Vec<Listed<'a>>,
    present: Vec<Listed<'a>>,
    failed: Vec<Listed<'a>>,
    bytes_read: u64,
    bytes_new: u64,
    bytes_stored: u64,
    seconds: f64,
}

/// A snapshot, with the names that lists have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    old_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    source: String,
    start_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> From<&'a CopiedSnapshot> for Listed<'a> {
    fn from(snapshot: &'a CopiedSnapshot) -> Self {
        Self {
            old_id: snapshot.old_id.as_str(),
            id: snapshot.id.as_ref().map(|id| id.as_str()),
            source: snapshot.source.to_string(),
            start_time: snapshot.start_time.to_string(),
            reason: None,
        }
    }
}

pub(super) fn run(arguments: CopyArguments, console: &Console) -> Result<Outcome> {
    let cancel = interrupt::listen()?;
    let location = repository::parse(&arguments.destination)?;
    if repository::is_same_place(&repository::location(&arguments.repository)?, &location) {
        return Err(UsageError::new("source and destination are the same repository").into());
    }
    let sources = arguments
        .source
        .iter()
        .map(|text| source::target(text))
        .collect::<Result<Vec<_>>>()?;
    let from = repository::open(
        &arguments.repository,
        Access {
            download_limit: arguments.work.download_limit,
            ..Access::read(&cancel)
        },
    )?;
    let access = match arguments.dry_run {
        true => Access::read(&cancel),
        false => Access::write(&cancel),
    };
    let store = repository::destination_store(
        &location,
        Access {
            upload_limit: arguments.work.upload_limit,
            ..access
        },
    )?;
    let password = password::obtain(
        arguments.destination_password_file.as_deref(),
        Purpose::Destination,
    )?;
    let to = Repository::open(store, &password, &OpenOptions::default())?;
    let request = CopyRequest {
        snapshots: arguments.ids,
        sources,
        dry_run: arguments.dry_run,
        parallelism: arguments.work.parallel,
        progress: Progress::new().into(),
        cancel,
    };
    let display = Display::start(console, "copy", &request.progress);
    let report = holdfast_snapshot::copy(&from, &to, &request);
    drop(display);
    let report = report?;
    let document = document(&report, location.to_string(), request.dry_run);
    console.result(&document, || text(&document))?;
    Ok(Outcome::of_items(report.failed.len()))
}

fn document(report: &CopyReport, destination: String, dry_run: bool) -> Document<'_> {
    Document {
        destination,
        dry_run,
        copied: report.copied.iter().map(Listed::from).collect(),
        present: report.present.iter().map(Listed::from).collect(),
        failed: report
            .failed
            .iter()
            .map(|(snapshot, reason)| Listed {
                reason: Some(reason),
                ..Listed::from(snapshot)
            })
            .collect(),
        bytes_read: report.bytes_read,
        bytes_new: report.bytes_new,
        bytes_stored: report.bytes_stored,
        seconds: report.seconds,
    }
}

fn text(document: &Document<'_>) -> String {
    let mut text = String::new();
    let mut line = |what: &str, snapshot: &Listed<'_>, rest: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{what} {}  {}  {}{rest}",
            snapshot.old_id, snapshot.start_time, snapshot.source
        );
    };
    for snapshot in &document.copied {
        match snapshot.id {
            Some(id) => line("copied", snapshot, &format!("  now {id}")),
            None => line("would copy", snapshot, ""),
        }
    }
    for snapshot in &document.failed {
        let reason = snapshot.reason.unwrap_or_default();
        line("not copied:", snapshot, &format!(": {reason}"));
    }
    let would = if document.dry_run { "would be " } else { "" };
    let _ = writeln!(
        text,
        "{}: {} snapshots {would}copied, {} there already, {} not copied; {} read, {} new, {} stored, {:.1} s",
        document.destination,
        document.copied.len(),
        document.present.len(),
        document.failed.len(),
        HumanBytes(document.bytes_read),
        HumanBytes(document.bytes_new),
        HumanBytes(document.bytes_stored),
        document.seconds
    );
    text
}
