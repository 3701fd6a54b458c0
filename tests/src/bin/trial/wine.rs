//! The Windows programs under wine: create a repository, take a snapshot, restore, compare.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use holdfast_testkit::tree::random_bytes;
use holdfast_testkit::tree::{Compare, compare_trees};
use serde_json::Value;

use crate::programs::{PASSWORD, capture};

const WINE: &str = "/usr/lib/wine/wine64";
const WINE_SERVER: &str = "/usr/lib/wine/wineserver";

pub(crate) fn run(programs: &Path) -> Result<()> {
    let place = tempfile::tempdir().context("make a folder for the trial")?;
    let wine = Wine {
        programs: programs.to_path_buf(),
        prefix: place.path().join("wine"),
    };
    let (source, target) = (place.path().join("source"), place.path().join("restored"));
    plant(&source)?;
    let repository = format!("file:///{}", windows_path(&place.path().join("repository")));
    let holdfast = |arguments: &[&str]| {
        let (group, rest) = arguments.split_at(2);
        wine.run(
            "holdfast.exe",
            &[group, &["--repo", &repository], rest].concat(),
        )
    };
    holdfast(&["repo", "create"])?;
    let report = holdfast(&["snapshot", "create", "--json", &windows_path(&source)])?;
    let report: Value =
        serde_json::from_slice(&report).context("read the report of snapshot create")?;
    let id = report["id"]
        .as_str()
        .context("the report names no snapshot")?;
    holdfast(&["snapshot", "restore", id, &windows_path(&target)])?;
    holdfast(&["snapshot", "verify", "--read-data"])?;
    holdfast(&["repo", "check", "--strict"])?;
    let comparison = compare_trees(&source, &target, Compare::CONTENTS).context("compare")?;
    ensure!(
        comparison.differences.is_empty(),
        "the restored tree differs: {:#?}",
        comparison.differences
    );
    ensure!(comparison.files > 0, "the trial restored no file");
    println!(
        "wine: {} files ({} bytes) restored, every byte equal",
        comparison.files, comparison.bytes
    );
    let version = wine.run("holdfast-agent.exe", &["--version"])?;
    println!("wine: {}", String::from_utf8_lossy(&version).trim());
    Ok(())
}

/// Files of several sizes, one above the splitter's chunk, with names that Windows allows.
fn plant(root: &Path) -> Result<()> {
    let folder = root.join("folder with spaces/Ünïcode");
    fs::create_dir_all(&folder).context("plant folders")?;
    fs::create_dir_all(root.join("empty")).context("plant an empty folder")?;
    for (name, contents) in [
        ("empty file", Vec::new()),
        ("note.txt", b"holdfast\r\n".repeat(100)),
        ("folder with spaces/large.bin", random_bytes(1, 9 << 20)),
        ("folder with spaces/Ünïcode/größe", random_bytes(2, 70_000)),
    ] {
        fs::write(root.join(name), contents).with_context(|| format!("plant {name}"))?;
    }
    Ok(())
}

struct Wine {
    programs: PathBuf,
    prefix: PathBuf,
}

impl Wine {
    fn run(&self, program: &str, arguments: &[&str]) -> Result<Vec<u8>> {
        let mut command = Command::new(WINE);
        command
            .env("WINEPREFIX", &self.prefix)
            .env("WINEDEBUG", "-all")
            .env("HOLDFAST_PASSWORD", PASSWORD)
            .arg(self.programs.join(program))
            .args(arguments);
        capture(&mut command)
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // The prefix is deleted next, and wine's server would write into it again.
        let _ = Command::new(WINE_SERVER)
            .env("WINEPREFIX", &self.prefix)
            .arg("--kill")
            .status();
    }
}

/// A path of this machine as wine shows it: the root is drive Z.
fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.display())
}
