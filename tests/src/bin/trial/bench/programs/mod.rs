//! The programs that are measured: ours, and the others that are found on this machine.

mod borg;
mod holdfast;
mod kopia;
mod restic;
mod rustic;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use clap::Args;

pub(super) use self::holdfast::Holdfast;
use super::measure::Measured;

/// How the data of a repository are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// Not at all.
    Off,
    /// By zstd at each program's usual level.
    Zstd,
}

/// A backup program with one repository, below a folder that it is given.
pub(super) trait Program {
    /// Its name in the table.
    fn name(&self) -> &'static str;
    /// What makes an empty repository.
    fn create_repository(&self, compression: Compression) -> Vec<Command>;
    /// What backs up a folder.
    fn snapshot(&self, source: &Path, compression: Compression) -> Command;
    /// What restores a snapshot into a folder that does not exist yet; `snapshot` is what its making printed.
    ///
    /// # Errors
    /// The output does not name the snapshot.
    fn restore(&self, snapshot: &Measured, target: &Path) -> Result<Command>;
    /// What reads and checks all data of the repository.
    fn verify(&self) -> Command;
}

/// The programs to compare with; each is left out where it is not there.
#[derive(Args)]
pub(super) struct Others {
    /// A stock Kopia program.
    #[arg(long, env = "HOLDFAST_STOCK_KOPIA")]
    kopia: Option<PathBuf>,
    /// A restic program; without it the one on the path.
    #[arg(long, env = "HOLDFAST_RESTIC")]
    restic: Option<PathBuf>,
    /// A rustic program.
    #[arg(long, env = "HOLDFAST_RUSTIC")]
    rustic: Option<PathBuf>,
    /// A Borg program; without it the one on the path.
    #[arg(long, env = "HOLDFAST_BORG")]
    borg: Option<PathBuf>,
    /// Measures `cp -a` and ours alone.
    #[arg(long)]
    alone: bool,
}

impl Others {
    /// Those that are there, with their files below `home`.
    pub(super) fn found(&self, home: &Path) -> Vec<Box<dyn Program>> {
        let mut found: Vec<Box<dyn Program>> = Vec::new();
        if self.alone {
            return found;
        }
        if let Some(program) = &self.kopia {
            found.push(Box::new(kopia::Kopia::new(program, home)));
        }
        if let Some(program) = self.restic.clone().or_else(|| on_path("restic")) {
            found.push(Box::new(restic::Restic::new(program, home)));
        }
        if let Some(program) = &self.rustic {
            found.push(Box::new(rustic::Rustic::new(program, home)));
        }
        if let Some(program) = self.borg.clone().or_else(|| on_path("borg")) {
            found.push(Box::new(borg::Borg::new(program, home)));
        }
        found
    }

    /// What the table says about those that are not there.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let names: Vec<_> = self
            .found(Path::new("/"))
            .iter()
            .map(|program| program.name())
            .collect();
        ["kopia", "restic", "rustic", "borg"]
            .into_iter()
            .filter(|name| !names.contains(name))
            .collect()
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}
