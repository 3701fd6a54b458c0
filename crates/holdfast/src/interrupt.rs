//! Ctrl-C: the first one asks the work to stop cleanly, the second one ends the program at once.

use std::io::IsTerminal;
use std::thread;

use anyhow::{Context, Result};
use holdfast_host::Cancel;

/// The exit code of a program that an interrupt ended, as shells expect it.
const INTERRUPTED: i32 = 130;

/// Starts listening and returns the request that the first Ctrl-C (or SIGTERM) raises.
pub(crate) fn listen() -> Result<Cancel> {
    listen_for(Signals { hangup: false })
}

/// As [`listen`], for what must be taken away in any case: the end of the terminal (SIGHUP) counts as well, unless this
/// program was started to outlive it, as `nohup` does.
#[cfg(unix)]
pub(crate) fn listen_also_for_hangup() -> Result<Cancel> {
    listen_for(Signals {
        hangup: !holdfast_host::ignores_hangup(),
    })
}

/// What is listened for beside Ctrl-C and SIGTERM.
#[derive(Clone, Copy)]
struct Signals {
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no others"))]
    hangup: bool,
}

fn listen_for(signals: Signals) -> Result<Cancel> {
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
                if signals.wait().await.is_err() {
                    return;
                }
                raised.cancel();
                // Only for a person: a program expects nothing but the problem document here.
                if std::io::stderr().is_terminal() {
                    eprintln!("stopping (press Ctrl-C again to stop at once)");
                }
                if signals.wait().await.is_ok() {
                    std::process::exit(INTERRUPTED);
                }
            });
        })
        .context("start listening for Ctrl-C")?;
    Ok(cancel)
}

impl Signals {
    #[cfg(unix)]
    async fn wait(self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        // Listening at all takes away what the signal does otherwise.
        let mut hangup = match self.hangup {
            true => Some(signal(SignalKind::hangup())?),
            false => None,
        };
        let hung_up = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminate.recv() => Ok(()),
            _ = hung_up => Ok(()),
        }
    }

    #[cfg(not(unix))]
    async fn wait(self) -> std::io::Result<()> {
        tokio::signal::ctrl_c().await
    }
}
