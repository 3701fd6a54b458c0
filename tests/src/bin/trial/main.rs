//! Trials of the built programs on real input, each with a comparison of its own: started by `cargo xtask`.

mod bench;
mod demo;
mod programs;
mod wine;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Trials of the built programs.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    trial: Trial,
}

#[derive(Subcommand)]
enum Trial {
    /// Measure snapshot, restore and verify beside `cp -a`.
    Bench(bench::BenchArguments),
    /// Back up and restore a folder through the public API, and keep serving.
    Demo(demo::DemoArguments),
    /// Back up and restore with the Windows programs under wine.
    Wine {
        /// The folder with the Windows programs.
        programs: PathBuf,
    },
}

fn main() -> Result<()> {
    holdfast_host::install_crypto_provider();
    match Arguments::parse().trial {
        Trial::Bench(arguments) => bench::run(&arguments),
        Trial::Demo(arguments) => demo::run(&arguments),
        Trial::Wine { programs } => wine::run(&programs),
    }
}
