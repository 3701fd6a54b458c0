//! Installs what the gates need and the machine lacks: Debian packages, cargo programs, npm packages.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;
use crate::workspace::Workspace;

/// The cargo programs that the gates use.
pub(crate) const GATES: &[&str] = &["cargo-nextest", "cargo-deny"];

/// The contents of `xtask/tools.toml`.
#[derive(Deserialize)]
struct Needs {
    cargo: BTreeMap<String, CargoProgram>,
    debian: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct CargoProgram {
    version: String,
    features: Vec<String>,
}

impl Needs {
    fn cargo_program(&self, name: &str) -> Result<&CargoProgram> {
        self.cargo
            .get(name)
            .with_context(|| format!("{name} is not in xtask/tools.toml"))
    }
}

/// Installs all that is missing.
pub(crate) fn everything(workspace: &Workspace) -> Result<()> {
    debian_packages(workspace, &["build", "tests", "browser", "windows"])?;
    cargo_programs(workspace, GATES)?;
    npm_packages(workspace)
}

fn needs(workspace: &Workspace) -> Result<Needs> {
    let path = workspace.path("xtask/tools.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("parse {}", path.display()))
}

/// Installs the Debian packages of the named groups that are missing. On another system it says which programs are wanted.
pub(crate) fn debian_packages(workspace: &Workspace, groups: &[&str]) -> Result<()> {
    let needs = needs(workspace)?;
    let wanted: Vec<&String> = groups
        .iter()
        .map(|group| {
            needs
                .debian
                .get(*group)
                .with_context(|| format!("no group \"{group}\" in xtask/tools.toml"))
        })
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect();
    let missing: Vec<&String> = wanted
        .into_iter()
        .filter(|package| !is_installed(package))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!(
        "installing {}",
        missing
            .iter()
            .map(|name| name.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    );
    process::run(&mut apt_get(&["update"]))?;
    let install = [&["install", "--yes", "--no-install-recommends"][..]].concat();
    let mut command = apt_get(&install);
    command.args(missing);
    if process::run(&mut command).is_err() {
        // An installation that was interrupted earlier leaves packages half configured; apt refuses until they are mended.
        process::run(&mut apt_get(&[
            "--fix-broken",
            "install",
            "--yes",
            "--no-install-recommends",
        ]))?;
        process::run(&mut command)?;
    }
    Ok(())
}

fn is_installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|output| output.stdout == b"installed")
}

fn apt_get(arguments: &[&str]) -> Command {
    let root =
        process::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim_ascii() == b"0");
    let mut command = if root {
        Command::new("apt-get")
    } else {
        let mut command = Command::new("sudo");
        command.args(["--preserve-env=DEBIAN_FRONTEND", "apt-get"]);
        command
    };
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["--quiet", "--option", "DPkg::Lock::Timeout=900"])
        .args(arguments);
    command
}

/// Installs those of the named cargo programs that are missing, in a profile that compiles quickly.
pub(crate) fn cargo_programs(workspace: &Workspace, names: &[&str]) -> Result<()> {
    let build = tools_folder(workspace).join("build");
    let needs = needs(workspace)?;
    for name in names {
        let program = needs.cargo_program(name)?;
        let home = tool_home(workspace, name, &program.version);
        if home.join("bin").join(name).exists() {
            continue;
        }
        println!("installing {name} {}", program.version);
        let mut command = workspace.cargo();
        command
            .args([
                "install",
                "--quiet",
                "--locked",
                "--debug",
                "--no-default-features",
            ])
            .arg("--features")
            .arg(program.features.join(","))
            .arg("--root")
            .arg(&home)
            .arg("--target-dir")
            .arg(&build)
            .arg(format!("{name}@{}", program.version))
            .env("CARGO_PROFILE_DEV_DEBUG", "0");
        process::run(&mut command)?;
    }
    if build.exists() {
        fs::remove_dir_all(&build).with_context(|| format!("remove {}", build.display()))?;
    }
    Ok(())
}

/// Where pinned cargo programs live: `HOLDFAST_TOOLS`, else the user's cache, so that checkouts share them.
fn tools_folder(workspace: &Workspace) -> PathBuf {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    variable("HOLDFAST_TOOLS")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("holdfast-tools")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/holdfast-tools")))
        .unwrap_or_else(|| workspace.path(".tools"))
}

fn tool_home(workspace: &Workspace, name: &str, version: &str) -> PathBuf {
    tools_folder(workspace).join(format!("{name}-{version}"))
}

/// A pinned cargo program, as a command in the root of the checkout.
pub(crate) fn cargo_program(workspace: &Workspace, name: &str) -> Result<Command> {
    let needs = needs(workspace)?;
    let program = needs.cargo_program(name)?;
    Ok(workspace.command(
        tool_home(workspace, name, &program.version)
            .join("bin")
            .join(name),
    ))
}

/// Installs the packages of the web client from its lock file, unless they are those of that very file.
pub(crate) fn npm_packages(workspace: &Workspace) -> Result<()> {
    let web = workspace.path("web");
    let stamp = web.join("node_modules/.package-lock.stamp");
    let lock_file = web.join("package-lock.json");
    let lock = fs::read(&lock_file).with_context(|| format!("read {}", lock_file.display()))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    process::run(workspace.command("npm").arg("ci").current_dir(&web))?;
    fs::write(&stamp, lock).with_context(|| format!("write {}", stamp.display()))
}
