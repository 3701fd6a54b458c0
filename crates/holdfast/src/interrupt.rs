//! Ctrl-C: the first one asks the work to stop cleanly, the second one ends the program at once.

use std::io::IsTerminal;
use std::thread;

use anyhow::{Context, Result};
use holdfast_host::Cancel;

/// The exit code of a program that an interrupt ended, as shells expect it.
const INTERRUPTED: i32 = 130;

/// Starts listening and returns the request that the first Ctrl-C (or SIGTERM) raises.
pub(crate) fn listen() -> Result<Cancel> {
    let cancel = Cancel::new();
    let raised = cancel.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("start listening for Ctrl-C")?;
    thread::Builder::new()
        .name("interrupt".to_owned())
        .spawn(move || {
            runtime.block_on(async move {
                if wait().await.is_err() {
                    return;
                }
                raised.cancel();
                // Only for a person: a program expects nothing but the problem document here.
                if std::io::stderr().is_terminal() {
                    eprintln!("stopping (press Ctrl-C again to stop at once)");
                }
                if wait().await.is_ok() {
                    std::process::exit(INTERRUPTED);
                }
            });
        })
        .context("start listening for Ctrl-C")?;
    Ok(cancel)
}

#[cfg(unix)]
async fn wait() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn wait() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
