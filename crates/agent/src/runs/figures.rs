//! Progress figures and what follows from them. No input or output here.

use std::time::Duration;

use holdfast_protocol::agent::RunUpdate;

/// What an engine knows about its progress at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Bytes to handle; `None` until they are counted, constant afterwards.
    pub bytes_total: Option<u64>,
    /// Files to handle; likewise.
    pub files_total: Option<u64>,
    /// Backup: bytes read or known to be unchanged. Restore: bytes written.
    pub bytes_handled: u64,
    /// Backup: bytes that reached the storage. Restore: bytes written.
    pub bytes_transferred: u64,
    /// Files done.
    pub files_done: u64,
    /// Folders done.
    pub dirs_done: u64,
    /// Items that failed so far.
    pub errors: u64,
    /// What is being worked on.
    pub current_item: String,
}

/// Keeps figures from falling and derives percentage, speed and rest of time.
#[derive(Debug, Default)]
pub struct Meter {
    shown: Figures,
}

impl Meter {
    /// Takes a new reading. Counters keep their highest value, totals their first one.
    pub fn observe(&mut self, new: Figures) -> &Figures {
        let shown = &mut self.shown;
        shown.bytes_total = shown.bytes_total.or(new.bytes_total);
        shown.files_total = shown.files_total.or(new.files_total);
        shown.bytes_handled = shown.bytes_handled.max(new.bytes_handled);
        shown.bytes_transferred = shown.bytes_transferred.max(new.bytes_transferred);
        shown.files_done = shown.files_done.max(new.files_done);
        shown.dirs_done = shown.dirs_done.max(new.dirs_done);
        shown.errors = shown.errors.max(new.errors);
        shown.current_item = new.current_item;
        shown
    }

    /// The present figures.
    pub fn figures(&self) -> &Figures {
        &self.shown
    }

    /// Writes the figures into an update. `elapsed` is the time since the work on bytes began.
    pub fn fill(&self, update: &mut RunUpdate, elapsed: Duration, is_restore: bool) {
        let figures = &self.shown;
        update.bytes_total = figures.bytes_total;
        update.objects_total = figures.files_total;
        update.objects_transferred = Some(figures.files_done);
        update.bytes_transferred = Some(figures.bytes_transferred);
        if !is_restore {
            update.bytes_processed = Some(figures.bytes_handled);
        }
        update.progress_pct = self.percent();
        let speed = self.speed(elapsed);
        update.speed_bytes_per_sec = speed;
        update.eta_seconds = match (figures.bytes_total, speed) {
            (Some(total), Some(speed)) if speed > 0 => {
                Some(total.saturating_sub(figures.bytes_handled).div_ceil(speed))
            }
            _ => None,
        };
        if !figures.current_item.is_empty() {
            update.current_item = Some(figures.current_item.clone());
        }
    }

    /// Percent done, `None` while the total is unknown or zero.
    pub fn percent(&self) -> Option<f64> {
        let total = self.shown.bytes_total.filter(|total| *total > 0)?;
        Some((self.shown.bytes_handled as f64 / total as f64 * 100.0).min(100.0))
    }

    /// Bytes handled per second, `None` in the first tenth of a second.
    pub fn speed(&self, elapsed: Duration) -> Option<u64> {
        let seconds = elapsed.as_secs_f64();
        (seconds >= 0.1).then(|| (self.shown.bytes_handled as f64 / seconds) as u64)
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::agent::{Attempt, RunId};
    use proptest::prelude::*;

    use super::*;

    fn filled(figures: Figures, elapsed: u64, is_restore: bool) -> RunUpdate {
        let mut meter = Meter::default();
        meter.observe(figures);
        let mut update = RunUpdate::heartbeat(RunId(1), Attempt(1), 1);
        meter.fill(&mut update, Duration::from_secs(elapsed), is_restore);
        update
    }

    // Requirements: AGT-19, PRG-3, PRG-4, PRG-9
    #[test]
    fn figures_of_a_backup() {
        let figures = Figures {
            bytes_total: Some(1000),
            files_total: Some(4),
            bytes_handled: 250,
            bytes_transferred: 0,
            files_done: 1,
            ..Figures::default()
        };
        let update = filled(figures, 5, false);
        assert_eq!(update.progress_pct, Some(25.0));
        assert_eq!(
            (
                update.bytes_processed,
                update.bytes_transferred,
                update.bytes_total
            ),
            (Some(250), Some(0), Some(1000))
        );
        assert_eq!(
            (update.speed_bytes_per_sec, update.eta_seconds),
            (Some(50), Some(15))
        );
        assert_eq!(
            (update.objects_transferred, update.objects_total),
            (Some(1), Some(4))
        );
    }

    // Requirements: PRG-3, PRG-15
    #[test]
    fn a_restore_sends_no_processed_bytes() {
        let figures = Figures {
            bytes_total: Some(10),
            bytes_handled: 10,
            bytes_transferred: 10,
            ..Figures::default()
        };
        let update = filled(figures, 1, true);
        assert_eq!(
            (
                update.bytes_processed,
                update.bytes_transferred,
                update.progress_pct
            ),
            (None, Some(10), Some(100.0))
        );
    }

    // Requirements: PRG-14
    #[test]
    fn nothing_is_divided_by_zero() {
        let empty = filled(
            Figures {
                bytes_total: Some(0),
                ..Figures::default()
            },
            0,
            false,
        );
        assert_eq!(
            (
                empty.progress_pct,
                empty.speed_bytes_per_sec,
                empty.eta_seconds
            ),
            (None, None, None)
        );
        let unknown = filled(
            Figures {
                bytes_handled: 5,
                ..Figures::default()
            },
            1,
            false,
        );
        assert_eq!(
            (
                unknown.progress_pct,
                unknown.eta_seconds,
                unknown.speed_bytes_per_sec
            ),
            (None, None, Some(5))
        );
        let grown = filled(
            Figures {
                bytes_total: Some(5),
                bytes_handled: 50,
                ..Figures::default()
            },
            1,
            false,
        );
        assert_eq!(
            (grown.progress_pct, grown.eta_seconds),
            (Some(100.0), Some(0))
        );
    }

    proptest! {
        #[test]
        fn counters_never_fall_and_totals_stay(readings in prop::collection::vec((any::<u32>(), any::<u32>(), prop::option::of(any::<u32>())), 1..20)) {
            let mut meter = Meter::default();
            let mut before = Figures::default();
            for (handled, sent, total) in readings {
                let reading = Figures { bytes_handled: handled.into(), bytes_transferred: sent.into(), bytes_total: total.map(u64::from), ..Figures::default() };
                let now = meter.observe(reading).clone();
                prop_assert!(now.bytes_handled >= before.bytes_handled && now.bytes_transferred >= before.bytes_transferred);
                prop_assert!(before.bytes_total.is_none() || before.bytes_total == now.bytes_total);
                before = now;
            }
        }
    }
}
