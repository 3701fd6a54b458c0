//! The project's own commands. The Makefile has one line for each of the common ones.

mod gates;
mod install;
mod layers;
mod process;
mod skips;
mod stages;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Development commands of the Holdfast workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every gate: packages, format, layers, licences, lints and tests.
    Test,
    /// Run the quick gates: format, layers and lints.
    Check,
    /// Fail when a crate depends on one that its layer may not know.
    CheckLayers,
    /// Install the Debian packages, cargo programs and npm packages that are missing.
    InstallDeps,
}

fn main() -> Result<()> {
    let workspace = Workspace::locate()?;
    match Arguments::parse().command {
        Command::Test => gates::test(&workspace),
        Command::Check => gates::check(&workspace),
        Command::CheckLayers => layers::check(&workspace),
        Command::InstallDeps => install::everything(&workspace),
    }
}
