//! What each command does.

mod administer;
mod bench;
mod connect;
mod content;
mod copy;
mod coverage;
mod create;
mod diff;
#[cfg(unix)]
mod drive;
mod expire;
mod find;
mod list;
mod maintenance;
mod policy;
mod problems;
mod repair;
mod repo;
mod restore;
#[cfg(feature = "server")]
mod server;
mod source;
mod support;
mod sync;
#[cfg(feature = "server")]
mod up;
mod verify;

use anyhow::Result;

use crate::arguments::{Command, MaintenanceCommand, RepoCommand, SnapshotCommand};
use crate::console::Console;
use crate::outcome::Outcome;

/// Carries out one command.
pub(crate) fn run(command: Command, console: &Console) -> Result<Outcome> {
    match command {
        Command::Repo(RepoCommand::Create(arguments)) => repo::create(&arguments, console),
        Command::Repo(RepoCommand::Status(arguments)) => repo::status(&arguments, console),
        Command::Repo(RepoCommand::Check(arguments)) => repo::check(&arguments, console),
        Command::Repo(RepoCommand::Repair(arguments)) => repair::run(&arguments, console),
        Command::Repo(RepoCommand::ChangePassword(arguments)) => {
            administer::change_password(&arguments, console)
        }
        Command::Repo(RepoCommand::SetParameters(arguments)) => {
            administer::set_parameters(&arguments, console)
        }
        Command::Repo(RepoCommand::SyncTo(arguments)) => sync::run(&arguments, console),
        Command::Repo(RepoCommand::Connect(arguments)) => connect::run(&arguments, console),
        Command::Snapshot(SnapshotCommand::Create(arguments)) => create::run(arguments, console),
        Command::Snapshot(SnapshotCommand::List(arguments)) => list::run(&arguments, console),
        Command::Snapshot(SnapshotCommand::Restore(arguments)) => restore::run(arguments, console),
        Command::Snapshot(SnapshotCommand::Verify(arguments)) => verify::run(arguments, console),
        Command::Snapshot(SnapshotCommand::Diff(arguments)) => diff::run(&arguments, console),
        Command::Snapshot(SnapshotCommand::Delete(arguments)) => list::delete(&arguments, console),
        Command::Snapshot(SnapshotCommand::Expire(arguments)) => expire::run(&arguments, console),
        Command::Snapshot(SnapshotCommand::Pin(arguments)) => list::pin(&arguments, console),
        Command::Policy(command) => policy::run(command, console),
        Command::Maintenance(MaintenanceCommand::Run(arguments)) => {
            maintenance::run(&arguments, console)
        }
        Command::Maintenance(MaintenanceCommand::Status(arguments)) => {
            maintenance::status(&arguments, console)
        }
        Command::Maintenance(MaintenanceCommand::Set(arguments)) => {
            maintenance::set(&arguments, console)
        }
        Command::Find(arguments) => find::run(&arguments, console),
        Command::Copy(arguments) => copy::run(arguments, console),
        Command::Content(command) => support::content(&command, console),
        Command::Blob(command) => support::blob(&command, console),
        Command::Index(command) => support::index(&command, console),
        Command::Manifest(command) => support::manifest(&command, console),
        #[cfg(unix)]
        Command::Drive(command) => drive::run(command, console),
        #[cfg(unix)]
        Command::Mount(arguments) => drive::alias(&arguments, console),
        Command::Ls(arguments) => content::ls(&arguments, console),
        Command::Cat(arguments) => content::cat(&arguments),
        Command::Bench(command) => bench::run(&command, console),
        #[cfg(feature = "server")]
        Command::Server(arguments) => server::serve(&arguments),
        #[cfg(feature = "server")]
        Command::Up(arguments) => up::run(&arguments),
        #[cfg(feature = "server")]
        Command::UpAgent(arguments) => up::agent(&arguments),
    }
}
