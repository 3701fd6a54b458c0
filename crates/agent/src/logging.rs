//! The agent's log: readable lines with fields, on standard error (systemd's journal) or in a file.

use std::fs::OpenOptions;
use std::path::Path;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// Starts the log. `debug` shows details; `RUST_LOG` overrides both.
pub fn start(debug: bool, file: Option<&Path>) -> Result<()> {
    let level = if debug { "info,holdfast=debug" } else { "info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let writer = match file {
        None => BoxMakeWriter::new(std::io::stderr),
        Some(path) => {
            if let Some(folder) = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty())
            {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("create the folder {}", folder.display()))?;
            }
            let file = OpenOptions::new().create(true).append(true).open(path);
            BoxMakeWriter::new(std::sync::Mutex::new(
                file.with_context(|| format!("open the log {}", path.display()))?,
            ))
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        .with_target(debug)
        .init();
    Ok(())
}
