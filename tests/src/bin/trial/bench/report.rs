//! The figures of all runs: a table of medians for people, every run as JSON for machines.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;

use super::data::{DataSet, Size};
use super::measure::Measured;

/// One run of one step.
#[derive(Serialize)]
struct Run {
    wall_seconds: f64,
    cpu_seconds: f64,
    peak_mib: f64,
}

/// All runs by data set, step and program, in the order in which they first came.
pub(crate) struct Report {
    program: String,
    runs: u32,
    size: Size,
    order: Vec<(DataSet, &'static str)>,
    steps: BTreeMap<(DataSet, &'static str, &'static str), Vec<Run>>,
}

impl Report {
    pub(crate) fn new(program: &Path, runs: u32, size: Size) -> Result<Self> {
        let version = std::process::Command::new(program)
            .arg("--version")
            .output()
            .with_context(|| format!("start {}", program.display()))?;
        Ok(Self {
            program: String::from_utf8_lossy(&version.stdout).trim().to_owned(),
            runs,
            size,
            order: Vec::new(),
            steps: BTreeMap::new(),
        })
    }

    pub(crate) fn add(
        &mut self,
        set: DataSet,
        step: &'static str,
        program: &'static str,
        measured: Measured,
    ) {
        println!(
            "  {program:<9} {step:<20} {:>7.2} s  {:>7.2} CPU s  {:>6.0} MiB",
            measured.wall, measured.cpu, measured.peak_mib
        );
        if !self.order.contains(&(set, step)) {
            self.order.push((set, step));
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

    /// Medians, and the ratios to `cp -a` and to stock of the same series.
    pub(crate) fn table(&self) -> String {
        let mut table = format!(
            "{}, medians of {} runs\n{:<12} {:<20} {:>8} {:>7} {:>8} {:>8} {:>8} {:>8}\n",
            self.program,
            self.runs,
            "data",
            "step",
            "wall s",
            "CPU s",
            "MiB",
            "of cp",
            "stock s",
            "of stock"
        );
        for (set, step) in &self.order {
            let Some(ours) = self.steps.get(&(*set, *step, "holdfast")) else {
                if let Some(copy) = self.steps.get(&(*set, *step, "cp")) {
                    let wall = median(copy, |run| run.wall_seconds);
                    // Writing to a string cannot fail.
                    let _ = writeln!(table, "{:<12} {step:<20} {wall:>8.2}", set.name());
                }
                continue;
            };
            let wall = median(ours, |run| run.wall_seconds);
            let against = |step, program| {
                self.steps
                    .get(&(*set, step, program))
                    .map(|runs| median(runs, |run| run.wall_seconds))
            };
            let (copy, stock) = (against("cp -a", "cp"), against(*step, "stock"));
            let number = |value: Option<f64>| {
                value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
            };
            let _ = writeln!(
                table,
                "{:<12} {step:<20} {wall:>8.2} {:>7.2} {:>8.0} {:>8} {:>8} {:>8}",
                set.name(),
                median(ours, |run| run.cpu_seconds),
                ours.iter().map(|run| run.peak_mib).fold(0.0, f64::max),
                number(copy.map(|copy| wall / copy)),
                number(stock),
                number(stock.map(|stock| wall / stock)),
            );
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
        let document = json!({"program": self.program, "size": self.size, "steps": steps});
        let text = serde_json::to_string_pretty(&document).context("write the figures as JSON")?;
        std::fs::write(path, text + "\n").with_context(|| format!("write {}", path.display()))?;
        println!("figures: {}", path.display());
        Ok(())
    }
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
}
