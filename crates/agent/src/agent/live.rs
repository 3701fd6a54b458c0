//! What the agent has in hand at this moment. No input or output here.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_protocol::agent::{Attempt, CommandId, RunId, RunningRun};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::runs::{RunHandle, Taken};

/// Runs and commands in hand.
#[derive(Default)]
pub(super) struct Live {
    runs: BTreeMap<RunId, LiveRun>,
    /// Runs that have ended and whose report is being delivered. They take no slot.
    reports: BTreeMap<RunId, Report>,
    commands: BTreeMap<CommandId, ()>,
    /// Commands that were reported a moment ago.
    recent: HashMap<CommandId, Instant>,
}

struct LiveRun {
    handle: Arc<RunHandle>,
    takes_slot: bool,
}

struct Report {
    attempt: Attempt,
    /// Under which identity the server knows the run.
    taken: Taken,
    /// Stops the delivery.
    stop: CancellationToken,
}

impl Live {
    pub(super) fn begin(&mut self, handle: Arc<RunHandle>, takes_slot: bool) {
        self.runs
            .insert(handle.run_id, LiveRun { handle, takes_slot });
    }

    pub(super) fn end(&mut self, run: RunId) {
        self.runs.remove(&run);
    }

    pub(super) fn find(&self, run: RunId) -> Option<Arc<RunHandle>> {
        let is_wanted = |live: &&LiveRun| {
            let known = live.handle.running();
            known.is_some_and(|known| known.run_id == run)
        };
        let live = self.runs.get(&run);
        let live = live.or_else(|| self.runs.values().find(is_wanted));
        live.map(|live| live.handle.clone())
    }

    /// Whether a backup of a job is in hand.
    pub(super) fn has_job(&self, job: Uuid) -> bool {
        self.runs.values().any(|live| live.handle.job == Some(job))
    }

    pub(super) fn abandon_all(&self) {
        self.runs.values().for_each(|live| live.handle.abandon());
    }

    /// Runs in hand, those that only wait for their report to be accepted among them.
    pub(super) fn running(&self) -> Vec<RunningRun> {
        let reports = self.reports.values();
        let reports = reports.filter_map(|report| report.taken.get().copied());
        // The server does not know the others.
        let runs = self.runs.values();
        let runs = runs.filter_map(|live| live.handle.running());
        runs.chain(reports).collect()
    }

    /// How many reports are being delivered.
    pub(super) fn reports(&self) -> usize {
        self.reports.len()
    }

    /// Whether the report of this very claim is being delivered.
    pub(super) fn is_reporting(&self, claim: RunningRun) -> bool {
        let mut reports = self.reports.values();
        reports.any(|report| report.taken.get() == Some(&claim))
    }

    pub(super) fn free_slots(&self, max_runs: u32) -> u32 {
        let taken = self.runs.values().filter(|live| live.takes_slot).count();
        max_runs.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    /// Enters a report; one for an older claim of the same run is stopped.
    pub(super) fn begin_report(
        &mut self,
        run: RunId,
        attempt: Attempt,
        taken: Taken,
        stop: CancellationToken,
    ) {
        let report = Report {
            attempt,
            taken,
            stop,
        };
        if let Some(before) = self.reports.insert(run, report) {
            before.stop.cancel();
        }
    }

    /// The report was settled, unless another claim's has taken its place.
    pub(super) fn end_report(&mut self, run: RunId, attempt: Attempt) {
        if self
            .reports
            .get(&run)
            .is_some_and(|present| present.attempt == attempt)
        {
            self.reports.remove(&run);
        }
    }

    pub(super) fn commands(&self) -> Vec<CommandId> {
        self.commands.keys().copied().collect()
    }

    /// Takes a command unless it is in hand.
    pub(super) fn take_command(&mut self, command: CommandId) -> bool {
        self.commands.insert(command, ()).is_none()
    }

    pub(super) fn end_command(&mut self, command: CommandId, late_delivery: Duration) {
        self.commands.remove(&command);
        self.recent
            .retain(|_, reported| reported.elapsed() < late_delivery);
        self.recent.insert(command, Instant::now());
    }

    /// Whether a command was reported so lately that a delivery of it is an answer that was under way.
    pub(super) fn reported_lately(&self, command: CommandId, late_delivery: Duration) -> bool {
        self.recent
            .get(&command)
            .is_some_and(|reported| reported.elapsed() < late_delivery)
    }
}
