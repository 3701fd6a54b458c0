//! `make demo`: builds the web client and the programs, then runs the demo on them.

use std::path::PathBuf;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{gates, install, process};

/// Runs the demo. `DEMO_SOURCE` names folders to back up (separated as in `PATH`), `DEMO_ONCE=1` stops after the
/// comparison.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    install::debian_packages(workspace, &["build"])?;
    install::npm_packages(workspace)?;
    gates::build_web(workspace)?;
    gates::build(workspace)?;
    let sources: Vec<PathBuf> =
        match std::env::var_os("DEMO_SOURCE").filter(|value| !value.is_empty()) {
            Some(value) => std::env::split_paths(&value).collect(),
            None => vec![workspace.path("crates"), workspace.path("docs")],
        };
    let mut command = workspace.command(workspace.programs().join("trial"));
    command
        .arg("demo")
        .arg("--programs")
        .arg(workspace.programs());
    command.arg("--data").arg(workspace.path("demo-data"));
    for source in sources {
        command.arg("--source").arg(source);
    }
    if std::env::var_os("DEMO_ONCE").is_some_and(|value| value == "1") {
        command.arg("--once");
    }
    process::run(&mut command)
}
