//! The gates: what has to hold before a change lands, in the order that fails soonest.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::skips::Skips;
use crate::stages::Stages;
use crate::workspace::Workspace;
use crate::{install, layers, mutants, process, requirements, windows};

/// Runs every gate and prints the minutes of each; the first failure ends the run.
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    let mut stages = Stages::new();
    let mut skips = Skips::default();
    stages.run("format", || format(workspace))?;
    stages.run("layers", || layers::check(workspace))?;
    stages.run("requirements", || requirements::check(workspace))?;
    stages.run("debian packages", || {
        install::debian_packages(workspace, &["build", "tests", "browser", "windows"])
    })?;
    stages.run("cargo programs", || {
        install::cargo_programs(workspace, install::GATES)
    })?;
    stages.run("licences, bans, sources", || deny(workspace, &mut skips))?;
    stages.run("npm packages", || install::npm_packages(workspace))?;
    stages.run("web client", || web(workspace, &mut skips))?;
    stages.run("lints", || lints(workspace))?;
    stages.run("programs and tests", || build_all(workspace))?;
    stages.run("rust tests", || rust_tests(workspace, &mut skips))?;
    stages.run("browser tests", || browser_tests(workspace, &mut skips))?;
    stages.run("windows", || {
        windows::build(workspace)?;
        windows::attempt(workspace)
    })?;
    stages.run("skips", || skips.check(workspace))?;
    stages.report();
    Ok(())
}

/// Runs the quick gates.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut stages = Stages::new();
    stages.run("format", || format(workspace))?;
    stages.run("layers", || layers::check(workspace))?;
    stages.run("requirements", || requirements::check(workspace))?;
    stages.run("lints", || lints(workspace))?;
    stages.report();
    Ok(())
}

fn format(workspace: &Workspace) -> Result<()> {
    process::run(workspace.cargo().args(["fmt", "--all", "--check"]))
}

/// Licences, banned crates and sources of every dependency, from the lock file. Advisories would have to be fetched.
fn deny(workspace: &Workspace, skips: &mut Skips) -> Result<()> {
    // Those of other systems too, which no build on this one has brought.
    process::run(workspace.cargo().args(["fetch", "--quiet", "--locked"]))?;
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

/// Builds the programs.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    process::run(
        workspace
            .cargo()
            .args(["build", "--quiet", "--workspace", "--locked"]),
    )
}

/// Builds all programs before any test runs, because the tests across processes start them from the build folder, and
/// the tests with them: tests ask for more features of some crates, so that building them apart compiles those twice.
fn build_all(workspace: &Workspace) -> Result<()> {
    process::run(workspace.cargo().args([
        "build",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--locked",
    ]))
}

/// Writes the files anew that tests compare with what would be generated.
pub(crate) fn generate(workspace: &Workspace) -> Result<()> {
    let mut server = workspace.cargo();
    server.args([
        "test",
        "--quiet",
        "--locked",
        "--package",
        "holdfast-server",
        "--test",
        "it",
        "generated",
    ]);
    process::run(server.env("HOLDFAST_GENERATE", "1"))?;
    install::npm_packages(workspace)?;
    process::run(&mut npm_run(workspace, "gen"))
}

fn rust_tests(workspace: &Workspace, skips: &mut Skips) -> Result<()> {
    nextest(workspace, skips, "ci", &[])?;
    process::run_watching(
        workspace
            .cargo()
            .args(["test", "--quiet", "--workspace", "--locked", "--doc"]),
        |line| skips.scan(line),
    )
}

/// Runs the tests across processes with their large numbers, fuzzes every parser and breaks the safety rules: hours, not
/// minutes.
pub(crate) fn soak(workspace: &Workspace) -> Result<()> {
    let mut stages = Stages::new();
    let mut skips = Skips::default();
    stages.run("debian packages", || {
        install::debian_packages(workspace, &["build", "tests"])
    })?;
    stages.run("cargo programs", || {
        install::cargo_programs(workspace, install::GATES)
    })?;
    stages.run("programs and tests", || build_all(workspace))?;
    stages.run("soak", || {
        nextest(
            workspace,
            &mut skips,
            "soak",
            &[
                "--package",
                "holdfast-tests",
                "--package",
                "holdfast-fuzz",
                "--package",
                "holdfast-planning",
            ],
        )
    })?;
    stages.run("mutants", || {
        mutants::run(workspace, &mutants::MutantsArguments::default())
    })?;
    stages.run("skips", || skips.check(workspace))?;
    stages.report();
    Ok(())
}

/// Breaks what each kind of alert tells of, several times, with receivers that are down each time.
pub(crate) fn never_silent(workspace: &Workspace) -> Result<()> {
    let mut stages = Stages::new();
    let mut skips = Skips::default();
    stages.run("cargo programs", || {
        install::cargo_programs(workspace, install::GATES)
    })?;
    stages.run("never silent", || {
        let tests = [
            "--package",
            "holdfast-server",
            "--test",
            "it",
            "never_silent",
        ];
        nextest(workspace, &mut skips, "soak", &tests)
    })?;
    stages.run("skips", || skips.check(workspace))?;
    stages.report();
    Ok(())
}

/// Runs the compatibility tests with their large numbers, with a stock program beside ours.
pub(crate) fn compat(workspace: &Workspace) -> Result<()> {
    const PROGRAM: &str = "HOLDFAST_STOCK_KOPIA";
    let named = std::env::var_os(PROGRAM).is_some_and(|program| Path::new(&program).is_file());
    ensure!(
        named,
        "{PROGRAM} must name a stock Kopia program: without one these tests show nothing"
    );
    let mut stages = Stages::new();
    let mut skips = Skips::default();
    stages.run("cargo programs", || {
        install::cargo_programs(workspace, install::GATES)
    })?;
    stages.run("programs and tests", || build_all(workspace))?;
    stages.run("compatibility", || {
        nextest(
            workspace,
            &mut skips,
            "compat",
            &["--package", "holdfast-tests", "--test", "compat"],
        )
    })?;
    stages.run("skips", || skips.check(workspace))?;
    stages.report();
    Ok(())
}

/// Runs nextest in one of the profiles of `.config/nextest.toml`. All crates are built either way, so that features
/// are unified as in every other build.
fn nextest(
    workspace: &Workspace,
    skips: &mut Skips,
    profile: &str,
    selection: &[&str],
) -> Result<()> {
    let mut command = install::cargo_program(workspace, "cargo-nextest")?;
    command.args([
        "nextest",
        "run",
        "--locked",
        "--no-tests=fail",
        "--profile",
        profile,
    ]);
    command.args(if selection.is_empty() {
        &["--workspace"]
    } else {
        selection
    });
    // A changed snapshot is a failure, never a new file.
    command.env("INSTA_UPDATE", "no");
    if matches!(profile, "soak" | "compat") {
        command.env("HOLDFAST_SOAK", "1");
    }
    process::run(&mut command)?;
    skips.scan_file(
        &workspace
            .path("target/nextest")
            .join(profile)
            .join("junit.xml"),
    )
}

/// Checks, builds and tests the web client; the tests measure what was built, and the server embeds it.
fn web(workspace: &Workspace, skips: &mut Skips) -> Result<()> {
    for script in ["check", "build", "test"] {
        process::run_watching(&mut npm_run(workspace, script), |line| skips.scan(line))?;
    }
    Ok(())
}

/// Builds `web/dist`.
pub(crate) fn build_web(workspace: &Workspace) -> Result<()> {
    process::run(&mut npm_run(workspace, "build"))
}

/// Drives the built programs with a browser.
fn browser_tests(workspace: &Workspace, skips: &mut Skips) -> Result<()> {
    let mut command = npm_run(workspace, "e2e");
    command.env("HOLDFAST_PROGRAMS", workspace.programs());
    process::run_watching(&mut command, |line| skips.scan(line))
}

fn npm_run(workspace: &Workspace, script: &str) -> Command {
    let mut command = workspace.command("npm");
    command
        .args(["run", "--silent", script])
        .current_dir(workspace.path("web"));
    command
}
