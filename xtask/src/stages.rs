//! A list of stages, each timed, of which the first failure ends the whole.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Runs stages and keeps how long each took.
pub(crate) struct Stages {
    started: Instant,
    done: Vec<(&'static str, Duration)>,
}

impl Stages {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            done: Vec::new(),
        }
    }

    /// Runs one stage. On failure the times so far are printed and the error is returned.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        println!("── {name}");
        let started = Instant::now();
        let result = work().with_context(|| format!("stage \"{name}\" failed"));
        self.done.push((name, started.elapsed()));
        if result.is_err() {
            self.report();
        }
        result
    }

    /// Prints the minutes of each stage and their sum.
    pub(crate) fn report(&self) {
        println!("── minutes per stage");
        for (name, took) in &self.done {
            println!("{:>7.2}  {name}", minutes(*took));
        }
        println!("{:>7.2}  in all", minutes(self.started.elapsed()));
    }
}

fn minutes(duration: Duration) -> f64 {
    duration.as_secs_f64() / 60.0
}
