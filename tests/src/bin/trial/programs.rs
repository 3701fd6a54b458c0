//! Starting the programs under trial.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The password of every repository that a trial makes.
pub(crate) const PASSWORD: &str = "trial password";

/// Runs a command to its end and returns its standard output; standard error goes to the terminal.
pub(crate) fn capture(command: &mut Command) -> Result<Vec<u8>> {
    let described = format!("{command:?}");
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("start {described}"))?;
    if !output.status.success() {
        bail!("{described} ended with {}", output.status);
    }
    Ok(output.stdout)
}
