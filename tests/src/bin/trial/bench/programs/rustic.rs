//! rustic, with the compression that the row asks for.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Compression, Program};
use crate::bench::measure::Measured;
use crate::programs::PASSWORD;

pub(super) struct Rustic {
    program: PathBuf,
    home: PathBuf,
}

impl Rustic {
    pub(super) fn new(program: &Path, home: &Path) -> Self {
        Self {
            program: program.to_path_buf(),
            home: home.join("rustic"),
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["--log-level", "error", "--no-progress"])
            .args(words)
            .env("RUSTIC_PASSWORD", PASSWORD)
            .env("RUSTIC_REPOSITORY", self.home.join("repository"))
            .env("RUSTIC_CACHE_DIR", self.home.join("cache"));
        command
    }
}

impl Program for Rustic {
    fn name(&self) -> &'static str {
        "rustic"
    }

    fn create_repository(&self, compression: Compression) -> Vec<Command> {
        let level = match compression {
            Compression::Off => "0",
            Compression::Zstd => "3",
        };
        vec![self.command(&["init", "--set-compression", level])]
    }

    fn snapshot(&self, source: &Path, _: Compression) -> Command {
        let mut command = self.command(&["backup"]);
        command.arg(source);
        command
    }

    fn restore(&self, _: &Measured, target: &Path) -> Result<Command> {
        let mut command = self.command(&["restore", "latest"]);
        command.arg(target);
        Ok(command)
    }

    fn verify(&self) -> Command {
        self.command(&["check", "--read-data"])
    }
}
