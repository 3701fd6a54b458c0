//! `estimate` and `explain_path`: what a job would take of this host.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_files::LocalTree;
use holdfast_host::Cancel;
use holdfast_protocol::agent::commands::{
    Amount, Estimate, EstimateResult, ExplainPath, LeftOutBy, LeftOutCount, PathExplanation,
    PathVerdict, Selection, SourceCount,
};
use holdfast_protocol::agent::failures;
use holdfast_repository::policy::Policy;
use holdfast_snapshot::{Cause, Preview, PreviewSource, Verdict};

use super::Partials;
use crate::engines::{FileRules, file_rules};
use crate::failure::{Failure, WorkError};

/// Between two parts of a count.
const PAUSE: Duration = Duration::from_millis(500);

/// Adds up what a job would take and leave out, and tells how far it is.
///
/// # Errors
/// `path_invalid` for a source path that is not absolute, and `Cancelled`.
pub fn estimate(
    request: &Estimate,
    cancel: &Cancel,
    partials: &Partials,
) -> Result<EstimateResult, WorkError> {
    let selection = &request.selection;
    let sources = sources_of(selection)?;
    let rules = rules_of(selection);
    let mut told = Instant::now();
    let mut tell = |preview: &Preview| {
        if told.elapsed() >= PAUSE {
            told = Instant::now();
            let part = counts(selection, &rules, preview, false);
            partials.send(serde_json::to_value(part).unwrap_or_default());
        }
    };
    let preview = holdfast_snapshot::preview(&sources, &policy_of(&rules), cancel, &mut tell)?;
    Ok(counts(selection, &rules, &preview, true))
}

/// Says whether one path would be taken, and which rule decides.
///
/// # Errors
/// `path_invalid` for a path that is not absolute, `path_denied` when the way to it cannot be read.
pub fn explain_path(request: &ExplainPath) -> Result<PathExplanation, WorkError> {
    let selection = &request.selection;
    let rules = rules_of(selection);
    let path = request.path.as_str();
    absolute(path)?;
    // The innermost source that holds the path is the one that takes it.
    let source = selection
        .source_paths
        .iter()
        .filter_map(|source| Some((source, names_below(source, path)?)))
        .min_by_key(|(_, names)| names.len());
    let Some((source, names)) = source else {
        return Ok(PathExplanation {
            verdict: PathVerdict::Outside,
            by: None,
            rule: None,
            at: path.to_owned(),
            exists: std::fs::symlink_metadata(path).is_ok(),
        });
    };
    absolute(source)?;
    let raw: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
    let as_folder = path.ends_with(is_separator);
    let tree = LocalTree::new(source);
    let explained = holdfast_snapshot::explain(&tree, &policy_of(&rules), &raw, as_folder)
        .map_err(|error| Failure::new(failures::PATH_DENIED, error.to_string()))?;
    let at = names[..explained.depth.min(names.len())]
        .iter()
        .fold(without_separator(source), |at, name| {
            format!("{at}{}{name}", std::path::MAIN_SEPARATOR)
        });
    let (verdict, by, rule) = match explained.verdict {
        Verdict::Taken { by } => (
            PathVerdict::Taken,
            None,
            by.and_then(|place| rules.include_at(place)),
        ),
        Verdict::LeftOut(cause) => {
            let (by, rule) = wire_cause(&rules, cause);
            (PathVerdict::LeftOut, Some(by), rule)
        }
    };
    Ok(PathExplanation {
        verdict,
        by,
        rule,
        at: if at.is_empty() { source.clone() } else { at },
        exists: explained.exists,
    })
}

fn rules_of(selection: &Selection) -> FileRules {
    file_rules(
        &selection.include_globs,
        &selection.exclude_globs,
        Some(&selection.policy_json),
    )
}

fn policy_of(rules: &FileRules) -> Policy {
    Policy {
        files: rules.files.clone(),
        ..Policy::default()
    }
}

fn absolute(path: &str) -> Result<(), Failure> {
    if Path::new(path).is_absolute() {
        return Ok(());
    }
    Err(Failure::new(
        failures::PATH_INVALID,
        format!("{path} is not an absolute path"),
    ))
}

fn sources_of(selection: &Selection) -> Result<Vec<PreviewSource>, Failure> {
    selection
        .source_paths
        .iter()
        .map(|path| {
            absolute(path)?;
            Ok(PreviewSource {
                prefix: format!("{}{}", without_separator(path), std::path::MAIN_SEPARATOR),
                tree: Arc::new(LocalTree::new(path)),
            })
        })
        .collect()
}

fn is_separator(letter: char) -> bool {
    letter == '/' || (cfg!(windows) && letter == '\\')
}

fn without_separator(path: &str) -> String {
    path.trim_end_matches(is_separator).to_owned()
}

/// The names that lead from a source to a path in it; `None` when it is not in it.
fn names_below<'p>(source: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let parts = |text: &'p str| -> Vec<&'p str> {
        text.split(is_separator)
            .filter(|part| !part.is_empty() && *part != ".")
            .collect()
    };
    let source: Vec<&str> = source
        .split(is_separator)
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let names = parts(path);
    let same = |a: &str, b: &str| {
        if cfg!(windows) {
            a.to_lowercase() == b.to_lowercase()
        } else {
            a == b
        }
    };
    let inside = names.len() >= source.len()
        && source
            .iter()
            .zip(&names)
            .all(|(source, name)| same(source, name));
    inside.then(|| names[source.len()..].to_vec())
}

/// A cause in the words of the wire, with the place of its rule.
fn wire_cause(rules: &FileRules, cause: Cause) -> (LeftOutBy, Option<u32>) {
    match cause {
        Cause::Pattern(place) => match rules.exclude_at(place) {
            Some(rule) => (LeftOutBy::Rule, Some(rule)),
            None => (LeftOutBy::NotTaken, None),
        },
        Cause::IgnoreFile => (LeftOutBy::IgnoreFile, None),
        Cause::OtherFileSystem => (LeftOutBy::OtherFileSystem, None),
        Cause::TooLarge => (LeftOutBy::TooLarge, None),
        Cause::Cache => (LeftOutBy::Cache, None),
    }
}

fn counts(
    selection: &Selection,
    rules: &FileRules,
    preview: &Preview,
    complete: bool,
) -> EstimateResult {
    let mut left_out: Vec<LeftOutCount> = (0..selection.exclude_globs.len())
        .map(|rule| LeftOutCount {
            by: LeftOutBy::Rule,
            rule: u32::try_from(rule).ok(),
            files: 0,
            bytes: 0,
            dirs: 0,
            examples: Vec::new(),
        })
        .collect();
    for (cause, left) in &preview.left_out {
        let (by, rule) = wire_cause(rules, *cause);
        let count = LeftOutCount {
            by,
            rule,
            files: left.amount.files,
            bytes: left.amount.bytes,
            dirs: left.directories,
            examples: left.examples.clone(),
        };
        let place = left_out
            .iter()
            .position(|known| known.by == by && known.rule == rule);
        match place {
            Some(place) => left_out[place] = count,
            None => left_out.push(count),
        }
    }
    let mut taken = vec![Amount::default(); selection.include_globs.len()];
    for (place, amount) in &preview.taken_back {
        if let Some(rule) = rules.include_at(*place)
            && let Some(sum) = taken.get_mut(rule as usize)
        {
            sum.files += amount.files;
            sum.bytes += amount.bytes;
        }
    }
    EstimateResult {
        sources: selection
            .source_paths
            .iter()
            .zip(&preview.sources)
            .map(|(path, taken)| SourceCount {
                path: path.clone(),
                files: taken.amount.files,
                bytes: taken.amount.bytes,
                dirs: taken.directories,
                error: taken.error.clone(),
            })
            .collect(),
        left_out,
        taken,
        unreadable: preview.unreadable,
        unreadable_examples: preview.unreadable_examples.clone(),
        complete,
    }
}
