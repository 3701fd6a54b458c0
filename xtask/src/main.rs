//! The project's own commands. The Makefile has one line for each of the common ones.

mod bench;
mod demo;
mod gates;
mod install;
mod layers;
mod mutants;
mod process;
mod requirements;
mod skips;
mod stages;
mod windows;
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
    /// Run every gate: packages, format, layers, requirements, licences, lints and tests.
    Test,
    /// Run the quick gates: format, layers, requirements and lints.
    Check,
    /// Fail when a crate depends on one that its layer may not know.
    CheckLayers,
    /// Print every requirement with the tests that prove it or what it waits for.
    Requirements,
    /// Write generated files anew: the API's description, the list of errors, the web client's types.
    Gen,
    /// Install the Debian packages, cargo programs and npm packages that are missing.
    InstallDeps,
    /// Cross-build the Windows programs and try them under wine.
    Windows,
    /// Back up, restore and compare through the public API, and keep serving.
    Demo,
    /// Measure snapshot, restore and verify beside `cp -a`.
    Bench(bench::BenchArguments),
    /// Break the safety rules one by one; the tests have to notice.
    Mutants(mutants::MutantsArguments),
    /// Run the tests across processes with their large numbers, fuzz every parser, break the safety rules.
    Soak,
    /// Break what each kind of alert tells of, with receivers that are down for a while: one message and one all-clear each.
    NeverSilent,
    /// Run the compatibility tests with their large numbers, beside the program that `HOLDFAST_STOCK_KOPIA` names.
    Compat,
}

fn main() -> Result<()> {
    let workspace = Workspace::locate()?;
    match Arguments::parse().command {
        Command::Test => gates::test(&workspace),
        Command::Check => gates::check(&workspace),
        Command::CheckLayers => layers::check(&workspace),
        Command::Requirements => requirements::print(&workspace),
        Command::Gen => gates::generate(&workspace),
        Command::InstallDeps => install::everything(&workspace),
        Command::Windows => windows::run(&workspace),
        Command::Demo => demo::run(&workspace),
        Command::Bench(arguments) => bench::run(&workspace, &arguments),
        Command::Mutants(arguments) => mutants::run(&workspace, &arguments),
        Command::Soak => gates::soak(&workspace),
        Command::NeverSilent => gates::never_silent(&workspace),
        Command::Compat => gates::compat(&workspace),
    }
}
