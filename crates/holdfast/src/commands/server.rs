//! `holdfast server`: serves until it is asked to end.

use std::io::Read;
use std::thread;

use anyhow::{Context, Result};
use holdfast_host::Cancel;
use holdfast_server::ServerOptions;

use crate::arguments::ServerArguments;
use crate::interrupt;
use crate::outcome::Outcome;

pub(super) fn serve(arguments: &ServerArguments) -> Result<Outcome> {
    holdfast_agent::logging::start(false, None)?;
    let shutdown = interrupt::listen()?;
    if arguments.end_with_input {
        end_with_input(&shutdown)?;
    }
    let options =
        ServerOptions::from_environment(arguments.data.clone(), arguments.listen, shutdown)?;
    holdfast_server::run(options)?;
    Ok(Outcome::Done)
}

/// Raises the request when standard input ends: so a child ends with its parent, however that one ended.
pub(super) fn end_with_input(shutdown: &Cancel) -> Result<()> {
    let shutdown = shutdown.clone();
    thread::Builder::new()
        .name("parent".to_owned())
        .spawn(move || {
            let mut rest = Vec::new();
            // An input that cannot be read has ended as well.
            let _ = std::io::stdin().lock().read_to_end(&mut rest);
            shutdown.cancel();
        })
        .context("watch standard input")?;
    Ok(())
}
