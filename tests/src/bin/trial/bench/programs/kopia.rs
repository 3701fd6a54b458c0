//! Stock Kopia.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Compression, Program};
use crate::bench::measure::Measured;
use crate::programs::PASSWORD;

pub(super) struct Kopia {
    program: PathBuf,
    home: PathBuf,
}

impl Kopia {
    pub(super) fn new(program: &Path, home: &Path) -> Self {
        Self {
            program: program.to_path_buf(),
            home: home.join("kopia"),
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .arg(format!(
                "--config-file={}",
                self.home.join("repository.config").display()
            ))
            .arg(format!("--log-dir={}", self.home.join("logs").display()))
            .arg("--no-progress")
            .env("KOPIA_PASSWORD", PASSWORD)
            .env("KOPIA_CHECK_FOR_UPDATES", "false");
        command
    }
}

impl Program for Kopia {
    fn name(&self) -> &'static str {
        "kopia"
    }

    fn create_repository(&self, compression: Compression) -> Vec<Command> {
        let mut create = self.command(&["repository", "create", "filesystem", "--no-use-keyring"]);
        create
            .arg(format!("--path={}", self.home.join("repository").display()))
            .arg(format!(
                "--cache-directory={}",
                self.home.join("cache").display()
            ));
        let mut commands = vec![create];
        if compression == Compression::Zstd {
            commands.push(self.command(&["policy", "set", "--global", "--compression=zstd"]));
        }
        commands
    }

    fn snapshot(&self, source: &Path, _: Compression) -> Command {
        let mut command = self.command(&["snapshot", "create", "--json"]);
        command.arg(source);
        command
    }

    fn restore(&self, snapshot: &Measured, target: &Path) -> Result<Command> {
        let mut command = self.command(&["snapshot", "restore", &snapshot.field("/id")?]);
        command.arg(target);
        Ok(command)
    }

    fn verify(&self) -> Command {
        self.command(&["snapshot", "verify", "--verify-files-percent=100"])
    }
}
