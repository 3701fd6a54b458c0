//! `snapshot create`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use holdfast_files::StreamTree;
use holdfast_host::{Clock as _, Programs, SystemClock, SystemPrograms};
use holdfast_planning::restore::{NamingRules, check_name};
use holdfast_repository::Repository;
use holdfast_repository::source::SourceIdentity;
use holdfast_snapshot::{Expired, SavedSnapshot, SnapshotRequest, Source, SourceReport};
use indicatif::HumanBytes;
use serde::Serialize;

use super::expire::Retention;
use super::problems::{self, ProblemDocument};
use super::source;
use crate::arguments::CreateSnapshotArguments;
use crate::console::Console;
use crate::failure::UsageError;
use crate::outcome::Outcome;
use crate::progress::Display;
use crate::{interrupt, repository};

/// What is known about one source afterwards.
#[derive(Serialize)]
struct Report<'a> {
    id: Option<String>,
    source: &'a SourceIdentity,
    root_object: Option<String>,
    files: i64,
    symlinks: i64,
    dirs: i64,
    total_bytes: i64,
    bytes_read: u64,
    bytes_new: u64,
    bytes_uploaded: u64,
    cached_files: i32,
    errors: usize,
    problems: Vec<ProblemDocument<'a>>,
    retention: Option<Retention<'a>>,
    seconds: f64,
}

pub(super) fn run(arguments: CreateSnapshotArguments, console: &Console) -> Result<Outcome> {
    let sources = sources(&arguments)?;
    let cancel = interrupt::listen()?;
    let access = repository::Access::write(&cancel).limited(&arguments.work);
    let repo = repository::open(&arguments.repository, access)?;
    let mut request = SnapshotRequest::new(sources);
    request.description = arguments.description.unwrap_or_default();
    request.tags = tags(arguments.tags);
    request.parallelism = arguments.work.parallel;
    // Nobody knows how long standard input is.
    request.estimate = console.shows_progress() && arguments.stdin_file.is_none();
    request.actions = arguments
        .enable_actions
        .then(|| Arc::new(SystemPrograms) as Arc<dyn Programs>);
    request.cancel = cancel;
    let display = Display::start(console, "snapshot", &request.progress);
    let report = holdfast_snapshot::create(&repo, &request);
    drop(display);
    let mut outcome = Outcome::Done;
    let report = report?;
    for source in report.sources {
        let retention = retention(&repo, &source);
        print(
            &source,
            retention.as_ref().ok().and_then(Option::as_ref),
            console,
        )?;
        if let Err(error) = retention {
            // The snapshot is stored; that old ones were not deleted must not go unnoticed.
            console
                .failure(&error.context("the snapshot is stored, but older ones were not expired"));
            if outcome == Outcome::Done {
                outcome = Outcome::Partial;
            }
        }
        let errors = source.errors();
        if let Err(error) = source.result {
            // The others have been stored and printed; this one is the reason why the command fails in the end.
            console.failure(&error.into());
            outcome = Outcome::Failed;
        } else if outcome == Outcome::Done {
            outcome = Outcome::of_items(errors);
        }
    }
    match report.stopped {
        // What was stored until then is printed.
        Some(error) => Err(error.into()),
        None => Ok(outcome),
    }
}

/// Applies the policy of a source that has a new snapshot, which itself stays.
fn retention(repo: &Arc<Repository>, source: &SourceReport) -> Result<Option<Expired>> {
    let Ok(SavedSnapshot { id: Some(id), .. }) = &source.result else {
        return Ok(None);
    };
    let sources = std::slice::from_ref(&source.source);
    let expired = holdfast_snapshot::expire(repo, sources, std::slice::from_ref(id), true)?;
    Ok(expired.into_iter().next())
}

fn sources(arguments: &CreateSnapshotArguments) -> Result<Vec<Source>> {
    let identity = |path: &Path| match &arguments.override_source {
        Some(_) if arguments.paths.len() > 1 => Err(UsageError::new(
            "--override-source names a single source, but there are several paths",
        )
        .into()),
        Some(text) => source::written(text),
        None => source::local(
            path,
            arguments.hostname.as_deref(),
            arguments.username.as_deref(),
        ),
    };
    let source = |path: &PathBuf| {
        let (path, identity) = (source::absolute(path)?, identity(path)?);
        Ok(match &arguments.stdin_file {
            Some(_) if arguments.paths.len() > 1 => {
                return Err(UsageError::new("--stdin-file takes a single path").into());
            }
            Some(name) => Source {
                tree: Arc::new(stdin(&path, name)?),
                identity,
            },
            None => Source::local(path, identity),
        })
    };
    arguments.paths.iter().map(source).collect()
}

/// Standard input as the only file of the folder `path`, under this name.
fn stdin(path: &Path, name: &str) -> Result<StreamTree> {
    if let Err(problem) = check_name(name.as_bytes(), NamingRules::Unix) {
        return Err(UsageError::new(format!("{name:?} names no file: {problem}")).into());
    }
    let now = SystemClock::new().now().as_nanosecond();
    let modified = i64::try_from(now).unwrap_or(i64::MAX);
    Ok(StreamTree::new(path, name, modified, std::io::stdin()))
}

/// Tags as the manifest holds them, apart from its other labels.
fn tags(given: Vec<(String, String)>) -> BTreeMap<String, String> {
    let prefix = holdfast_repository::snapshot::TAG_PREFIX;
    given
        .into_iter()
        .map(|(key, value)| (format!("{prefix}{key}"), value))
        .collect()
}

/// Prints a stored snapshot; a source without one is told of elsewhere.
fn print(source: &SourceReport, expired: Option<&Expired>, console: &Console) -> Result<()> {
    let Ok(saved) = &source.result else {
        return Ok(());
    };
    let summary = saved
        .manifest
        .root_entry
        .as_ref()
        .and_then(|root| root.summary.as_deref())
        .cloned();
    let summary = summary.unwrap_or_default();
    let report = Report {
        id: saved.id.as_ref().map(ToString::to_string),
        source: &source.source,
        root_object: saved
            .manifest
            .root_object()
            .map(|object| object.to_string()),
        files: summary.files,
        symlinks: summary.symlinks,
        dirs: summary.dirs,
        total_bytes: summary.total_size,
        bytes_read: source.bytes_read,
        bytes_new: source.bytes_new,
        bytes_uploaded: source.bytes_uploaded,
        cached_files: source.stats.cached_files,
        errors: source.errors(),
        problems: problems::documents(&source.problems),
        retention: expired.map(Retention::from),
        seconds: source.seconds,
    };
    console.result(&report, || {
        format!(
            "snapshot {} of {}\n  {} files in {} folders, {} taken over unchanged; {} read, {} new, {} sent, {} errors, \
             {:.1} s\n{}{}",
            report.id.as_deref().unwrap_or("(not saved: nothing changed)"),
            report.source,
            report.files,
            report.dirs,
            report.cached_files,
            HumanBytes(report.bytes_read),
            HumanBytes(report.bytes_new),
            HumanBytes(report.bytes_uploaded),
            report.errors,
            report.seconds,
            problems::lines(&source.problems),
            report
                .retention
                .as_ref()
                .filter(|retention| retention.is_any())
                .map_or_else(String::new, |retention| format!("  {}", retention.text("older snapshots deleted by policy:"))),
        )
    })
}
