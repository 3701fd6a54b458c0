//! Our own program.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Compression, Program};
use crate::bench::measure::Measured;
use crate::programs::PASSWORD;

/// Our program on a repository in a folder or a bucket.
pub(in crate::bench) struct Holdfast {
    program: PathBuf,
    repository: String,
    environment: Vec<(&'static str, String)>,
}

impl Holdfast {
    /// The program on a repository below `home`.
    pub(in crate::bench) fn new(program: &Path, home: &Path) -> Self {
        Self::at(
            program,
            format!("file://{}", home.join("holdfast").display()),
            Vec::new(),
        )
    }

    /// The program on a repository anywhere, with what its environment needs for that.
    pub(in crate::bench) fn at(
        program: &Path,
        repository: String,
        environment: Vec<(&'static str, String)>,
    ) -> Self {
        Self {
            program: program.to_path_buf(),
            repository,
            environment,
        }
    }

    /// The program with these arguments.
    pub(in crate::bench) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("HOLDFAST_PASSWORD", PASSWORD)
            .env("HOLDFAST_REPO", &self.repository)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .args(words);
        command
    }
}

impl Program for Holdfast {
    fn name(&self) -> &'static str {
        "holdfast"
    }

    fn create_repository(&self, compression: Compression) -> Vec<Command> {
        let mut commands = vec![self.command(&["repo", "create", "--json"])];
        if compression == Compression::Zstd {
            commands.push(self.command(&["policy", "set", "--global", "--compression", "zstd"]));
        }
        commands
    }

    fn snapshot(&self, source: &Path, _: Compression) -> Command {
        let mut command = self.command(&["snapshot", "create", "--json"]);
        command.arg(source);
        command
    }

    fn restore(&self, snapshot: &Measured, target: &Path) -> Result<Command> {
        let mut command = self.command(&["snapshot", "restore", "--json"]);
        command.arg(snapshot.field("/id")?).arg(target);
        Ok(command)
    }

    fn verify(&self) -> Command {
        self.command(&["snapshot", "verify", "--json", "--read-data"])
    }
}
