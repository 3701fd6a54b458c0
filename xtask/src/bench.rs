//! `make bench`: builds for release and measures.

use anyhow::Result;
use clap::Args;

use crate::workspace::Workspace;
use crate::{install, process};

/// What is passed on to the measuring program.
#[derive(Args)]
pub(crate) struct BenchArguments {
    /// Options of `trial bench`, such as `--runs 5` or `--only small`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

/// Measures the release build; the figures of every run go to `target/bench.json`.
pub(crate) fn run(workspace: &Workspace, arguments: &BenchArguments) -> Result<()> {
    install::debian_packages(workspace, &["build", "bench"])?;
    process::run(
        workspace
            .cargo()
            .args(["build", "--release", "--workspace", "--locked"]),
    )?;
    let programs = workspace.target().join("release");
    let mut command = workspace.command(programs.join("trial"));
    command
        .args(["bench", "--program"])
        .arg(programs.join("holdfast"))
        .arg("--output")
        .arg(workspace.target().join("bench.json"))
        .args(&arguments.options);
    process::run(&mut command)
}
