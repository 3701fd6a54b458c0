//! What went wrong with single entries, for machines and for people.

use std::fmt::Write;

use holdfast_snapshot::{Problem, Severity};
use serde::Serialize;

/// How many are shown to a person.
const SHOWN: usize = 20;

/// A problem as JSON.
#[derive(Serialize)]
pub(super) struct ProblemDocument<'a> {
    code: &'static str,
    severity: &'static str,
    path: &'a str,
    message: &'a str,
    size: Option<u64>,
}

/// All problems as JSON.
pub(super) fn documents(problems: &[Problem]) -> Vec<ProblemDocument<'_>> {
    problems
        .iter()
        .map(|problem| ProblemDocument {
            code: problem.code.as_str(),
            severity: match problem.severity {
                Severity::Error => "error",
                Severity::Ignored => "ignored",
                Severity::Warning => "warning",
            },
            path: &problem.path,
            message: &problem.message,
            size: problem.size,
        })
        .collect()
}

/// The first problems, a line each, errors before others.
pub(super) fn lines(problems: &[Problem]) -> String {
    let (errors, others): (Vec<_>, Vec<_>) = problems
        .iter()
        .partition(|problem| problem.severity == Severity::Error);
    let mut text = String::new();
    for problem in errors.iter().chain(&others).take(SHOWN) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {problem}");
    }
    if problems.len() > SHOWN {
        let _ = writeln!(
            text,
            "  … and {} more (--json names all)",
            problems.len() - SHOWN
        );
    }
    text
}
