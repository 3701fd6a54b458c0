//! restic, with the compression that the row asks for.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Compression, Program};
use crate::bench::measure::Measured;
use crate::programs::PASSWORD;

pub(super) struct Restic {
    program: PathBuf,
    home: PathBuf,
}

impl Restic {
    pub(super) fn new(program: PathBuf, home: &Path) -> Self {
        Self {
            program,
            home: home.join("restic"),
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--quiet")
            .args(words)
            .env("RESTIC_PASSWORD", PASSWORD)
            .env("RESTIC_REPOSITORY", self.home.join("repository"))
            .env("RESTIC_CACHE_DIR", self.home.join("cache"));
        command
    }
}

impl Program for Restic {
    fn name(&self) -> &'static str {
        "restic"
    }

    fn create_repository(&self, _: Compression) -> Vec<Command> {
        vec![self.command(&["init", "--repository-version", "2"])]
    }

    fn snapshot(&self, source: &Path, compression: Compression) -> Command {
        let compression = match compression {
            Compression::Off => "off",
            Compression::Zstd => "auto",
        };
        let mut command = self.command(&["backup", "--compression", compression]);
        command.arg(source);
        command
    }

    fn restore(&self, _: &Measured, target: &Path) -> Result<Command> {
        let mut command = self.command(&["restore", "latest", "--target"]);
        command.arg(target);
        Ok(command)
    }

    fn verify(&self) -> Command {
        self.command(&["check", "--read-data"])
    }
}
