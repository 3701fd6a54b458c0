//! What is said about entries that cannot be read: each reason once, not for each call.

use std::collections::HashSet;

use parking_lot::Mutex;

/// An entry that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Path below the root of the file system, without `/` at its beginning; empty for the root.
    pub path: String,
    /// Why, with the blob or content concerned.
    pub reason: String,
}

/// Gets each entry that cannot be read, on any thread.
pub type Report = Box<dyn Fn(&Unreadable) + Send + Sync>;

/// So many reports are remembered; then they may repeat themselves.
const REMEMBERED: usize = 4096;

pub(crate) struct Reports {
    report: Report,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    texts: HashSet<(u64, String)>,
    count: u64,
}

impl std::fmt::Debug for Reports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reports").finish_non_exhaustive()
    }
}

impl Reports {
    pub(crate) fn new(report: Report) -> Self {
        Self {
            report,
            told: Mutex::default(),
        }
    }

    /// Reports that a node cannot be read, unless the same was said before.
    pub(crate) fn tell(&self, number: u64, reason: &str, path: impl FnOnce() -> String) {
        let mut told = self.told.lock();
        if told.texts.len() >= REMEMBERED {
            told.texts.clear();
        }
        if !told.texts.insert((number, reason.to_owned())) {
            return;
        }
        told.count += 1;
        drop(told);
        (self.report)(&Unreadable {
            path: path(),
            reason: reason.to_owned(),
        });
    }

    /// How many reports there were.
    pub(crate) fn count(&self) -> u64 {
        self.told.lock().count
    }
}
