//! Snapshot, restore and verify measured beside `cp -a` of the same data, several runs in turn.

mod data;
mod measure;
mod report;
mod stock;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use holdfast_testkit::tree::{Compare, compare_trees};

use self::data::{DataSet, Size};
use self::measure::{Measured, measure, touch_memory};
use self::report::Report;
use self::stock::Stock;
use crate::programs::PASSWORD;

/// What is measured and where.
#[derive(Args)]
pub(crate) struct BenchArguments {
    /// The `holdfast` program, built for release.
    #[arg(long)]
    program: PathBuf,
    /// A folder on a RAM-backed file system with about 14 GiB free.
    #[arg(long, default_value = "/dev/shm")]
    place: PathBuf,
    /// How often each series is run.
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Divides the number of small files and the size of the large file, for a quick look.
    #[arg(long, default_value_t = 1)]
    divide: u64,
    /// Only this data set.
    #[arg(long)]
    only: Option<DataSet>,
    /// A stock program to compare with.
    #[arg(long, env = "HOLDFAST_STOCK_KOPIA")]
    stock: Option<PathBuf>,
    /// Where the figures go, as JSON.
    #[arg(long)]
    output: PathBuf,
}

pub(crate) fn run(arguments: &BenchArguments) -> Result<()> {
    let size = Size::divided(arguments.divide);
    let mut report = Report::new(&arguments.program, arguments.runs, size)?;
    if arguments.stock.is_none() {
        println!("without a stock program to compare with (HOLDFAST_STOCK_KOPIA)");
    }
    for set in [DataSet::Small, DataSet::Large] {
        if arguments.only.is_some_and(|only| only != set) {
            continue;
        }
        let place = tempfile::tempdir_in(&arguments.place)
            .with_context(|| format!("make a folder in {}", arguments.place.display()))?;
        let source = place.path().join("source");
        println!("{}: making the data", set.name());
        set.generate(&source, size)?;
        for run in 1..=arguments.runs {
            println!("{}: run {run} of {}", set.name(), arguments.runs);
            let series = Series {
                arguments,
                set,
                source: &source,
                place: place.path(),
                bytes: set.bytes(size),
                run,
            };
            series.measure(&mut report)?;
        }
    }
    println!("{}", report.table());
    report.write(&arguments.output)
}

/// One run over one data set: `cp -a`, ours, and stock's where there is one.
struct Series<'a> {
    arguments: &'a BenchArguments,
    set: DataSet,
    source: &'a Path,
    place: &'a Path,
    bytes: u64,
    run: u32,
}

impl Series<'_> {
    fn measure(&self, report: &mut Report) -> Result<()> {
        let copy = self.place.join("copy");
        let mut command = Command::new("cp");
        command.arg("-a").arg(self.source).arg(&copy);
        let copied = self.step(&mut command, self.bytes)?;
        report.add(self.set, "cp -a", "cp", copied);
        self.remove(&copy)?;
        self.ours(report)?;
        if let Some(program) = &self.arguments.stock {
            self.stock(&Stock::new(program, self.place), report)?;
        }
        Ok(())
    }

    fn ours(&self, report: &mut Report) -> Result<()> {
        let repository = self.place.join("repository");
        let restored = self.place.join("restored");
        let mut add = |row, measured: Measured| report.add(self.set, row, "holdfast", measured);
        self.step(
            self.holdfast(&repository, &["repo", "create"])
                .arg("--json"),
            0,
        )?;
        let create = |extra: u64| {
            self.step(
                self.holdfast(&repository, &["snapshot", "create"])
                    .arg("--json")
                    .arg(self.source),
                extra,
            )
        };
        let first = create(self.bytes)?;
        let id = first.field("id")?;
        add("create, first", first);
        add("create, unchanged", create(0)?);
        let mut restore = self.holdfast(&repository, &["snapshot", "restore"]);
        add(
            "restore",
            self.step(restore.arg("--json").arg(&id).arg(&restored), self.bytes)?,
        );
        let comparison =
            compare_trees(self.source, &restored, Compare::WITHOUT_OWNERS).context("compare")?;
        ensure!(
            comparison.differences.is_empty(),
            "restore differs: {:#?}",
            comparison.differences
        );
        self.remove(&restored)?;
        let mut verify = self.holdfast(&repository, &["snapshot", "verify"]);
        add(
            "verify --read-data",
            self.step(verify.arg("--json").arg("--read-data").arg(&id), 0)?,
        );
        self.set.change_one_percent(self.source, self.run)?;
        add("create, 1 % changed", create(self.bytes / 50)?);
        self.remove(&repository)
    }

    fn stock(&self, stock: &Stock, report: &mut Report) -> Result<()> {
        let restored = self.place.join("restored");
        let mut add = |row, measured: Measured| report.add(self.set, row, "stock", measured);
        self.step(&mut stock.create_repository(), 0)?;
        let first = self.step(&mut stock.snapshot(self.source), self.bytes)?;
        let id = first.field("id")?;
        add("create, first", first);
        add(
            "create, unchanged",
            self.step(&mut stock.snapshot(self.source), 0)?,
        );
        add(
            "restore",
            self.step(&mut stock.restore(&id, &restored), self.bytes)?,
        );
        self.remove(&restored)?;
        add("verify --read-data", self.step(&mut stock.verify(), 0)?);
        stock.remove()
    }

    fn holdfast(&self, repository: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(&self.arguments.program);
        command
            .env("HOLDFAST_PASSWORD", PASSWORD)
            .env("HOLDFAST_REPO", format!("file://{}", repository.display()))
            .args(words);
        command
    }

    /// Measures a command, with the memory that it will fill made ready before the clock starts.
    fn step(&self, command: &mut Command, fills: u64) -> Result<Measured> {
        touch_memory(fills + (512 << 20));
        measure(command)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        fs::remove_dir_all(path).with_context(|| format!("remove {}", path.display()))
    }
}
