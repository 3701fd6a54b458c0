//! Restores of files from a vault's snapshots. Driven by the command `restore`.

use std::num::NonZeroUsize;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use holdfast_planning::restore::Overwrite;
use holdfast_protocol::agent::commands::{self, Restore, RestoreItem};
use holdfast_protocol::agent::events::{self, stages};
use holdfast_protocol::agent::update::MOST_PROBLEMS;
use holdfast_protocol::agent::{ItemProblem, LogLevel, RunStatistics, failures};
use holdfast_snapshot::{Progress, RestoreReport, RestoreRequest, Severity, restore};

use super::{Assignment, Engine, RESTORE_ENGINE, RunContext, RunResult, log};
use crate::failure::{Failure, WorkError};
use crate::runs::{Figures, RunRecorder};
use crate::state::VaultFolders;
use crate::vaults::{Access, open_repository};

/// The engine.
#[derive(Debug)]
pub struct RestoreEngine {
    folders: VaultFolders,
}

impl RestoreEngine {
    /// An engine that keeps the local files of vaults in `folders`.
    pub fn new(folders: VaultFolders) -> Self {
        Self { folders }
    }
}

impl Engine for RestoreEngine {
    fn name(&self) -> &'static str {
        RESTORE_ENGINE
    }

    fn run(&self, assignment: &Assignment, context: &RunContext) -> Result<RunResult, WorkError> {
        let Assignment::Restore { order, vault } = assignment else {
            return Err(Failure::internal("a backup reached the engine of restores").into());
        };
        let recorder = &context.recorder;
        let parts = parts_of(order)?;
        recorder.stage(events::KOPIA_RESTORE_STAGE, stages::STORAGE_INIT);
        let limit = order
            .bandwidth_limit_kbps
            .filter(|limit| *limit > 0)
            .map(|limit| limit.saturating_mul(1000));
        let access = Access {
            cancel: context.cancel.clone(),
            download_limit: limit,
            read_only: true,
            ..Access::default()
        };
        for part in &parts {
            let text = format!(
                "Restores {:?} of the snapshot {} to {}",
                part.path,
                part.manifest_id,
                part.target.display()
            );
            recorder.log(LogLevel::Info, &text);
        }
        let repository = open_repository(vault, &self.folders, None, &access)?;
        log::vault_is_open(recorder, &vault.vault_name);
        recorder.stage(events::KOPIA_RESTORE_STAGE, stages::WRITE_FILES);
        let requests: Vec<RestoreRequest> = parts
            .into_iter()
            .map(|part| request(order, part, context))
            .collect();
        let shown: Arc<[Arc<Progress>]> = requests
            .iter()
            .map(|request| request.progress.clone())
            .collect();
        recorder.watch(move || sum_of(&shown));
        let mut result = RunResult::default();
        for request in &requests {
            let report = restore(&repository, request)?;
            add(recorder, &mut result, &report, &request.progress);
        }
        result.statistics.errors = result.problem_count;
        log::figures(recorder, &result.statistics);
        Ok(result)
    }
}

/// One snapshot, a path in it, and where that goes.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    manifest_id: String,
    path: String,
    target: PathBuf,
}

/// What is to be restored, checked.
fn parts_of(order: &Restore) -> Result<Vec<Part>, Failure> {
    let target = Path::new(&order.target_path);
    if !target.is_absolute() {
        let text = format!("the target {} must be an absolute path", order.target_path);
        return Err(Failure::new(failures::PATH_INVALID, text));
    }
    let whole = [RestoreItem {
        manifest_id: None,
        path: String::new(),
        into: String::new(),
    }];
    let items = if order.items.is_empty() {
        &whole[..]
    } else {
        &order.items[..]
    };
    let part = |item: &RestoreItem| {
        let manifest_id = item
            .manifest_id
            .clone()
            .unwrap_or_else(|| order.manifest_id.clone());
        if manifest_id.is_empty() {
            return Err(Failure::of_code(failures::SNAPSHOT_NOT_FOUND));
        }
        let target = if item.into.is_empty() {
            target.to_owned()
        } else {
            target.join(below(&item.into)?)
        };
        Ok(Part {
            manifest_id,
            path: item.path.clone(),
            target,
        })
    };
    items.iter().map(part).collect()
}

/// A path that stays below the folder that it is joined to.
fn below(path: &str) -> Result<PathBuf, Failure> {
    let clean = Path::new(path);
    if clean
        .components()
        .all(|component| matches!(component, Component::Normal(_)))
    {
        return Ok(clean.to_owned());
    }
    Err(Failure::new(
        failures::PATH_INVALID,
        format!("{path} does not stay inside the target folder"),
    ))
}

fn request(order: &Restore, part: Part, context: &RunContext) -> RestoreRequest {
    let overwrite = match order.overwrite {
        commands::Overwrite::Always => Overwrite::Always,
        commands::Overwrite::Never => Overwrite::Never,
        commands::Overwrite::Different => Overwrite::Different,
    };
    RestoreRequest {
        overwrite,
        parallelism: order
            .parallelism
            .and_then(|count| NonZeroUsize::new(count as usize)),
        progress: Arc::new(Progress::new()),
        cancel: context.cancel.clone(),
        ..RestoreRequest::new(part.manifest_id, part.path, part.target)
    }
}

/// The figures of all parts together. The total is known once every part has been planned.
fn sum_of(parts: &[Arc<Progress>]) -> Figures {
    let written = parts.iter().map(|part| part.bytes_processed()).sum();
    Figures {
        bytes_total: parts.iter().map(|part| part.bytes_total()).sum(),
        files_total: parts.iter().map(|part| part.files_total()).sum(),
        bytes_handled: written,
        bytes_transferred: written,
        files_done: parts.iter().map(|part| part.files_done()).sum(),
        dirs_done: parts.iter().map(|part| part.directories_done()).sum(),
        errors: parts.iter().map(|part| part.errors()).sum(),
        current_item: parts
            .iter()
            .map(|part| part.current_item())
            .rfind(|item| !item.is_empty())
            .unwrap_or_default(),
    }
}

fn add(
    recorder: &RunRecorder,
    result: &mut RunResult,
    report: &RestoreReport,
    progress: &Progress,
) {
    let statistics: &mut RunStatistics = &mut result.statistics;
    statistics.files += report.files + report.symlinks;
    statistics.dirs += report.directories;
    statistics.bytes_total += report.counts.bytes;
    statistics.bytes_uploaded += progress.bytes_processed();
    statistics.cached_files += report.counts.keep + report.counts.same;
    statistics.seconds += report.seconds;
    for problem in &report.problems {
        let failure = Failure::new(problem.code.as_str(), &problem.message);
        let item = ItemProblem {
            code: failure.code.to_owned(),
            path: problem.path.clone(),
            message: failure.message,
            size: problem.size,
        };
        log::item(recorder, problem.severity, &item);
        if problem.severity == Severity::Error {
            result.problem_count += 1;
            if result.problems.len() < MOST_PROBLEMS {
                result.problems.push(item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::agent::{Attempt, RunId};

    use super::*;

    fn order(target: &str, items: &[(&str, &str)]) -> Restore {
        let item = |(path, into): &(&str, &str)| RestoreItem {
            manifest_id: None,
            path: (*path).into(),
            into: (*into).into(),
        };
        Restore {
            manifest_id: "m".into(),
            target_path: target.into(),
            restore_run_id: RunId(1),
            attempt: Attempt(1),
            items: items.iter().map(item).collect(),
            overwrite: commands::Overwrite::default(),
            parallelism: None,
            bandwidth_limit_kbps: None,
        }
    }

    #[test]
    fn the_whole_snapshot_or_chosen_parts() {
        let root = if cfg!(windows) { r"C:\back" } else { "/back" };
        let whole = parts_of(&order(root, &[])).unwrap();
        assert_eq!(
            whole,
            [Part {
                manifest_id: "m".into(),
                path: String::new(),
                target: root.into()
            }]
        );
        let parts = parts_of(&order(root, &[("etc/hosts", ""), ("var", "var")])).unwrap();
        assert_eq!(parts[1].target, Path::new(root).join("var"));
    }

    // Requirements: RST-9, SEC-12
    #[test]
    fn nothing_leaves_the_target() {
        assert_eq!(
            parts_of(&order("back", &[])).unwrap_err().code,
            failures::PATH_INVALID
        );
        let root = if cfg!(windows) { r"C:\back" } else { "/back" };
        for into in ["../up", "/etc", "a/../../b", "."] {
            let failure = parts_of(&order(root, &[("x", into)])).unwrap_err();
            assert_eq!(failure.code, failures::PATH_INVALID, "{into}");
        }
        let mut unnamed = order(root, &[]);
        unnamed.manifest_id.clear();
        assert_eq!(
            parts_of(&unnamed).unwrap_err().code,
            failures::SNAPSHOT_NOT_FOUND
        );
    }
}
