//! Wall time, processor time and peak memory of one child process.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What one step took.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// Seconds on the clock.
    pub(crate) wall: f64,
    /// Seconds of all processors, user and system together.
    pub(crate) cpu: f64,
    /// Peak resident memory in MiB.
    pub(crate) peak_mib: f64,
    /// What the program printed on standard output.
    output: Vec<u8>,
}

impl Measured {
    /// Only a time, in seconds.
    pub(crate) fn of_wall(wall: f64) -> Self {
        Self {
            wall,
            cpu: 0.0,
            peak_mib: 0.0,
            output: Vec::new(),
        }
    }

    /// The JSON document that the program printed.
    pub(crate) fn document(&self) -> Result<Value> {
        serde_json::from_slice(&self.output).context("read the program's JSON")
    }

    /// The last line of what the program printed.
    pub(crate) fn last_line(&self) -> String {
        let end = self.output.trim_ascii_end();
        let start = end.iter().rposition(|byte| *byte == b'\n');
        let line = &end[start.map_or(0, |at| at + 1)..];
        String::from_utf8_lossy(line).into_owned()
    }

    /// A text in the JSON document that the program printed, by its JSON pointer.
    pub(crate) fn field(&self, pointer: &str) -> Result<String> {
        let document = self.document()?;
        let text = document
            .pointer(pointer)
            .and_then(Value::as_str)
            .with_context(|| format!("the program's JSON has no {pointer}"))?;
        Ok(text.to_owned())
    }
}

/// Runs a command under GNU time, which reads the usage of exactly this child when it ends.
pub(crate) fn measure(command: &Command) -> Result<Measured> {
    let usage = tempfile::NamedTempFile::new().context("make a file for the usage")?;
    let mut timed = Command::new("/usr/bin/time");
    timed
        .args(["--quiet", "--format=%U %S %M", "--output"])
        .arg(usage.path());
    timed.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => timed.env(name, value),
            None => timed.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        timed.current_dir(folder);
    }
    let started = Instant::now();
    let output = timed
        .stdin(Stdio::null())
        .output()
        .context("start /usr/bin/time (Debian package time)")?;
    let wall = started.elapsed().as_secs_f64();
    if !output.status.success() {
        bail!(
            "{command:?} ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let text = std::fs::read_to_string(usage.path()).context("read the usage")?;
    let numbers: Vec<f64> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [user, system, kib] = numbers[..] else {
        bail!("/usr/bin/time wrote {text:?}");
    };
    Ok(Measured {
        wall,
        cpu: user + system,
        peak_mib: kib / 1024.0,
        output: output.stdout,
    })
}

/// Touches and releases memory, so that a guest whose free pages went back to its host does not fault them in again
/// while the clock runs: whoever came first would lose seconds to that.
pub(crate) fn touch_memory(bytes: u64) {
    const PART: u64 = 256 << 20;
    let parts: Vec<Vec<u8>> = (0..bytes.div_ceil(PART))
        .map(|_| vec![1; PART as usize])
        .collect();
    std::hint::black_box(&parts);
}
