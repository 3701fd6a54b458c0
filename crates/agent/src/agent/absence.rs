//! Runs that are started without the server.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use holdfast_planning::occurrences::Occurrence;
use holdfast_protocol::agent::{
    Attempt, RunId, RunStatus, RunUpdate, RunWork, RunningRun, failures,
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Agent;
use crate::engines::Assignment;
use crate::failure::Failure;
use crate::offline::{Offline, Start};
use crate::runs::{
    Ended, OfflineApi, RunHandle, RunServices, Taken, append, deliver, execute, record_end,
};
use crate::state::{OfflineEntry, Record, RunFinal};
use crate::timing::Backoff;

/// The one claim of a run that the server does not know.
const FIRST: Attempt = Attempt(1);

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
        let journal = &self.services.journal;
        let steady = self.services.clock.monotonic();
        let server_clock = self.server_clock();
        let last_contact = self.last_contact().server_time;
        self.offline.look(steady);
        if Offline::is_too_old(last_contact, server_clock) {
            self.offline.erase();
            return;
        }
        let settled = |job| journal.read(|state| state.settled_until(job));
        let after = self.services.timing.offline_after;
        if !self.offline.is_away(steady, after, last_contact, settled) {
            return;
        }
        for start in self.offline.due(server_clock, steady) {
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
        let steady = self.services.clock.monotonic();
        if self.has_too_many_untold() || !self.journal_pause.lock().is_over(steady) {
            return;
        }
        let entry = OfflineEntry {
            run_uuid: Uuid::now_v7(),
            job_uuid: job,
            due_at: start.occurrence.due,
            started_at: self.services.clock.now(),
            settings: start.settings.clone().map(Box::new),
            taken: None,
        };
        let local = self.services.journal.read(|state| state.next_local());
        // One that is not on record would be started again.
        if let Err(error) = append(&self.services.journal, entry.record(local)).await {
            let pause = self.services.timing.refused;
            if self.journal_pause.lock().failed(steady, pause) {
                tracing::error!(
                    job = start.work.job_name,
                    "the journal cannot be written, so nothing is started while the server is away until it can; free some space: {error:#}"
                );
            }
            return;
        }
        if self.journal_pause.lock().went_well() {
            tracing::info!("the journal can be written again");
        }
        tracing::warn!(job = start.work.job_name, run = %entry.run_uuid, due = %entry.due_at, "the server is away, so this agent starts the run by itself");
        self.offline.started(&start);
        self.run_offline(local, entry, start.work, start.occurrence, start.stop);
    }

    /// Whether so many runs wait to be told that nothing more is started. The occurrences stay open: the server, or this agent
    /// when it has told some, makes up for the newest.
    fn has_too_many_untold(&self) -> bool {
        let untold = self.services.journal.read(|state| state.offline.len());
        let most = self.services.timing.offline_untold;
        let is_full = untold >= most;
        if self.is_full.swap(is_full, Ordering::SeqCst) != is_full {
            if is_full {
                tracing::error!(
                    untold,
                    "too many runs wait to be told to the server; nothing more is started until it answers"
                );
            } else {
                tracing::info!(untold, "runs are started without the server again");
            }
        }
        is_full
    }

    /// Executes a run that the server does not know.
    fn run_offline(
        self: &Arc<Self>,
        local: RunId,
        entry: OfflineEntry,
        mut work: RunWork,
        occurrence: Occurrence,
        stop: Option<Timestamp>,
    ) {
        work.run_id = local;
        work.run_uuid = entry.run_uuid;
        work.attempt = FIRST;
        work.started_at = Some(entry.started_at);
        let assignment = Assignment::Backup(Box::new(work));
        let taken = Taken::default();
        let clock = self.services.clock.clone();
        let handle = Arc::new(RunHandle::offline(&assignment, clock, taken.clone()));
        self.live.lock().begin(handle.clone(), true);
        let api = self.offline_api(local, entry.clone(), taken);
        let services = RunServices {
            api: api.clone(),
            ..self.services.clone()
        };
        let agent = self.clone();
        self.tasks.spawn(async move {
            let ended = {
                let run = execute(&services, &handle, assignment);
                tokio::pin!(run);
                tokio::select! {
                    ended = &mut run => ended,
                    () = agent.window_ended(stop) => {
                        handle.end_window();
                        run.await
                    }
                }
            };
            match ended {
                Some(ended) => {
                    agent
                        .conclude_offline(api, &handle, ended, occurrence)
                        .await
                }
                None => agent.end(local).await,
            }
        });
    }

    /// A run has ended that the server may not know yet.
    async fn conclude_offline(
        self: &Arc<Self>,
        api: Arc<OfflineApi>,
        handle: &RunHandle,
        ended: Ended,
        occurrence: Occurrence,
    ) {
        let (local, job) = (handle.run_id, api.entry.job_uuid);
        let is_unknown = handle.running().is_none() && !handle.was_ended();
        if is_unknown && ended.is_without_storage() && self.undo(local, job, occurrence).await {
            return self.end(local).await;
        }
        self.offline.went_well(job);
        record_end(&self.services, FIRST, &ended.report).await;
        self.settle_come(job, self.server_clock()).await;
        self.live.lock().end(local);
        self.spawn_tell(api, ended.report);
        self.slot_freed.notify_one();
    }

    /// Takes a run back whose storage could not be reached, as if it had not been started: a machine without network must
    /// not use up the one run that makes up for what was missed.
    async fn undo(&self, local: RunId, job: Uuid, occurrence: Occurrence) -> bool {
        let time = self.services.clock.now();
        let undone = Record::OfflineUndone { id: local, time };
        if let Err(error) = append(&self.services.journal, undone).await {
            tracing::error!("cannot write the journal: {error:#}");
            return false;
        }
        let steady = self.services.clock.monotonic();
        let first = self.services.timing.offline_retry;
        if let Some(pause) = self.offline.undone(job, occurrence, steady, first) {
            tracing::warn!(%job, due = %occurrence.due, pause_seconds = pause.as_secs(), "the storage could not be reached; the run is started again after a pause");
        }
        true
    }

    async fn window_ended(&self, stop: Option<Timestamp>) {
        let Some(stop) = stop else {
            return std::future::pending().await;
        };
        while self.server_clock() < stop {
            tokio::time::sleep(self.services.timing.offline_look).await;
        }
    }

    fn offline_api(&self, local: RunId, entry: OfflineEntry, taken: Taken) -> Arc<OfflineApi> {
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
    pub(super) async fn recover_offline(self: &Arc<Self>, local: RunId, entry: OfflineEntry) {
        let ended = self.services.journal.read(|state| {
            let run = state.runs.get(&local)?;
            Some((run.report.clone()?, run.time))
        });
        match (entry.taken, ended) {
            (Some(taken), ended) => self.recover_taken(local, taken, ended).await,
            (None, Some((report, _))) => {
                let api = self.offline_api(local, entry, Taken::default());
                self.spawn_tell(api, *report);
            }
            (None, None) => match self.offline.work(entry.job_uuid) {
                Some((work, timetable)) => {
                    tracing::info!(run = %entry.run_uuid, "a run that was started without the server is taken up again");
                    let occurrence = timetable.at(entry.due_at);
                    let stop = timetable.stop(occurrence);
                    self.run_offline(local, entry, work, occurrence, stop);
                }
                None => {
                    let failure = Failure::of_code(failures::INTERRUPTED);
                    let mut update = RunUpdate::heartbeat(local, FIRST, 1);
                    update.status = Some(RunStatus::Failed);
                    update.error_code = Some(failure.code.to_owned());
                    update.error_summary = Some(failure.message);
                    let report = RunFinal::new(Vec::new(), update);
                    record_end(&self.services, FIRST, &report).await;
                    let api = self.offline_api(local, entry, Taken::default());
                    self.spawn_tell(api, report);
                }
            },
        }
    }

    /// The server knows the run under a name of its own. What was not reported of it goes on under that; one that did not
    /// end is handed back. The end is dropped under the old name only when it is on record under the new one.
    async fn recover_taken(
        self: &Arc<Self>,
        local: RunId,
        taken: RunningRun,
        ended: Option<(Box<RunFinal>, Timestamp)>,
    ) {
        if let Some((report, time)) = ended {
            let report = report.of_run(taken.run_id, taken.attempt);
            let finished = Record::RunFinished {
                id: taken.run_id,
                attempt: taken.attempt,
                report: Box::new(report.clone()),
                time,
            };
            let recorded = append(&self.services.journal, finished).await;
            self.spawn_report(taken.run_id, taken.attempt, report);
            if let Err(error) = recorded {
                tracing::error!(
                    "cannot write the journal; the end of a run may be told twice: {error:#}"
                );
                return;
            }
        }
        let time = self.services.clock.now();
        self.journal(Record::RunReported { id: local, time }).await;
    }

    /// Tells the server of a run that has ended, when it answers, and reports how.
    fn spawn_tell(self: &Arc<Self>, api: Arc<OfflineApi>, report: RunFinal) {
        let local = api.local;
        let stop = self.services.stop.child_token();
        let taken = api.taken.clone();
        self.live
            .lock()
            .begin_report(local, FIRST, taken, stop.clone());
        let agent = self.clone();
        self.tasks.spawn(async move {
            agent.tell(&api, &stop).await;
            let services = RunServices {
                api,
                ..agent.services.clone()
            };
            deliver(&services, &report, &stop).await;
            agent.live.lock().end_report(local, FIRST);
        });
    }

    /// Lets the server know of a run. Those that wait have their turns one by one, and none of them asks a server that does
    /// not answer; one that it fails on goes behind the others.
    async fn tell(&self, api: &OfflineApi, stop: &CancellationToken) {
        let mut backoff = Backoff::new(&self.services.timing);
        let mut reachable = self.reachable.subscribe();
        loop {
            let told = async {
                let _turn = self.telling.acquire().await.ok()?;
                reachable.wait_for(|reachable| *reachable).await.ok()?;
                api.identity().await.err()
            };
            let error = tokio::select! {
                error = told => error,
                () = stop.cancelled() => return,
            };
            // What else the server says is for the report to deal with.
            if !error.is_some_and(|error| error.is_temporary()) {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.pause()) => {}
                () = stop.cancelled() => return,
            }
        }
    }
}
