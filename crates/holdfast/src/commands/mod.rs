//! What each command does.

mod administer;
mod connect;
mod content;
mod create;
mod expire;
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
        Command::Repo(RepoCommand::Connect(arguments)) => connect::run(&arguments, console),
        Command::Snapshot(SnapshotCommand::Create(arguments)) => create::run(arguments, console),
        Command::Snapshot(SnapshotCommand::List(arguments)) => list::run(&arguments, console),
        Command::Snapshot(SnapshotCommand::Restore(arguments)) => restore::run(arguments, console),
        Command::Snapshot(SnapshotCommand::Verify(arguments)) => verify::run(arguments, console),
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
        Command::Ls(arguments) => content::ls(&arguments, console),
        Command::Cat(arguments) => content::cat(&arguments),
        #[cfg(feature = "server")]
        Command::Server(arguments) => server::serve(&arguments),
        #[cfg(feature = "server")]
        Command::Up(arguments) => up::run(&arguments),
        #[cfg(feature = "server")]
        Command::UpAgent(arguments) => up::agent(&arguments),
    }
}
