//! Runs that are started without the server.

use std::sync::Arc;

use holdfast_protocol::agent::{
    Attempt, RunId, RunStatus, RunUpdate, RunWork, ServerApi, failures,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::Agent;
use crate::engines::Assignment;
use crate::failure::Failure;
use crate::offline::{Offline, Start};
use crate::runs::{OfflineApi, RunHandle, RunServices, Taken, append, execute};
use crate::state::{OfflineEntry, Record, RunFinal};

impl Agent {
    /// Starts what is due while the server is away, until the agent stops.
    pub(super) async fn watch_absence(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.services.timing.offline_look) => {}
                () = self.services.stop.cancelled() => return,
            }
            self.look_at_absence().await;
        }
    }

    async fn look_at_absence(self: &Arc<Self>) {
        let (clock, journal) = (&self.services.clock, &self.services.journal);
        let now = clock.now();
        let last_contact = self.last_contact.lock().unwrap_or(self.began);
        if Offline::is_too_old(last_contact, now) {
            self.offline.erase();
            return;
        }
        let started = |job| journal.read(|state| state.newest_offline(job));
        let after = self.services.timing.offline_after;
        if !self
            .offline
            .is_away(clock.monotonic(), after, last_contact, started)
        {
            return;
        }
        for start in self.offline.due(now) {
            self.start_offline(start).await;
        }
    }

    /// Starts a run of a job unless the machine is busy: then it has its turn later. A run of the same job that is at work
    /// lets it pass.
    async fn start_offline(self: &Arc<Self>, start: Start) {
        let job = start.work.job_uuid;
        {
            let live = self.live.lock();
            if live.has_job(job) {
                tracing::info!(job = start.work.job_name, due = %start.occurrence.due, "a run was due and is left out, because the one before is at work");
                drop(live);
                self.offline.started(&start);
                return;
            }
            if live.free_slots(self.max_runs) == 0 {
                return;
            }
        }
        let entry = OfflineEntry {
            run_uuid: Uuid::now_v7(),
            job_uuid: job,
            due_at: start.occurrence.due,
            started_at: self.services.clock.now(),
            taken: None,
        };
        let local = self.services.journal.read(|state| state.next_local());
        // One that is not on record would be started again.
        if let Err(error) = append(&self.services.journal, entry.record(local)).await {
            tracing::error!(
                job = start.work.job_name,
                "the run is not started, because the journal cannot be written: {error:#}"
            );
            return;
        }
        tracing::warn!(job = start.work.job_name, run = %entry.run_uuid, due = %entry.due_at, "the server is away, so this agent starts the run by itself");
        self.offline.started(&start);
        self.run_offline(local, entry, start.work, start.stop);
    }

    /// Executes a run that the server does not know.
    fn run_offline(
        self: &Arc<Self>,
        local: RunId,
        entry: OfflineEntry,
        mut work: RunWork,
        stop: Option<Timestamp>,
    ) {
        work.run_id = local;
        work.run_uuid = entry.run_uuid;
        work.attempt = Attempt(1);
        work.started_at = Some(entry.started_at);
        let assignment = Assignment::Backup(Box::new(work));
        let taken = Taken::default();
        let clock = self.services.clock.clone();
        let handle = Arc::new(RunHandle::offline(&assignment, clock, taken.clone()));
        self.live.lock().begin(handle.clone(), true);
        let services = RunServices {
            api: self.offline_api(local, entry, taken),
            ..self.services.clone()
        };
        let agent = self.clone();
        self.tasks.spawn(async move {
            let run = execute(services, handle.clone(), assignment);
            tokio::pin!(run);
            tokio::select! {
                _ = &mut run => {}
                () = agent.window_ended(stop) => {
                    handle.end_window();
                    run.await;
                }
            }
            agent.end(local).await;
        });
    }

    async fn window_ended(&self, stop: Option<Timestamp>) {
        let Some(stop) = stop else {
            return std::future::pending().await;
        };
        while self.services.clock.now() < stop {
            tokio::time::sleep(self.services.timing.offline_look).await;
        }
    }

    fn offline_api(&self, local: RunId, entry: OfflineEntry, taken: Taken) -> Arc<dyn ServerApi> {
        Arc::new(OfflineApi {
            inner: self.services.api.clone(),
            journal: self.services.journal.clone(),
            clock: self.services.clock.clone(),
            instance: self.instance,
            local,
            entry,
            taken,
            bell: self.slot_freed.clone(),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// Takes up what an earlier process started without the server.
    pub(super) fn recover_offline(self: &Arc<Self>, local: RunId, entry: OfflineEntry) {
        let report = self.services.journal.read(|state| {
            let run = state.runs.get(&local)?;
            run.report.clone()
        });
        match (entry.taken, report) {
            (Some(taken), report) => {
                if let Some(report) = report {
                    let report = report.of_run(taken.run_id, taken.attempt);
                    self.spawn_report(taken.run_id, taken.attempt, report);
                }
                // The server knows the run now; one that did not end is handed back.
                let agent = self.clone();
                self.tasks.spawn(async move {
                    let time = agent.services.clock.now();
                    agent.journal(Record::RunReported { id: local, time }).await;
                });
            }
            (None, Some(report)) => self.spawn_offline_report(local, entry, *report),
            (None, None) => match self.offline.work(entry.job_uuid) {
                Some((work, timetable)) => {
                    tracing::info!(run = %entry.run_uuid, "a run that was started without the server is taken up again");
                    let stop = timetable.stop(timetable.at(entry.due_at));
                    self.run_offline(local, entry, work, stop);
                }
                None => {
                    let failure = Failure::of_code(failures::INTERRUPTED);
                    let mut update = RunUpdate::heartbeat(local, Attempt(1), 1);
                    update.status = Some(RunStatus::Failed);
                    update.error_code = Some(failure.code.to_owned());
                    update.error_summary = Some(failure.message);
                    let report = RunFinal::new(Vec::new(), update);
                    self.spawn_offline_report(local, entry, report);
                }
            },
        }
    }

    fn spawn_offline_report(self: &Arc<Self>, local: RunId, entry: OfflineEntry, report: RunFinal) {
        let api = self.offline_api(local, entry, Taken::default());
        self.spawn_report_by(api, local, Attempt(1), report);
    }
}
