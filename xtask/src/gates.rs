//! The gates: what has to hold before a change lands, in the order that fails soonest.

use anyhow::Result;

use crate::skips::Skips;
use crate::stages::Stages;
use crate::workspace::Workspace;
use crate::{install, layers, process};

/// Runs every gate and prints the minutes of each; the first failure ends the run.
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    let mut stages = Stages::new();
    let mut skips = Skips::default();
    stages.run("format", || format(workspace))?;
    stages.run("layers", || layers::check(workspace))?;
    stages.run("debian packages", || {
        install::debian_packages(workspace, &["build", "tests"])
    })?;
    stages.run("cargo programs", || install::cargo_programs(workspace))?;
    stages.run("licences, bans, sources", || deny(workspace, &mut skips))?;
    stages.run("lints", || lints(workspace))?;
    stages.run("programs", || build(workspace))?;
    stages.run("rust tests", || rust_tests(workspace, &mut skips))?;
    stages.run("skips", || skips.check(workspace))?;
    stages.report();
    Ok(())
}

/// Runs the quick gates.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut stages = Stages::new();
    stages.run("format", || format(workspace))?;
    stages.run("layers", || layers::check(workspace))?;
    stages.run("lints", || lints(workspace))?;
    stages.report();
    Ok(())
}

fn format(workspace: &Workspace) -> Result<()> {
    process::run(workspace.cargo().args(["fmt", "--all", "--check"]))
}

/// Licences, banned crates and sources of every dependency, from the lock file. Advisories would have to be fetched.
fn deny(workspace: &Workspace, skips: &mut Skips) -> Result<()> {
    let mut command = install::cargo_program(workspace, "cargo-deny")?;
    command.args([
        "--log-level",
        "warn",
        "--offline",
        "--locked",
        "check",
        "licenses",
        "bans",
        "sources",
    ]);
    process::run(&mut command)?;
    let skipped = "advisories skipped: needs network";
    println!("{skipped}");
    skips.scan(skipped);
    Ok(())
}

fn lints(workspace: &Workspace) -> Result<()> {
    process::run(workspace.cargo().args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "--deny=warnings",
    ]))
}

/// Builds all programs before any test runs: the tests across processes start them from the build folder.
fn build(workspace: &Workspace) -> Result<()> {
    process::run(
        workspace
            .cargo()
            .args(["build", "--quiet", "--workspace", "--locked"]),
    )
}

fn rust_tests(workspace: &Workspace, skips: &mut Skips) -> Result<()> {
    let mut command = install::cargo_program(workspace, "cargo-nextest")?;
    command.args([
        "nextest",
        "run",
        "--workspace",
        "--locked",
        "--profile",
        "ci",
        "--no-tests",
        "fail",
    ]);
    process::run(&mut command)?;
    skips.scan_file(&workspace.path("target/nextest/ci/junit.xml"))?;
    process::run_watching(
        workspace
            .cargo()
            .args(["test", "--quiet", "--workspace", "--locked", "--doc"]),
        |line| skips.scan(line),
    )
}
