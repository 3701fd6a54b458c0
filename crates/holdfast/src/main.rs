//! The `holdfast` program: snapshots in a repository from the command line, and the server.

mod arguments;
mod commands;
mod console;
mod failure;
mod interrupt;
mod outcome;
mod password;
mod progress;
mod repository;

use std::process::ExitCode;

use clap::Parser;
use holdfast_host::memory::HugePageAllocator;

use crate::arguments::Arguments;
use crate::console::Console;
use crate::failure::UsageError;
use crate::outcome::Outcome;

#[global_allocator]
static ALLOCATOR: HugePageAllocator = HugePageAllocator;

fn main() -> ExitCode {
    holdfast_host::install_crypto_provider();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return failure::usage(&error),
    };
    let console = Console::new(arguments.json);
    match run(arguments, &console) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            console.failure(&error);
            Outcome::of_error(&error).into()
        }
    }
}

fn run(arguments: Arguments, console: &Console) -> anyhow::Result<Outcome> {
    if arguments.early.are_given() && !arguments.command.works_on_a_repository() {
        return Err(UsageError::new(
            "this command takes neither --repo nor --password-file: it works on no repository",
        )
        .into());
    }
    commands::run(arguments.command, console)
}
