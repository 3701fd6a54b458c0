//! Progress for people: one line on standard error, drawn only on a terminal.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use holdfast_host::Cancel;
use holdfast_snapshot::Progress;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::console::Console;

/// How often the line is drawn again.
const PERIOD: Duration = Duration::from_millis(200);

/// Draws a [`Progress`] until it is dropped.
pub(crate) struct Display {
    stop: Cancel,
    painter: Option<JoinHandle<()>>,
}

impl Display {
    /// Starts drawing when a person watches; else it does nothing.
    pub(crate) fn start(console: &Console, verb: &'static str, progress: &Arc<Progress>) -> Self {
        let progress = Arc::clone(progress);
        Self::start_with(console, verb, move || message(&progress))
    }

    /// As [`Self::start`], for work that has other counters: `message` says how far it is.
    pub(crate) fn start_with(
        console: &Console,
        verb: &'static str,
        message: impl Fn() -> String + Send + 'static,
    ) -> Self {
        let stop = Cancel::new();
        let painter = console.shows_progress().then(|| {
            let stop = stop.clone();
            thread::spawn(move || paint(verb, &message, &stop))
        });
        Self { stop, painter }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(painter) = self.painter.take() {
            // A painter that panicked has painted its last; the work itself is not concerned.
            let _ = painter.join();
        }
    }
}

fn paint(verb: &'static str, message: &dyn Fn() -> String, stop: &Cancel) {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(verb);
    while !stop.wait_timeout(PERIOD) {
        bar.set_message(message());
        bar.tick();
    }
    bar.finish_and_clear();
}

fn message(progress: &Progress) -> String {
    let (done, files) = (progress.bytes_processed(), progress.files_done());
    let share = share(done, progress.bytes_total().unwrap_or_default());
    let errors = match progress.errors() {
        0 => String::new(),
        count => format!(", {count} errors"),
    };
    format!(
        "{share}, {files} files{errors}  {}",
        progress.current_item()
    )
}

/// How much of a total is done, in bytes; a total of 0 is not known.
pub(crate) fn share(done: u64, total: u64) -> String {
    match total {
        0 => HumanBytes(done).to_string(),
        _ => format!(
            "{}% of {}",
            done.min(total) * 100 / total,
            HumanBytes(total)
        ),
    }
}
