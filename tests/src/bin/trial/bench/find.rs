//! Searching in a repository with many file versions: with the index, and by walking through all folders, which must give
//! the same.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use holdfast_tests::many_versions;

use super::BenchArguments;
use super::data::{DataSet, Size, files_below};
use super::measure::{Measured, measure, touch_memory};
use super::report::{OURS, Report};
use crate::programs::PASSWORD;

/// Hits few versions.
const FEW: &str = "file-000003-07*";
/// Hits every hundredth file.
const SOME: &str = "*-42.txt";
/// Hits everything.
const ALL: &str = "*";

/// Measures all runs.
pub(super) fn measure_find(
    arguments: &BenchArguments,
    size: Size,
    report: &mut Report,
) -> Result<()> {
    let place = tempfile::tempdir_in(&arguments.place)
        .with_context(|| format!("make a folder in {}", arguments.place.display()))?;
    let repository = place.path().join("repository");
    println!("{}: making the repository", DataSet::Versions.name());
    let written = many_versions::write(&repository, PASSWORD, size.versions)?;
    println!("  {written:?}");
    for run in 1..=arguments.runs {
        println!(
            "{}: run {run} of {}",
            DataSet::Versions.name(),
            arguments.runs
        );
        let cache = tempfile::tempdir_in(&arguments.place).context("make a folder")?;
        let search = Search {
            program: &arguments.program,
            repository: &repository,
            cache: cache.path(),
        };
        search.measure(report, written.files + written.folders)?;
    }
    Ok(())
}

struct Search<'a> {
    program: &'a Path,
    repository: &'a Path,
    cache: &'a Path,
}

impl Search<'_> {
    fn find(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command
            .env("HOLDFAST_PASSWORD", PASSWORD)
            .env(
                "HOLDFAST_REPO",
                format!("file://{}", self.repository.display()),
            )
            .env("HOLDFAST_CACHE_DIR", self.cache)
            .arg("find")
            .args(words);
        command
    }

    fn step(&self, words: &[&str]) -> Result<Measured> {
        touch_memory(512 << 20);
        measure(&self.find(words))
    }

    fn measure(&self, report: &mut Report, versions: u64) -> Result<()> {
        let mut add = |step, measured| report.add(DataSet::Versions, step, OURS, &measured);
        let built = self.step(&[FEW, "--json"])?;
        let found = built.document()?;
        add("find, index is made", built);
        println!("  the index takes {} bytes", bytes_below(self.cache)?);
        for (pattern, with_index, without) in [
            (FEW, "find, few hits", "few, no index"),
            (SOME, "find, 1 % hits", "1 %, no index"),
        ] {
            let by_index = self.step(&[pattern, "--json"])?;
            let by_walk = self.step(&[pattern, "--json", "--no-index"])?;
            let hits = by_index.document()?;
            ensure!(
                hits == by_walk.document()?,
                "{pattern}: the index tells something else"
            );
            ensure!(hits["paths"] != 0, "{pattern}: nothing was found");
            ensure!(
                pattern != FEW || hits == found,
                "{pattern}: found something else before"
            );
            add(with_index, by_index);
            add(without, by_walk);
        }
        add("all, first hit", self.first_hit()?);
        // As text: documents would name every snapshot of every version.
        let all = self.step(&[ALL])?;
        let total = all.last_line();
        ensure!(
            total.contains(&format!(" with {versions} versions in ")),
            "not every version was found: {total}"
        );
        add("find, all hits", all);
        Ok(())
    }

    /// How long it takes until something of many hits is printed.
    fn first_hit(&self) -> Result<Measured> {
        let began = Instant::now();
        let mut child = self
            .find(&[ALL])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("start the program")?;
        let mut output = child.stdout.take().context("the output of the program")?;
        output
            .read_exact(&mut [0; 100])
            .context("read what was found")?;
        let wall = began.elapsed().as_secs_f64();
        std::io::copy(&mut output, &mut std::io::sink()).context("read the rest")?;
        ensure!(
            child.wait().context("wait for the program")?.success(),
            "find failed"
        );
        Ok(Measured::of_wall(wall))
    }
}

fn bytes_below(folder: &Path) -> Result<u64> {
    files_below(folder)?.iter().try_fold(0, |bytes, path| {
        let metadata = fs::metadata(path).with_context(|| format!("look at {}", path.display()))?;
        Ok(bytes + metadata.len())
    })
}
