//! Borg, with the compression that the row asks for.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Compression, Program};
use crate::bench::measure::Measured;
use crate::programs::PASSWORD;

pub(super) struct Borg {
    program: PathBuf,
    home: PathBuf,
}

impl Borg {
    pub(super) fn new(program: PathBuf, home: &Path) -> Self {
        Self {
            program,
            home: home.join("borg"),
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .env("BORG_PASSPHRASE", PASSWORD)
            .env("BORG_REPO", self.home.join("repository"))
            .env("BORG_BASE_DIR", &self.home)
            .env("BORG_EXIT_CODES", "modern");
        command
    }
}

impl Program for Borg {
    fn name(&self) -> &'static str {
        "borg"
    }

    fn create_repository(&self, _: Compression) -> Vec<Command> {
        let mut folder = Command::new("mkdir");
        folder.arg("-p").arg(&self.home);
        vec![
            folder,
            self.command(&["init", "--encryption", "repokey-blake2"]),
        ]
    }

    fn snapshot(&self, source: &Path, compression: Compression) -> Command {
        let compression = match compression {
            Compression::Off => "none",
            Compression::Zstd => "zstd,3",
        };
        let mut command = self.command(&["create", "--json", "--compression", compression]);
        command.arg("::{now:%Y-%m-%dT%H:%M:%S.%f}").arg(source);
        command
    }

    fn restore(&self, snapshot: &Measured, target: &Path) -> Result<Command> {
        // It restores into the current folder.
        std::fs::create_dir_all(target)?;
        let mut command = self.command(&["extract"]);
        command
            .arg(format!("::{}", snapshot.field("/archive/name")?))
            .current_dir(target);
        Ok(command)
    }

    fn verify(&self) -> Command {
        self.command(&["check", "--verify-data"])
    }
}
