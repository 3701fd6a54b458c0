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
        let stop = Cancel::new();
        let painter = console.shows_progress().then(|| {
            let (progress, stop) = (Arc::clone(progress), stop.clone());
            thread::spawn(move || paint(verb, &progress, &stop))
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

fn paint(verb: &'static str, progress: &Progress, stop: &Cancel) {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(verb);
    while !stop.wait_timeout(PERIOD) {
        bar.set_message(message(progress));
        bar.tick();
    }
    bar.finish_and_clear();
}

fn message(progress: &Progress) -> String {
    let (done, files) = (progress.bytes_processed(), progress.files_done());
    let share = match progress.bytes_total() {
        Some(total) if total > 0 => format!(
            "{}% of {}",
            done.min(total) * 100 / total,
            HumanBytes(total)
        ),
        _ => HumanBytes(done).to_string(),
    };
    let errors = match progress.errors() {
        0 => String::new(),
        count => format!(", {count} errors"),
    };
    format!(
        "{share}, {files} files{errors}  {}",
        progress.current_item()
    )
}
