//! The same steps by a stock Kopia program.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::programs::PASSWORD;

/// A stock program with its own repository and configuration.
pub(crate) struct Stock {
    program: PathBuf,
    home: PathBuf,
}

impl Stock {
    pub(crate) fn new(program: &Path, place: &Path) -> Self {
        Self {
            program: program.to_path_buf(),
            home: place.join("stock"),
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

    pub(crate) fn create_repository(&self) -> Command {
        let mut command = self.command(&["repository", "create", "filesystem", "--no-use-keyring"]);
        command
            .arg(format!("--path={}", self.home.join("repository").display()))
            .arg(format!(
                "--cache-directory={}",
                self.home.join("cache").display()
            ));
        command
    }

    pub(crate) fn snapshot(&self, source: &Path) -> Command {
        let mut command = self.command(&["snapshot", "create", "--json"]);
        command.arg(source);
        command
    }

    pub(crate) fn restore(&self, id: &str, target: &Path) -> Command {
        let mut command = self.command(&["snapshot", "restore", id]);
        command.arg(target);
        command
    }

    pub(crate) fn verify(&self) -> Command {
        self.command(&["snapshot", "verify", "--verify-files-percent=100"])
    }

    pub(crate) fn remove(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.home)
            .with_context(|| format!("remove {}", self.home.display()))
    }
}
