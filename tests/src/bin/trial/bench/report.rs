//! The figures of all runs: a table of medians for people, every run as JSON for machines.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;

use super::calls::Calls;
use super::data::{DataSet, Size};
use super::measure::Measured;
use super::targets::{of_copy, of_other, step};

/// The name of our program in the figures.
pub(super) const OURS: &str = "holdfast";

/// One run of one step.
#[derive(Serialize)]
struct Run {
    wall_seconds: f64,
    cpu_seconds: f64,
    peak_mib: f64,
}

/// All runs by data set, step and program, in the order in which they first came.
pub(crate) struct Report {
    version: String,
    runs: u32,
    size: Size,
    order: Vec<(DataSet, &'static str)>,
    programs: Vec<&'static str>,
    steps: BTreeMap<(DataSet, &'static str, &'static str), Vec<Run>>,
    calls: Vec<(DataSet, &'static str, Calls)>,
    lines: Vec<String>,
}

impl Report {
    pub(crate) fn new(program: &Path, runs: u32, size: Size) -> Result<Self> {
        let version = std::process::Command::new(program)
            .arg("--version")
            .output()
            .with_context(|| format!("start {}", program.display()))?;
        Ok(Self {
            version: String::from_utf8_lossy(&version.stdout).trim().to_owned(),
            runs,
            size,
            order: Vec::new(),
            programs: Vec::new(),
            steps: BTreeMap::new(),
            calls: Vec::new(),
            lines: Vec::new(),
        })
    }

    /// Keeps what one run of a step took, and shows it.
    pub(crate) fn add(
        &mut self,
        set: DataSet,
        step: &'static str,
        program: &'static str,
        measured: &Measured,
    ) {
        println!(
            "  {program:<9} {step:<20} {:>7.2} s  {:>7.2} CPU s  {:>6.0} MiB",
            measured.wall, measured.cpu, measured.peak_mib
        );
        if !self.order.contains(&(set, step)) {
            self.order.push((set, step));
        }
        if program != OURS && step != step::COPY && !self.programs.contains(&program) {
            self.programs.push(program);
        }
        self.steps
            .entry((set, step, program))
            .or_default()
            .push(Run {
                wall_seconds: measured.wall,
                cpu_seconds: measured.cpu,
                peak_mib: measured.peak_mib,
            });
    }

    /// Keeps the system calls of a step of ours.
    pub(super) fn add_calls(&mut self, set: DataSet, step: &'static str, calls: Calls) {
        self.calls.push((set, step, calls));
    }

    /// Keeps a figure that fits into no column, and shows it.
    pub(super) fn add_line(&mut self, line: String) {
        println!("  {line}");
        self.lines.push(line);
    }

    /// The median of the processor seconds of a step of ours.
    pub(super) fn median_of(&self, set: DataSet, step: &'static str) -> Option<f64> {
        let runs = self.steps.get(&(set, step, OURS))?;
        Some(median(runs, |run| run.cpu_seconds))
    }

    fn wall(&self, set: DataSet, step: &'static str, program: &'static str) -> Option<f64> {
        self.steps
            .get(&(set, step, program))
            .map(|runs| median(runs, |run| run.wall_seconds))
    }

    /// Medians of ours, and their parts of the medians of `cp -a` and of the other programs in the same run. A part that
    /// is larger than it should be has a `!`.
    pub(crate) fn table(&self) -> String {
        let mut table = format!("{}, medians of {} runs\n\n", self.version, self.runs);
        let mut head = "| data | step | wall s | CPU s | MiB | of `cp -a` |".to_owned();
        for program in &self.programs {
            // Writing to a string cannot fail.
            let _ = write!(head, " of {program} |");
        }
        let columns = head.matches('|').count() - 1;
        let _ = writeln!(table, "{head}\n|{}", "---|".repeat(columns));
        for (set, step) in &self.order {
            let Some(ours) = self.steps.get(&(*set, *step, OURS)) else {
                if let Some(wall) = self.wall(*set, step, "cp") {
                    let _ = writeln!(
                        table,
                        "| {} | {step} | {wall:.2} |{}",
                        set.name(),
                        " |".repeat(columns - 3)
                    );
                }
                continue;
            };
            let wall = median(ours, |run| run.wall_seconds);
            let _ = write!(
                table,
                "| {} | {step} | {wall:.2} | {:.2} | {:.0} |",
                set.name(),
                median(ours, |run| run.cpu_seconds),
                ours.iter().map(|run| run.peak_mib).fold(0.0, f64::max),
            );
            let _ = write!(
                table,
                "{}",
                part(wall, self.wall(*set, step::COPY, "cp"), of_copy(*set, step))
            );
            for program in &self.programs {
                let theirs = self.wall(*set, step, program);
                let _ = write!(
                    table,
                    "{}",
                    part(wall, theirs, Some(of_other(program, step)))
                );
            }
            table.push('\n');
        }
        if !self.calls.is_empty() {
            table.push_str("\nSystem calls of ours for each file:\n\n");
        }
        for (set, step, calls) in &self.calls {
            let _ = writeln!(
                table,
                "* {}, {step}: {}",
                set.name(),
                calls.for_each_file(set.files(self.size))
            );
        }
        if !self.lines.is_empty() {
            table.push('\n');
        }
        for line in &self.lines {
            let _ = writeln!(table, "* {line}");
        }
        table
    }

    /// Writes every run.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|((set, step, program), runs)| json!({"data": set, "step": step, "program": program, "runs": runs}))
            .collect();
        let calls: Vec<_> = self
            .calls
            .iter()
            .map(|(set, step, calls)| json!({"data": set, "step": step, "calls": calls}))
            .collect();
        let document = json!({
            "program": self.version,
            "size": self.size,
            "steps": steps,
            "calls": calls,
            "others": self.lines,
        });
        let text = serde_json::to_string_pretty(&document).context("write the figures as JSON")?;
        std::fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))?;
        println!("figures: {}", path.display());
        Ok(())
    }

    /// Adds the table to the end of a page.
    pub(crate) fn append(&self, page: &Path, day: &str) -> Result<()> {
        File::options()
            .append(true)
            .create(true)
            .open(page)
            .and_then(|mut page| write!(page, "\n## {day}: {}", self.table()))
            .with_context(|| format!("write {}", page.display()))
    }
}

/// One cell: the part of `theirs` that `ours` is, and their seconds.
fn part(ours: f64, theirs: Option<f64>, most: Option<f64>) -> String {
    let Some(theirs) = theirs else {
        return " |".to_owned();
    };
    let ratio = ours / theirs;
    let mark = match most {
        Some(most) if ratio > most => format!(" (! ≤ {most})"),
        _ => String::new(),
    };
    format!(" {ratio:.2} of {theirs:.2}{mark} |")
}

fn median(runs: &[Run], value: impl Fn(&Run) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        (values[middle - 1] + values[middle]) / 2.0
    } else {
        values[middle]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_two_in_the_middle() {
        let runs = |walls: &[f64]| -> Vec<Run> {
            walls
                .iter()
                .map(|wall| Run {
                    wall_seconds: *wall,
                    cpu_seconds: 0.0,
                    peak_mib: 0.0,
                })
                .collect()
        };
        assert_eq!(median(&runs(&[3.0, 1.0, 2.0]), |run| run.wall_seconds), 2.0);
        assert_eq!(
            median(&runs(&[4.0, 1.0, 2.0, 3.0]), |run| run.wall_seconds),
            2.5
        );
    }

    #[test]
    fn a_part_above_its_limit_is_marked() {
        assert_eq!(part(1.0, Some(2.0), Some(0.5)), " 0.50 of 2.00 |");
        assert_eq!(part(1.2, Some(2.0), Some(0.5)), " 0.60 of 2.00 (! ≤ 0.5) |");
        assert_eq!(part(1.2, None, Some(0.5)), " |");
    }
}
