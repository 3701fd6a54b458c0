//! Arguments of `bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum BenchCommand {
    /// Measure hashes and ciphers.
    Crypto(BenchArguments),
    /// Measure how fast files are cut.
    Splitter(BenchArguments),
    /// Measure compressors.
    Compression(BenchCompressionArguments),
}

#[derive(Args)]
pub(crate) struct BenchArguments {
    /// How long each algorithm is measured, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value = "150", value_parser = milliseconds)]
    pub(crate) time: Duration,
}

#[derive(Args)]
pub(crate) struct BenchCompressionArguments {
    #[command(flatten)]
    pub(crate) bench: BenchArguments,
    /// Compress the beginning of this file, up to 8 MiB, instead of made text.
    #[arg(long, value_name = "FILE")]
    pub(crate) data_file: Option<PathBuf>,
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(milliseconds @ 1..=600_000) => Ok(Duration::from_millis(milliseconds)),
        _ => Err("a time is a number of milliseconds from 1 to 600000".to_owned()),
    }
}
