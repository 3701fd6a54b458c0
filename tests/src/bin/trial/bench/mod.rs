//! Snapshot, restore and verify measured beside `cp -a` of the same data and beside other programs, in turn; and searching.

mod bucket;
mod calls;
mod data;
mod find;
mod measure;
mod programs;
mod report;
mod targets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use holdfast_testkit::tree::{Compare, compare_trees};

use self::calls::Calls;
use self::data::{DataSet, Size};
use self::measure::{Measured, measure, touch_memory};
use self::programs::{Compression, Holdfast, Others, Program};
use self::report::{OURS, Report};
use self::targets::step;

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
    /// Divides the number of files and the size of the large file, for a quick look.
    #[arg(long, default_value_t = 1)]
    divide: u64,
    /// Only these data sets.
    #[arg(long)]
    only: Vec<DataSet>,
    /// Also through a bucket whose server waits 20 ms before each answer.
    #[arg(long)]
    bucket: bool,
    #[command(flatten)]
    others: Others,
    /// Where the figures go, as JSON.
    #[arg(long)]
    output: PathBuf,
    /// A page to whose end the table is added.
    #[arg(long)]
    append: Option<PathBuf>,
}

pub(crate) fn run(arguments: &BenchArguments) -> Result<()> {
    let size = Size::divided(arguments.divide);
    let mut report = Report::new(&arguments.program, arguments.runs, size)?;
    for name in arguments.others.missing() {
        println!("without {name}, which is not there");
    }
    let is_wanted = |set| arguments.only.is_empty() || arguments.only.contains(&set);
    for set in DataSet::OF_FILES {
        if !is_wanted(set) {
            continue;
        }
        let place = tempfile::tempdir_in(&arguments.place)
            .with_context(|| format!("make a folder in {}", arguments.place.display()))?;
        println!("{}: making the data", set.name());
        let mut series = Series {
            set,
            source: place.path().join("source"),
            home: place.path().join("home"),
            restored: place.path().join("restored"),
            bytes: set.bytes(size),
            changes: 0,
        };
        set.generate(&series.source, size)?;
        let ours = Holdfast::new(&arguments.program, &series.home);
        let others = arguments.others.found(&series.home);
        for run in 1..=arguments.runs {
            println!("{}: run {run} of {}", set.name(), arguments.runs);
            series.copy(&mut report)?;
            series.steps(&ours, &mut report)?;
            for other in &others {
                series.steps(other.as_ref(), &mut report)?;
            }
        }
        if set != DataSet::Large {
            series.count_calls(&ours, &mut report)?;
        }
        if arguments.bucket {
            bucket::measure_set(&arguments.program, &series, &mut report)?;
        }
    }
    if is_wanted(DataSet::Versions) {
        find::measure_find(arguments, size, &mut report)?;
    }
    let table = report.table();
    println!("{table}");
    report.write(&arguments.output)?;
    if let Some(page) = &arguments.append {
        let day = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
        report.append(page, &day)?;
    }
    Ok(())
}

/// One data set and the places where programs work on it.
struct Series {
    set: DataSet,
    source: PathBuf,
    /// Where repositories and caches of the programs are.
    home: PathBuf,
    /// Where snapshots are restored to.
    restored: PathBuf,
    bytes: u64,
    /// How often the source was changed.
    changes: u32,
}

impl Series {
    /// What everything is compared with.
    fn copy(&self, report: &mut Report) -> Result<()> {
        let mut command = Command::new("cp");
        command.arg("-a").arg(&self.source).arg(&self.restored);
        report.add(
            self.set,
            step::COPY,
            "cp",
            &self.step(&command, self.bytes)?,
        );
        remove(&self.restored)
    }

    /// All steps of one program.
    fn steps(&mut self, program: &dyn Program, report: &mut Report) -> Result<()> {
        let name = program.name();
        let set = self.set;
        self.create_repository(program, Compression::Off)?;
        let snapshot = program.snapshot(&self.source, Compression::Off);
        let first = self.step(&snapshot, self.bytes)?;
        report.add(set, step::FIRST, name, &first);
        report.add(set, step::UNCHANGED, name, &self.step(&snapshot, 0)?);
        let restore = program.restore(&first, &self.restored)?;
        report.add(set, step::RESTORE, name, &self.step(&restore, self.bytes)?);
        if name == OURS {
            self.compare()?;
        }
        remove(&self.restored)?;
        report.add(set, step::VERIFY, name, &self.step(&program.verify(), 0)?);
        self.changes += 1;
        set.change_one_percent(&self.source, self.changes)?;
        report.add(
            set,
            step::CHANGED,
            name,
            &self.step(&snapshot, self.bytes / 50)?,
        );
        remove(&self.home)?;
        if set != DataSet::Small {
            return Ok(());
        }
        self.create_repository(program, Compression::Zstd)?;
        let compressed = program.snapshot(&self.source, Compression::Zstd);
        report.add(set, step::ZSTD, name, &self.step(&compressed, self.bytes)?);
        remove(&self.home)
    }

    /// What the steps of ours ask of the system.
    fn count_calls(&self, ours: &Holdfast, report: &mut Report) -> Result<()> {
        self.create_repository(ours, Compression::Off)?;
        let snapshot = ours.snapshot(&self.source, Compression::Off);
        report.add_calls(self.set, step::FIRST, Calls::of(&snapshot)?);
        report.add_calls(self.set, step::UNCHANGED, Calls::of(&snapshot)?);
        let again = self.step(&snapshot, 0)?;
        let restore = ours.restore(&again, &self.restored)?;
        report.add_calls(self.set, step::RESTORE, Calls::of(&restore)?);
        remove(&self.restored)?;
        report.add_calls(self.set, step::VERIFY, Calls::of(&ours.verify())?);
        remove(&self.home)
    }

    fn create_repository(&self, program: &dyn Program, compression: Compression) -> Result<()> {
        for command in program.create_repository(compression) {
            self.step(&command, 0)?;
        }
        Ok(())
    }

    /// What was restored is what the source holds.
    fn compare(&self) -> Result<()> {
        let comparison = compare_trees(&self.source, &self.restored, Compare::WITHOUT_OWNERS)
            .context("compare")?;
        ensure!(
            comparison.differences.is_empty(),
            "restore differs: {:#?}",
            comparison.differences
        );
        Ok(())
    }

    /// Measures a command, with the memory that it will fill made ready before the clock starts.
    fn step(&self, command: &Command, fills: u64) -> Result<Measured> {
        touch_memory(fills + (512 << 20));
        measure(command)
    }
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_dir_all(path).with_context(|| format!("remove {}", path.display()))
}
