//! Backups into a vault's repository. Wire name `kopia`.
//!
//! Order of a run: open the vault (`storage_init`), apply the policy, count the sources beside the upload, read and send
//! (`upload_start`), write index and manifests. After a crash the same run begins anew; contents that are already stored
//! are found again, so that little is sent twice.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use holdfast_protocol::agent::events::{self, stages};
use holdfast_protocol::agent::update::MOST_PROBLEMS;
use holdfast_protocol::agent::{
    DestinationType, ItemProblem, LogLevel, PointReport, RunStatistics, RunWork, failures, problems,
};
use holdfast_repository::SourceIdentity;
use holdfast_repository::source::{clean_unix_path, clean_windows_path};
use holdfast_snapshot::{
    Problem, Progress, Severity, SnapshotReport, SnapshotRequest, Source, SourceReport, create,
};
use serde_json::Value;

use super::log;
use super::policy::{policy_of, store};
use super::{Assignment, Engine, RunContext, RunResult};
use crate::commands::timestamp;
use crate::failure::{Failure, WorkError};
use crate::runs::Figures;
use crate::state::VaultFolders;
use crate::tags::{JOB_TAG, RUN_TAG};
use crate::vaults::{Access, open_repository};

/// Wire name of this engine.
pub const SNAPSHOT_ENGINE: &str = "kopia";

/// Most events about single items of one run; all of them are in the list of problems.
const MOST_ITEM_EVENTS: usize = 20;

/// The engine.
#[derive(Debug)]
pub struct SnapshotEngine {
    folders: VaultFolders,
}

impl SnapshotEngine {
    /// An engine that keeps the local files of vaults in `folders`.
    pub fn new(folders: VaultFolders) -> Self {
        Self { folders }
    }

    fn state_of(&self, work: &RunWork) -> Result<PathBuf, Failure> {
        let folder = self.folders.state_of(work.vault.vault_id);
        folder.map_err(|error| Failure::internal(format!("cannot use the state folder: {error}")))
    }
}

impl Engine for SnapshotEngine {
    fn name(&self) -> &'static str {
        SNAPSHOT_ENGINE
    }

    fn run(&self, assignment: &Assignment, context: &RunContext) -> Result<RunResult, WorkError> {
        let Assignment::Backup(work) = assignment else {
            return Err(Failure::internal("a restore reached the engine of backups").into());
        };
        let recorder = &context.recorder;
        let sources = sources_of(work)?;
        let policy = policy_of(work)?;
        log::order(recorder, work);
        recorder.stage(events::STAGE, stages::STORAGE_INIT);
        let access = Access {
            cancel: context.cancel.clone(),
            upload_limit: work.upload_limit_bytes_per_second(),
            ..Access::default()
        };
        let repository = open_repository(
            &work.vault,
            &self.folders,
            Some(&work.source_identity),
            &access,
        )?;
        log::vault_is_open(recorder, &work.vault.vault_name);
        let compression = work.effective_compression();
        recorder.event(
            events::KOPIA_POLICY,
            [("compression", Value::from(compression))],
        );
        let identities: Vec<SourceIdentity> = sources
            .iter()
            .map(|source| source.identity.clone())
            .collect();
        store(&repository, &policy, &identities, &self.state_of(work)?)?;
        let progress = Arc::new(Progress::new());
        let request = SnapshotRequest {
            description: work.job_name.clone(),
            tags: tags_of(work),
            parallelism: work
                .parallelism
                .and_then(|count| NonZeroUsize::new(count as usize)),
            estimate: true,
            policy: Some(policy),
            progress: progress.clone(),
            cancel: context.cancel.clone(),
            ..SnapshotRequest::new(sources)
        };
        recorder.stage(events::STAGE, stages::UPLOAD_START);
        recorder.event(events::KOPIA_UPLOAD_START, upload_place(work));
        let shown = progress.clone();
        recorder.watch(move || figures_of(&shown));
        let mut report = create(&repository, &request)?;
        let stopped = report.stopped.take().map(WorkError::from);
        tracing::info!(
            hashed_bytes = progress.bytes_read(),
            uploaded_bytes = progress.bytes_uploaded(),
            seconds = report.seconds,
            "the upload is finished"
        );
        let result = finish(work, context, &progress, &report)?;
        Ok(RunResult { stopped, ..result })
    }
}

/// One source for each path. The identity's path is the cleaned absolute path in the system's own form.
fn sources_of(work: &RunWork) -> Result<Vec<Source>, Failure> {
    let paths = work.paths();
    if paths.is_empty() {
        return Err(Failure::new(
            failures::BAD_REQUEST,
            "the job names no source path",
        ));
    }
    let source = |path: &str| {
        if !std::path::Path::new(path).is_absolute() {
            return Err(Failure::new(
                failures::BAD_REQUEST,
                format!("the source path {path} is not absolute"),
            ));
        }
        let clean = if cfg!(windows) {
            clean_windows_path(path)
        } else {
            clean_unix_path(path)
        };
        let identity = SourceIdentity::new(
            &work.source_identity.user,
            &work.source_identity.host,
            clean,
        );
        Ok(Source::local(path, identity))
    };
    paths.into_iter().map(source).collect()
}

fn tags_of(work: &RunWork) -> std::collections::BTreeMap<String, String> {
    let tags = [(JOB_TAG, work.job_uuid), (RUN_TAG, work.run_uuid)];
    tags.into_iter()
        .map(|(name, uuid)| (format!("tag:{name}"), uuid.to_string()))
        .collect()
}

fn upload_place(work: &RunWork) -> [(&'static str, Value); 3] {
    let vault = &work.vault;
    let (bucket, prefix) = match vault.dest_type {
        DestinationType::Local => (vault.dest_local_path.as_str(), ""),
        _ => (
            vault.dest_bucket.as_str(),
            vault.dest_prefix.trim_end_matches('/'),
        ),
    };
    [
        ("source", Value::from(work.paths().join(", "))),
        ("bucket", Value::from(bucket)),
        ("prefix", Value::from(prefix)),
    ]
}

fn figures_of(progress: &Progress) -> Figures {
    Figures {
        bytes_total: progress.bytes_total(),
        files_total: progress.files_total(),
        bytes_handled: progress.bytes_processed(),
        bytes_transferred: progress.bytes_uploaded(),
        files_done: progress.files_done(),
        dirs_done: progress.directories_done(),
        errors: progress.errors(),
        current_item: progress.current_item(),
    }
}

/// Turns what happened into the run's result and its last events.
fn finish(
    work: &RunWork,
    context: &RunContext,
    progress: &Progress,
    report: &SnapshotReport,
) -> Result<RunResult, WorkError> {
    let recorder = &context.recorder;
    let mut result = RunResult {
        statistics: RunStatistics {
            cached_files: progress.cached_files(),
            bytes_read: progress.bytes_read(),
            bytes_new: progress.bytes_new(),
            bytes_uploaded: progress.bytes_uploaded(),
            seconds: report.seconds,
            ..RunStatistics::default()
        },
        ..RunResult::default()
    };
    for source in &report.sources {
        for problem in &source.problems {
            let item = problem_of_item(source, problem);
            log::item(recorder, problem.severity, &item);
            if problem.severity == Severity::Error {
                note(&mut result, item);
            }
        }
        match &source.result {
            Ok(saved) => {
                let point = point_of(source, &saved.manifest);
                let text = format!(
                    "Snapshot {} of {}: {} files, {} folders, {} bytes.",
                    point.manifest_id, point.source_path, point.files, point.dirs, point.bytes
                );
                recorder.log(LogLevel::Info, &text);
                result.points.push(point);
            }
            Err(error) => {
                let problem = problem_of_source(source, &error.to_string());
                log::item(recorder, Severity::Error, &problem);
                note(&mut result, problem);
            }
        }
    }
    for problem in result.problems.iter().take(MOST_ITEM_EVENTS) {
        let params = [
            ("path", Value::from(problem.path.as_str())),
            ("message", Value::from(problem.message.as_str())),
        ];
        recorder.event(events::ITEM_FAILED, params);
    }
    if result.problem_count > MOST_ITEM_EVENTS as u64 {
        recorder.event(
            events::ITEMS_FAILED,
            [("count", Value::from(result.problem_count))],
        );
    }
    if result.points.is_empty() {
        let paths = work.paths().join(", ");
        let reason = result
            .problems
            .first()
            .map(|problem| problem.message.clone())
            .unwrap_or_default();
        return Err(Failure::new(
            failures::SOURCE_MISSING,
            format!("nothing of {paths} could be backed up: {reason}"),
        )
        .into());
    }
    let statistics = &mut result.statistics;
    statistics.manifest_id = result
        .points
        .first()
        .map(|point| point.manifest_id.clone())
        .filter(|id| !id.is_empty());
    statistics.files = result.points.iter().map(|point| point.files).sum();
    statistics.dirs = result.points.iter().map(|point| point.dirs).sum();
    statistics.bytes_total = result.points.iter().map(|point| point.bytes).sum();
    statistics.errors = result.problem_count;
    log::figures(recorder, statistics);
    let params = [
        ("bytes_uploaded", Value::from(statistics.bytes_uploaded)),
        ("bytes_processed", Value::from(progress.bytes_processed())),
    ];
    recorder.event(events::KOPIA_UPLOAD_COMPLETE, params);
    Ok(result)
}

/// Adds a problem; beyond the limit it is only counted.
fn note(result: &mut RunResult, problem: ItemProblem) {
    result.problem_count += 1;
    if result.problems.len() < MOST_PROBLEMS {
        result.problems.push(problem);
    }
}

fn point_of(
    source: &SourceReport,
    manifest: &holdfast_repository::snapshot::SnapshotManifest,
) -> PointReport {
    let summary = manifest
        .root_entry
        .as_ref()
        .and_then(|entry| entry.summary.as_ref());
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    PointReport {
        source_path: source.source.path.clone(),
        source_user: source.source.user_name.clone(),
        source_host: source.source.host.clone(),
        manifest_id: manifest.id.to_string(),
        root_object: manifest
            .root_object()
            .map(|object| object.to_string())
            .unwrap_or_default(),
        start_time: timestamp(manifest.start_time),
        end_time: timestamp(manifest.end_time),
        files: summary.map_or(1, |summary| count(summary.files)),
        dirs: summary.map_or(0, |summary| count(summary.dirs)),
        bytes: summary.map_or_else(
            || {
                manifest
                    .root_entry
                    .as_ref()
                    .map_or(0, |entry| count(entry.size))
            },
            |summary| count(summary.total_size),
        ),
        errors: source.errors() as u64,
    }
}

fn problem_of_source(source: &SourceReport, message: &str) -> ItemProblem {
    let failure = Failure::new(problems::SOURCE_MISSING, message);
    ItemProblem {
        code: failure.code.to_owned(),
        path: source.source.path.clone(),
        message: failure.message,
        size: None,
    }
}

fn problem_of_item(source: &SourceReport, problem: &Problem) -> ItemProblem {
    let root = source.source.path.trim_end_matches('/');
    let path = match problem.path.as_str() {
        "" | "." => source.source.path.clone(),
        below => format!("{root}/{below}"),
    };
    let failure = Failure::new(problem.code.as_str(), &problem.message);
    ItemProblem {
        code: failure.code.to_owned(),
        path,
        message: failure.message,
        size: problem.size,
    }
}
