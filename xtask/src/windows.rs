//! The Windows programs, cross-built with Debian's Rust and mingw.
//!
//! Debian's compiler is newer than the workspace's minimum, so the Linux build stays the judge of the language.

use std::path::PathBuf;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{gates, install, process};

const TARGET: &str = "x86_64-pc-windows-gnu";

/// Installs what is missing, builds both programs and tries them under wine.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    install::debian_packages(workspace, &["windows"])?;
    build(workspace)?;
    gates::build(workspace)?;
    attempt(workspace)
}

/// Takes a snapshot under wine, restores it and compares.
pub(crate) fn attempt(workspace: &Workspace) -> Result<()> {
    process::run(
        workspace
            .command(workspace.programs().join("trial"))
            .arg("wine")
            .arg(programs(workspace)),
    )
}

/// Its own build folder: another compiler and another standard library.
fn folder(workspace: &Workspace) -> PathBuf {
    std::env::var_os("HOLDFAST_WINDOWS_TARGET_DIR")
        .map_or_else(|| workspace.path("target-windows"), PathBuf::from)
}

fn programs(workspace: &Workspace) -> PathBuf {
    folder(workspace).join(TARGET).join("debug")
}

/// Builds `holdfast-agent.exe` and `holdfast.exe` (without the server), and beside them the library that wine lacks.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.command("/usr/bin/cargo");
    // What cargo told this program must not reach the other toolchain.
    for name in [
        "CARGO",
        "RUSTUP_TOOLCHAIN",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_TARGET_DIR",
    ] {
        cargo.env_remove(name);
    }
    cargo
        .env("RUSTC", "/usr/bin/rustc")
        // Building the standard library is not a stable option yet.
        .env("RUSTC_BOOTSTRAP", "1")
        // Compiled for a trial, not for speed; what is slow without optimisation is named in the profile.
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .args([
            "build",
            "--quiet",
            "--locked",
            "-Zbuild-std=std,panic_unwind",
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(folder(workspace))
        .args([
            "--package",
            "holdfast",
            "--package",
            "holdfast-agent",
            "--no-default-features",
        ]);
    process::run(&mut cargo)?;
    process::run(
        workspace
            .command("x86_64-w64-mingw32-gcc")
            .args(["-shared", "-O1", "-Wall", "-Werror", "-o"])
            .arg(programs(workspace).join("bcryptprimitives.dll"))
            .args(["xtask/windows/bcryptprimitives.c", "-ladvapi32"]),
    )
}
