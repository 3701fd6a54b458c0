//! Tests that did not run say so: each reason must be one that `tests/skips.txt` allows.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// What every skipped test prints before its reason.
const MARK: &str = "skipped: needs ";

/// The reasons printed by the tests of a stage, with how often.
#[derive(Default)]
pub(crate) struct Skips {
    seen: BTreeMap<String, usize>,
}

impl Skips {
    /// Takes the reason out of a line of output, if it names one.
    pub(crate) fn scan(&mut self, line: &str) {
        if let Some((_, reason)) = line.split_once(MARK) {
            let reason = reason
                .split(['<', '&', '"', '\u{1b}'])
                .next()
                .unwrap_or_default()
                .trim();
            *self.seen.entry(reason.to_owned()).or_default() += 1;
        }
    }

    /// Scans a report file (nextest's JUnit, which holds the output of passed tests too).
    pub(crate) fn scan_file(&mut self, path: &Path) -> Result<()> {
        let text = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        for line in String::from_utf8_lossy(&text).lines() {
            self.scan(line);
        }
        Ok(())
    }

    /// Prints what was skipped and fails for a reason that is not listed.
    pub(crate) fn check(&self, workspace: &Workspace) -> Result<()> {
        let path = workspace.path("tests/skips.txt");
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let unlisted = unlisted(&self.seen, &text);
        for (reason, count) in &self.seen {
            println!("skipped {count} for want of {reason}");
        }
        if !unlisted.is_empty() {
            bail!(
                "skipped for reasons that tests/skips.txt does not list: {}",
                unlisted.join(", ")
            );
        }
        Ok(())
    }
}

fn unlisted(seen: &BTreeMap<String, usize>, list: &str) -> Vec<String> {
    let allowed: Vec<&str> = list
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    seen.keys()
        .filter(|reason| !allowed.contains(&reason.as_str()))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_reason_inside_a_line() {
        let mut skips = Skips::default();
        skips.scan("  skipped: needs stock kopia");
        skips.scan("<system-err>skipped: needs network</system-err>");
        skips.scan("nothing was skipped here");
        let reasons: Vec<&str> = skips.seen.keys().map(String::as_str).collect();
        assert_eq!(reasons, ["network", "stock kopia"]);
    }

    #[test]
    fn a_reason_that_is_not_listed_is_reported() {
        let mut skips = Skips::default();
        skips.scan("skipped: needs a memory cgroup");
        skips.scan("skipped: needs network");
        assert_eq!(
            unlisted(&skips.seen, "# list\nnetwork\n"),
            ["a memory cgroup"]
        );
    }
}
