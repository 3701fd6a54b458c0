//! How many system calls a step makes, counted by `strace -f -c`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

/// Calls by name.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Calls(BTreeMap<String, u64>);

impl Calls {
    /// Runs a command to its end and counts what all its threads call. Takes many times as long as without.
    pub(super) fn of(command: &Command) -> Result<Self> {
        let summary = tempfile::NamedTempFile::new().context("make a file for the counts")?;
        let mut traced = Command::new("strace");
        traced
            .args(["-f", "-c", "-o"])
            .arg(summary.path())
            .arg(command.get_program())
            .args(command.get_args())
            .envs(
                command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let status = traced
            .status()
            .context("start strace (Debian package strace)")?;
        ensure!(status.success(), "{command:?} ended with {status}");
        let text = std::fs::read_to_string(summary.path()).context("read the counts")?;
        Ok(Self::parse(&text))
    }

    /// The columns of `strace -c`: percent, seconds, microseconds a call, calls, errors if any, name.
    fn parse(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let [percent, _, _, count, .., name] = words[..] else {
                return None;
            };
            percent.parse::<f64>().ok()?;
            (name != "total").then(|| Some((name.to_owned(), count.parse().ok()?)))?
        });
        Self(lines.collect())
    }

    /// Those that come at least once in fifty files, most first, and the sum of all.
    pub(super) fn for_each_file(&self, files: u64) -> String {
        let each = |count: u64| count as f64 / files as f64;
        let mut names: Vec<_> = self
            .0
            .iter()
            .filter(|(_, count)| each(**count) >= 0.02)
            .collect();
        names.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), (*name).clone()));
        let mut text = format!("{:.2} in all", each(self.0.values().sum()));
        for (name, count) in names {
            // Writing to a string cannot fail.
            let _ = write!(text, ", {name} {:.2}", each(*count));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_with_and_without_errors() {
        let text = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.600000           6      1000           openat
 40.00    0.400000           4       100         7 newfstatat
  0.00    0.000000           0         1           brk
------ ----------- ----------- --------- --------- ----------------
100.00    1.000000           5      1101         7 total
";
        let calls = Calls::parse(text);
        assert_eq!(
            calls.for_each_file(500),
            "2.20 in all, openat 2.00, newfstatat 0.20"
        );
    }
}
