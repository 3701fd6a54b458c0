//! What the program prints: one JSON document or text on standard output, failures and progress on standard error.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::failure::problem;

const AS_JSON: &str = "write the result as JSON";
const TO_OUTPUT: &str = "write to standard output";

/// Results that are printed piece by piece are written in portions of this size, in bytes.
const OUTPUT_BUFFER: usize = 64 << 10;

/// Where and in which form results go.
pub(crate) struct Console {
    json: bool,
}

impl Console {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether results are printed as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
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
            .context(TO_OUTPUT)
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
            serde_json::to_string_pretty(document).context(AS_JSON)?
        } else {
            text()
        };
        if !printed.is_empty() && !printed.ends_with('\n') {
            printed.push('\n');
        }
        Ok(printed)
    }

    /// Starts a result that may be longer than memory: an array of documents with `--json`, else their texts one after
    /// another.
    pub(crate) fn listing(&self) -> Listing {
        Listing {
            json: self.json.then_some(Frame {
                before: "[".to_owned(),
                after: "]",
            }),
            output: BufWriter::with_capacity(OUTPUT_BUFFER, Output(io::stdout().lock())),
            started: false,
        }
    }

    /// As [`Self::listing`], but with `--json` the array is the member `name` of an object that begins with the members
    /// of `head`, which must have some.
    pub(crate) fn listing_in<T: Serialize>(&self, head: &T, name: &str) -> Result<Listing> {
        let mut listing = self.listing();
        if let Some(frame) = &mut listing.json {
            let mut head = serde_json::to_string(head).context(AS_JSON)?;
            head.pop();
            *frame = Frame {
                before: format!("{head},\"{name}\":["),
                after: "]",
            };
        }
        Ok(listing)
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

/// A result that is printed while it is made, entry by entry.
pub(crate) struct Listing {
    /// What stands around the entries with `--json`.
    json: Option<Frame>,
    output: BufWriter<Output>,
    /// Whether there was an entry.
    started: bool,
}

/// Standard output that says what it is when it fails.
struct Output(StdoutLock<'static>);

fn to_output(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{TO_OUTPUT}: {error}"))
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(to_output)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(to_output)
    }
}

struct Frame {
    before: String,
    after: &'static str,
}

impl Listing {
    /// Prints text that only people get.
    pub(crate) fn text(&mut self, text: impl FnOnce() -> String) -> io::Result<()> {
        match self.json {
            Some(_) => Ok(()),
            None => self.output.write_all(text().as_bytes()),
        }
    }

    /// Prints one entry: the document with `--json`, each on a line of its own, else the text that `text` makes, with
    /// its own line ends.
    pub(crate) fn entry<T: Serialize>(
        &mut self,
        document: &T,
        text: impl FnOnce() -> String,
    ) -> io::Result<()> {
        let Some(frame) = &self.json else {
            return self.output.write_all(text().as_bytes());
        };
        let separator = match self.started {
            true => ",",
            false => &frame.before,
        };
        self.output.write_all(separator.as_bytes())?;
        self.output.write_all(b"\n")?;
        self.started = true;
        Ok(serde_json::to_writer(&mut self.output, document)?)
    }

    /// Ends the result.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.end()?;
        self.text_or_json("", "\n")
    }

    /// Ends the result with what is known only now: with `--json` the members of `tail`, which must have some, else the
    /// text.
    pub(crate) fn finish_with<T: Serialize>(mut self, tail: &T, text: &str) -> io::Result<()> {
        self.end()?;
        let tail = serde_json::to_string(tail)?;
        let members = tail.strip_prefix('{').unwrap_or(&tail);
        self.text_or_json(text, &format!(",{members}\n"))
    }

    fn text_or_json(&mut self, text: &str, json: &str) -> io::Result<()> {
        let rest = if self.json.is_some() { json } else { text };
        self.output.write_all(rest.as_bytes())?;
        self.output.flush()
    }

    /// Closes the array, which is opened first when there was no entry.
    fn end(&mut self) -> io::Result<()> {
        let Some(frame) = &self.json else {
            return Ok(());
        };
        let opening = match self.started {
            true => "\n",
            false => &frame.before,
        };
        self.output.write_all(opening.as_bytes())?;
        self.output.write_all(frame.after.as_bytes())
    }
}
