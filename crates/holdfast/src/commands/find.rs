//! `find`.

use std::fmt::Write;

use anyhow::Result;
use holdfast_planning::find::NamePattern;
use holdfast_repository::SourceIdentity;
use holdfast_repository::directory::EntryKind;
use holdfast_snapshot::{FindReport, FindRequest, Found, FoundVersion};
use indicatif::HumanBytes;
use serde::Serialize;

use super::content::Entry;
use super::source;
use crate::arguments::{FindArguments, KindArgument};
use crate::console::Console;
use crate::failure::UsageError;
use crate::outcome::Outcome;
use crate::repository::Access;
use crate::{interrupt, repository};

/// What was asked.
#[derive(Serialize)]
struct Asked<'a> {
    pattern: &'a str,
}

/// A path with its versions.
#[derive(Serialize)]
struct PathDocument<'a> {
    source: &'a SourceIdentity,
    path: &'a str,
    versions: Vec<VersionDocument<'a>>,
}

/// A version and the snapshots that have it.
#[derive(Serialize)]
struct VersionDocument<'a> {
    #[serde(flatten)]
    entry: Entry,
    snapshots: Vec<SnapshotDocument<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SnapshotDocument<'a> {
    id: &'a str,
    start_time: String,
}

impl<'a> From<&'a Found<'a>> for PathDocument<'a> {
    fn from(found: &'a Found<'a>) -> Self {
        let version = |version: &'a FoundVersion<'a>| VersionDocument {
            entry: Entry::from(&version.entry),
            snapshots: version
                .snapshots
                .iter()
                .map(|snapshot| SnapshotDocument {
                    id: snapshot.id.as_str(),
                    start_time: snapshot.start_time.to_string(),
                })
                .collect(),
        };
        Self {
            source: found.source,
            path: found.path,
            versions: found.versions.iter().map(version).collect(),
        }
    }
}

/// What was looked at.
#[derive(Serialize)]
struct Looked<'a> {
    snapshots: u64,
    paths: u64,
    versions: u64,
    unreadable: Vec<Unreadable<'a>>,
}

/// A folder that cannot be read.
#[derive(Serialize)]
struct Unreadable<'a> {
    obj: &'a str,
    reason: &'a str,
}

pub(super) fn run(arguments: &FindArguments, console: &Console) -> Result<Outcome> {
    let pattern = NamePattern::parse(&arguments.pattern, arguments.ignore_case)
        .map_err(|error| UsageError::new(error.to_string()))?;
    let sources = arguments
        .source
        .iter()
        .map(|text| source::target(text))
        .collect::<Result<Vec<_>>>()?;
    let cancel = interrupt::listen()?;
    let repo = repository::open(&arguments.repository, Access::read(&cancel))?;
    let request = FindRequest {
        kinds: arguments.kinds.iter().copied().map(kind).collect(),
        min_size: arguments.min_size,
        max_size: arguments.max_size,
        path: arguments.path.clone(),
        sources,
        parallelism: arguments.parallel,
        index: !arguments.no_index,
        cancel,
        ..FindRequest::new(pattern)
    };
    let asked = Asked {
        pattern: &arguments.pattern,
    };
    let mut listing = console.listing_in(&asked, "found")?;
    let mut last = None;
    let report = holdfast_snapshot::find(&repo, &request, &mut |found| {
        let new = last.as_ref() != Some(found.source);
        if new {
            last = Some(found.source.clone());
        }
        listing.entry(&PathDocument::from(found), || text(found, new))
    })?;
    let looked = Looked {
        snapshots: report.snapshots,
        paths: report.paths,
        versions: report.versions,
        unreadable: report
            .unreadable
            .iter()
            .map(|(obj, reason)| Unreadable { obj, reason })
            .collect(),
    };
    listing.finish_with(&looked, &totals(&report))?;
    Ok(Outcome::of_items(report.unreadable.len()))
}

fn kind(argument: KindArgument) -> EntryKind {
    match argument {
        KindArgument::File => EntryKind::File,
        KindArgument::Folder => EntryKind::Directory,
        KindArgument::Link => EntryKind::Symlink,
    }
}

fn text(found: &Found<'_>, new_source: bool) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    if new_source {
        let _ = writeln!(text, "{}", found.source);
    }
    let slash = match found.versions.first() {
        Some(first) if first.entry.is_directory() => "/",
        _ => "",
    };
    let _ = writeln!(text, "  {}{slash}", found.path.escape_debug());
    for version in &found.versions {
        let entry = &version.entry;
        let below = entry.summary.as_ref().map(|summary| summary.total_size);
        let size = HumanBytes(below.unwrap_or(entry.size).unsigned_abs());
        let _ = write!(text, "    {size:>12}  {}  ", entry.mtime);
        let _ = match &version.snapshots[..] {
            [] => writeln!(text),
            [only] => writeln!(text, "in {} of {}", only.id, only.start_time),
            [first, .., last] => writeln!(
                text,
                "in {} snapshots, {} of {} to {} of {}",
                version.snapshots.len(),
                first.id,
                first.start_time,
                last.id,
                last.start_time
            ),
        };
    }
    text
}

fn totals(report: &FindReport) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for (object, reason) in &report.unreadable {
        let _ = writeln!(text, "folder {object} was not searched: {reason}");
    }
    let _ = writeln!(
        text,
        "{} paths with {} versions in {} snapshots",
        report.paths, report.versions, report.snapshots
    );
    text
}
