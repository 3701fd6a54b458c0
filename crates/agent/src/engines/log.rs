//! What engines write into a run's full log beside its events.

use holdfast_protocol::agent::{ItemProblem, LogLevel, RunStatistics, RunWork};
use holdfast_snapshot::Severity;

use crate::runs::RunRecorder;

/// What the job asks for.
pub(super) fn order(recorder: &RunRecorder, work: &RunWork) {
    let say = |text: String| recorder.log(LogLevel::Info, &text);
    for path in work.paths() {
        say(format!("Source: {path}"));
    }
    for rule in &work.include_globs {
        say(format!("Only take: {rule}"));
    }
    for rule in &work.exclude_globs {
        say(format!("Leave out: {rule}"));
    }
    if let Some(policy) = &work.policy_json {
        if let Some(size) = policy.max_file_size {
            say(format!("Leave out files of more than {size} bytes."));
        }
        if policy.one_file_system == Some(true) {
            say("Stay on the file system of each source.".to_owned());
        }
    }
    if let Some(limit) = work.upload_limit_bytes_per_second() {
        say(format!("Upload limit: {limit} bytes a second."));
    }
    if let Some(files) = work.parallelism.filter(|files| *files > 0) {
        say(format!("Files read at once: {files}."));
    }
}

/// The vault that is used now.
pub(super) fn vault_is_open(recorder: &RunRecorder, name: &str) {
    recorder.log(LogLevel::Info, &format!("The vault {name} is open."));
}

/// One item that could not be handled, or deserves a word.
pub(super) fn item(recorder: &RunRecorder, severity: Severity, problem: &ItemProblem) {
    let level = match severity {
        Severity::Error => LogLevel::Error,
        _ => LogLevel::Warn,
    };
    // A path may hold line breaks, and a line of the log is one line.
    let path = problem.path.replace(['\n', '\r'], "\u{fffd}");
    let text = format!("{path}: {} ({})", problem.message, problem.code);
    recorder.log(level, &text);
}

/// The figures at the end.
pub(super) fn figures(recorder: &RunRecorder, statistics: &RunStatistics) {
    let text = format!(
        "Files {}, folders {}, unchanged files {}, items that failed {}; bytes: all {}, read {}, new {}, transferred {}; {:.1} s.",
        statistics.files,
        statistics.dirs,
        statistics.cached_files,
        statistics.errors,
        statistics.bytes_total,
        statistics.bytes_read,
        statistics.bytes_new,
        statistics.bytes_uploaded,
        statistics.seconds,
    );
    recorder.log(LogLevel::Info, &text);
}
