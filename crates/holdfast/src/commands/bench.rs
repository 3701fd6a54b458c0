//! `bench`: how fast this machine is with the algorithms of the format, one thread each.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use holdfast_repository::compress::{Compressors, decompress};
use holdfast_repository::crypto::{ContentCipher, EncryptionAlgorithm, NONCE_LENGTH};
use holdfast_repository::splitter::{DEFAULT_SPLITTER, SplitterKind};
use holdfast_repository::{CompressionAlgorithm, HashAlgorithm, Hasher, Splitter};
use serde::Serialize;

use crate::arguments::{BenchArguments, BenchCommand, BenchCompressionArguments};
use crate::console::Console;
use crate::failure::UsageError;
use crate::outcome::Outcome;

/// Length of the data, in bytes: about what a content has.
const LENGTH: usize = 4 << 20;
/// Longest part of a file that is compressed, in bytes.
const LONGEST: u64 = 8 << 20;

pub(super) fn run(command: &BenchCommand, console: &Console) -> Result<Outcome> {
    match command {
        BenchCommand::Crypto(arguments) => crypto(arguments, console),
        BenchCommand::Splitter(arguments) => splitter(arguments, console),
        BenchCommand::Compression(arguments) => compression(arguments, console),
    }
}

/// What was measured of an algorithm.
#[derive(Serialize)]
struct Speed {
    kind: &'static str,
    name: &'static str,
    /// Whether new repositories have it.
    default: bool,
    /// 10^6 bytes a second.
    mb_per_second: f64,
}

fn crypto(arguments: &BenchArguments, console: &Console) -> Result<Outcome> {
    let mut data = noise();
    let mut speeds = Vec::new();
    for algorithm in HashAlgorithm::ALL {
        let hasher = Hasher::new(algorithm, &[7; 32])?;
        let mb_per_second = measure(arguments.time, data.len(), || {
            std::hint::black_box(hasher.hash(&data));
            Ok(())
        })?;
        speeds.push(Speed {
            kind: "hash",
            name: algorithm.name(),
            default: algorithm == HashAlgorithm::default(),
            mb_per_second,
        });
    }
    for algorithm in EncryptionAlgorithm::ALL {
        let cipher = ContentCipher::new(algorithm, &[7; 32]);
        let mb_per_second = measure(arguments.time, data.len(), || {
            std::hint::black_box(cipher.seal_in_place(&[7; 16], [7; NONCE_LENGTH], &mut data));
            Ok(())
        })?;
        speeds.push(Speed {
            kind: "encryption",
            name: algorithm.name(),
            default: algorithm == EncryptionAlgorithm::default(),
            mb_per_second,
        });
    }
    print(speeds, console)
}

fn splitter(arguments: &BenchArguments, console: &Console) -> Result<Outcome> {
    let data = noise();
    let mut speeds = Vec::new();
    // The first two are other names of those that follow.
    for name in &SplitterKind::NAMES[2..] {
        let mut splitter = Splitter::new(name)?;
        let mb_per_second = measure(arguments.time, data.len(), || {
            splitter.reset();
            let mut rest = &data[..];
            while let Some(cut) = splitter.next_cut(rest) {
                rest = &rest[cut..];
            }
            Ok(())
        })?;
        speeds.push(Speed {
            kind: "splitter",
            name,
            default: *name == DEFAULT_SPLITTER,
            mb_per_second,
        });
    }
    print(speeds, console)
}

/// Prints speeds, the fastest of each kind first.
fn print(mut speeds: Vec<Speed>, console: &Console) -> Result<Outcome> {
    speeds.sort_by(|left, right| {
        let first = |speed: &Speed| speed.kind != "hash";
        first(left)
            .cmp(&first(right))
            .then_with(|| right.mb_per_second.total_cmp(&left.mb_per_second))
    });
    console.result(&speeds, || {
        let line = |speed: &Speed| {
            format!(
                "{:<10} {:<34} {:>9.0} MB/s{}\n",
                speed.kind,
                speed.name,
                speed.mb_per_second,
                if speed.default { "  default" } else { "" }
            )
        };
        speeds.iter().map(line).collect()
    })?;
    Ok(Outcome::Done)
}

/// What was measured of a compressor.
#[derive(Serialize)]
struct Compressor {
    name: &'static str,
    /// Whether jobs of the server have it unless they say otherwise.
    default: bool,
    /// What is left of 100 bytes.
    percent_left: f64,
    /// 10^6 bytes of uncompressed data a second.
    mb_per_second: f64,
    /// 10^6 bytes of uncompressed data a second; none when the data did not become smaller and would be stored as it is.
    decompress_mb_per_second: Option<f64>,
}

fn compression(arguments: &BenchCompressionArguments, console: &Console) -> Result<Outcome> {
    let data = match &arguments.data_file {
        Some(path) => beginning(path)?,
        None => made_text(),
    };
    let time = arguments.bench.time;
    let mut compressors = Vec::new();
    let (mut packed, mut unpacked) = (Vec::new(), Vec::new());
    let writable = CompressionAlgorithm::ALL.into_iter();
    for algorithm in writable.filter(|algorithm| algorithm.is_writable()) {
        let mut tools = Compressors::default();
        let mut smaller = false;
        let mb_per_second = measure(time, data.len(), || {
            smaller = tools.compress(algorithm, &data, &mut packed)?;
            Ok(())
        })?;
        let (percent_left, decompress_mb_per_second) = match smaller {
            false => (100.0, None),
            true => {
                let speed = measure(time, data.len(), || {
                    let what = &"the data of the measurement";
                    let id = algorithm.id();
                    Ok(decompress(what, id, &packed, data.len(), &mut unpacked)?)
                })?;
                (100.0 * packed.len() as f64 / data.len() as f64, Some(speed))
            }
        };
        compressors.push(Compressor {
            name: algorithm.name(),
            default: algorithm == CompressionAlgorithm::Zstd,
            percent_left,
            mb_per_second,
            decompress_mb_per_second,
        });
    }
    compressors.sort_by(|left, right| right.mb_per_second.total_cmp(&left.mb_per_second));
    console.result(&compressors, || {
        let line = |speed: &Compressor| {
            format!(
                "{:<26} {:>6.1} % left {:>9.0} MB/s {:>9} MB/s back{}\n",
                speed.name,
                speed.percent_left,
                speed.mb_per_second,
                speed
                    .decompress_mb_per_second
                    .map_or_else(|| "-".to_owned(), |speed| format!("{speed:.0}")),
                if speed.default {
                    "  default of jobs"
                } else {
                    ""
                }
            )
        };
        compressors.iter().map(line).collect()
    })?;
    Ok(Outcome::Done)
}

/// Runs `work` on `length` bytes again and again, once before the clock starts. In 10^6 bytes a second.
fn measure(time: Duration, length: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    work()?;
    let began = Instant::now();
    let mut runs = 0;
    loop {
        work()?;
        runs += 1;
        let took = began.elapsed();
        if took >= time {
            return Ok((runs * length) as f64 / 1e6 / took.as_secs_f64());
        }
    }
}

/// Numbers without a pattern, always the same.
fn numbers() -> impl Iterator<Item = u64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    })
}

/// Bytes that do not compress.
fn noise() -> Vec<u8> {
    numbers()
        .take(LENGTH / 8)
        .flat_map(u64::to_le_bytes)
        .collect()
}

fn beginning(path: &Path) -> Result<Vec<u8>> {
    let mut data = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_end(&mut data))
        .with_context(|| format!("read {}", path.display()))?;
    match data.is_empty() {
        true => Err(UsageError::new(format!("{} is empty", path.display()))
            .hint("Name a file with data like that of your backups.")
            .into()),
        false => Ok(data),
    }
}

/// Text like a log: words and numbers that repeat, in no order that repeats.
fn made_text() -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "backup", "started", "file", "of", "the", "folder", "changed", "and", "was", "stored",
        "in", "pack", "with", "length", "error", "done",
    ];
    let mut text = String::with_capacity(LENGTH + 64);
    for number in numbers() {
        if text.len() >= LENGTH {
            break;
        }
        text.push_str(WORDS[(number >> 20) as usize % WORDS.len()]);
        match number % 5 {
            0 => text.push_str(&format!(" {}\n", number >> 48)),
            _ => text.push(' '),
        }
    }
    text.into_bytes()
}
