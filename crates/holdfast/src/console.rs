//! What the program prints: one JSON document or text on standard output, failures and progress on standard error.

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::failure::problem;

/// Where and in which form results go.
pub(crate) struct Console {
    json: bool,
}

impl Console {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a person watches: progress bars are drawn only then.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.json && io::stderr().is_terminal()
    }

    /// Prints a result: the document with `--json`, else the text that `text` makes.
    pub(crate) fn result<T: Serialize>(
        &self,
        document: &T,
        text: impl FnOnce() -> String,
    ) -> Result<()> {
        let printed = self.printed(document, text)?;
        let mut output = io::stdout().lock();
        output
            .write_all(printed.as_bytes())
            .and_then(|()| output.flush())
            .context("write to standard output")
    }

    /// Prints a result on standard error, because standard output has the data.
    pub(crate) fn aside<T: Serialize>(
        &self,
        document: &T,
        text: impl FnOnce() -> String,
    ) -> Result<()> {
        let printed = self.printed(document, text)?;
        io::stderr()
            .write_all(printed.as_bytes())
            .context("write to standard error")
    }

    fn printed<T: Serialize>(&self, document: &T, text: impl FnOnce() -> String) -> Result<String> {
        let mut printed = if self.json {
            serde_json::to_string_pretty(document).context("write the result as JSON")?
        } else {
            text()
        };
        if !printed.is_empty() && !printed.ends_with('\n') {
            printed.push('\n');
        }
        Ok(printed)
    }

    /// Prints why the command failed: the problem document with `--json`, else sentences.
    pub(crate) fn failure(&self, error: &anyhow::Error) {
        let problem = problem(error);
        if self.json {
            let document =
                serde_json::to_string_pretty(&problem).unwrap_or_else(|_| problem.title.clone());
            eprintln!("{document}");
        } else {
            eprintln!(
                "error: {}",
                problem.detail.as_deref().unwrap_or(&problem.title)
            );
            for hint in &problem.hints {
                eprintln!("  {hint}");
            }
        }
    }
}
