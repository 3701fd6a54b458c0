//! Mutation tests of the safety rules: each is broken in every way that cargo-mutants knows, and the tests have to notice.

use std::fs;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;

use crate::workspace::Workspace;
use crate::{install, process};

const PROGRAM: &str = "cargo-mutants";
/// Of the changes that compile, so many in a hundred have to be noticed.
const CAUGHT: u64 = 90;
/// The program's exit codes for a whole run: all were noticed, some were not, some ran out of time.
const ENDED: [i32; 3] = [0, 2, 3];

#[derive(Args, Default)]
pub(crate) struct MutantsArguments {
    /// Further arguments of cargo-mutants, such as `--re /due.rs`.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// The sums at the end of `outcomes.json`.
#[derive(Deserialize)]
struct Outcomes {
    caught: u64,
    missed: u64,
    timeout: u64,
    unviable: u64,
}

impl Outcomes {
    fn is_enough(&self) -> bool {
        let viable = self.caught + self.missed + self.timeout;
        self.caught * 100 >= viable * CAUGHT
    }
}

/// Runs cargo-mutants over the files of `.cargo/mutants.toml`. A change that makes the tests run out of time counts as
/// missed.
pub(crate) fn run(workspace: &Workspace, arguments: &MutantsArguments) -> Result<()> {
    install::cargo_programs(workspace, &[PROGRAM])?;
    let folder = workspace.target().join("mutants");
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let mut command = install::cargo_program(workspace, PROGRAM)?;
    command
        .args(["mutants", "--workspace", "--no-shuffle", "--output"])
        .arg(&folder)
        .args(&arguments.rest)
        // The copy of the checkout that is broken has build results of its own, which are used again.
        .env("CARGO_TARGET_DIR", folder.join("build"))
        .env("INSTA_UPDATE", "no");
    let status = command
        .status()
        .with_context(|| format!("start {}", process::describe(&command)))?;
    ensure!(
        status.code().is_some_and(|code| ENDED.contains(&code)),
        "{} ended with {status}",
        process::describe(&command)
    );
    let path = folder.join("mutants.out/outcomes.json");
    let text = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    let outcomes: Outcomes =
        serde_json::from_slice(&text).with_context(|| format!("parse {}", path.display()))?;
    let Outcomes {
        caught,
        missed,
        timeout,
        unviable,
    } = outcomes;
    println!(
        "mutants: {caught} caught, {missed} missed, {timeout} out of time, {unviable} do not compile"
    );
    ensure!(
        outcomes.is_enough(),
        "less than {CAUGHT} % of the changes were noticed; {} lists the others",
        folder.join("mutants.out/missed.txt").display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_of_ten_have_to_be_caught() {
        let enough = |caught, missed, timeout| {
            let outcomes = Outcomes {
                caught,
                missed,
                timeout,
                unviable: 1000,
            };
            outcomes.is_enough()
        };
        assert!(enough(90, 10, 0));
        assert!(!enough(90, 10, 1));
        assert!(!enough(90, 11, 0));
        assert!(enough(1, 0, 0));
    }
}
