//! Being told to stop by the system.

use std::io;

use holdfast_host::Cancel;

/// Raises `shutdown` at the first signal to stop (SIGTERM, SIGINT, Ctrl-C) and ends the process at the second.
///
/// # Errors
/// When the system gives no thread or no signals.
pub fn stop_on_signal(shutdown: Cancel) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let listen = move || {
        runtime.block_on(async {
            if signalled().await.is_err() {
                return;
            }
            tracing::info!("told to stop");
            shutdown.cancel();
            if signalled().await.is_ok() {
                std::process::exit(130);
            }
        });
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(listen)
        .map(drop)
}

#[cfg(unix)]
async fn signalled() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

#[cfg(not(unix))]
async fn signalled() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
