//! One run from its start to the accepted report.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use holdfast_host::{Cancel, Clock};
use holdfast_protocol::agent::text::is_cancellation;
use holdfast_protocol::agent::{
    ApiErrorKind, Attempt, LogLevel, RunId, RunStatus, RunUpdate, RunningRun, ServerApi, events,
    failures,
};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::offline::Taken;
use super::recorder::RunRecorder;
use super::reporter::{Delivery, Reporter, deliver_final};
use crate::engines::{Assignment, Registry, RunContext, RunResult};
use crate::failure::{Failure, WorkError};
use crate::state::{Journal, Record, RunFinal};
use crate::timing::{Backoff, Timing};

/// What runs need from the agent.
#[derive(Clone)]
pub(crate) struct RunServices {
    pub(crate) api: Arc<dyn ServerApi>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) registry: Registry,
    pub(crate) timing: Timing,
    pub(crate) clock: Arc<dyn Clock>,
    /// Raised when the agent stops; runs end without a report and are handed back after the next start.
    pub(crate) stop: CancellationToken,
}

/// Why a run was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum StopReason {
    None = 0,
    Cancelled = 1,
    Abandoned = 2,
    WindowEnded = 3,
}

/// A run in hand, for the loop.
pub(crate) struct RunHandle {
    pub(crate) run_id: RunId,
    pub(crate) attempt: Attempt,
    cancel: Cancel,
    reason: AtomicU8,
    recorder: Arc<RunRecorder>,
    /// The job of a backup.
    pub(crate) job: Option<Uuid>,
    /// Under which identity the server knows the run; not yet for one that was started without it.
    taken: Taken,
}

impl RunHandle {
    pub(crate) fn new(assignment: &Assignment, clock: Arc<dyn Clock>) -> Self {
        let taken = RunningRun {
            run_id: assignment.run_id(),
            attempt: assignment.attempt(),
        };
        Self::offline(assignment, clock, Arc::new(OnceLock::from(taken)))
    }

    /// A run that the server does not know until it has taken it.
    pub(crate) fn offline(assignment: &Assignment, clock: Arc<dyn Clock>, taken: Taken) -> Self {
        let job = match assignment {
            Assignment::Backup(work) => Some(work.job_uuid),
            Assignment::Restore { .. } => None,
        };
        Self {
            run_id: assignment.run_id(),
            attempt: assignment.attempt(),
            cancel: Cancel::new(),
            reason: AtomicU8::new(StopReason::None as u8),
            recorder: Arc::new(RunRecorder::new(clock)),
            job,
            taken,
        }
    }

    /// Where the server's identity of the run will stand.
    pub(crate) fn taken(&self) -> Taken {
        self.taken.clone()
    }

    /// The run as the server knows it.
    pub(crate) fn running(&self) -> Option<RunningRun> {
        self.taken.get().copied()
    }

    /// The time at which the run has to end has come.
    pub(crate) fn end_window(&self) {
        if self.stop_for(StopReason::WindowEnded) {
            tracing::info!(run_id = %self.run_id, "the time window of the run's job has ended, stopping it");
            self.recorder.event(events::WINDOW_ENDED, []);
            self.cancel.cancel();
        }
    }

    /// Somebody asked to cancel the run. Repeated requests change nothing.
    pub(crate) fn request_cancel(&self) {
        if self.stop_for(StopReason::Cancelled) {
            tracing::info!(run_id = %self.run_id, "cancel was requested for the run, stopping it");
            self.recorder.event(events::CANCEL_REQUESTED, []);
            self.cancel.cancel();
        }
    }

    /// The run is not this agent's any more: stop without a report.
    pub(crate) fn abandon(&self) {
        if self.stop_for(StopReason::Abandoned) {
            tracing::warn!(run_id = %self.run_id, attempt = %self.attempt, "the run is not this agent's any more, stopping it without a report");
            self.cancel.cancel();
        }
    }

    fn stop_for(&self, reason: StopReason) -> bool {
        self.reason
            .compare_exchange(
                StopReason::None as u8,
                reason as u8,
                Ordering::SeqCst,
                Ordering::SeqCst,
            )
            .is_ok()
    }

    /// Whether it was told to end, by somebody or by its schedule.
    pub(crate) fn was_ended(&self) -> bool {
        self.was(StopReason::Cancelled) || self.was(StopReason::WindowEnded)
    }

    fn was(&self, reason: StopReason) -> bool {
        self.reason.load(Ordering::SeqCst) == reason as u8
    }
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) result: Result<RunResult, WorkError>,
    /// What the server is to be told of it.
    pub(crate) report: RunFinal,
}

impl Ended {
    /// Whether it reached nothing of its storage, and brought nothing there.
    pub(crate) fn is_without_storage(&self) -> bool {
        let unreachable = |error: &WorkError| match error {
            WorkError::Failed(failure) => failure.code == failures::STORAGE_UNREACHABLE,
            WorkError::Cancelled => false,
        };
        self.report.update.points.is_empty() && ended_by(&self.result).is_some_and(unreachable)
    }
}

/// Executes a run. Answers how it ended, `None` when it was left without a report.
pub(crate) async fn execute(
    services: &RunServices,
    handle: &Arc<RunHandle>,
    assignment: Assignment,
) -> Option<Ended> {
    let (run_id, attempt) = (handle.run_id, handle.attempt);
    let is_restore = assignment.is_restore();
    tracing::info!(%run_id, %attempt, engine = assignment.engine_name(), "the run begins");
    let started = Record::RunStarted {
        id: run_id,
        attempt,
        time: services.clock.now(),
    };
    if let Err(error) = append(&services.journal, started).await {
        tracing::error!(%run_id, "cannot write the journal, the run is executed without it: {error:#}");
    }
    announce(&handle.recorder, &assignment);
    let mut reporter = Reporter::new(
        services.api.clone(),
        handle.recorder.clone(),
        run_id,
        attempt,
        is_restore,
    );
    let result = drive(services, handle, assignment, &mut reporter).await;
    if handle.was(StopReason::Abandoned) {
        settle(services, run_id).await;
        return None;
    }
    if services.stop.is_cancelled()
        && matches!(ended_by(&result), Some(WorkError::Cancelled))
        && !handle.was_ended()
    {
        tracing::info!(%run_id, "the agent stops; the run is taken up again after the next start");
        return None;
    }
    let result = recognise_cancel(result, handle.was_ended());
    handle.recorder.end_stages();
    let mut update = reporter.next_update();
    conclude(&handle.recorder, &mut update, &result, is_restore);
    if handle.was(StopReason::WindowEnded) && update.status == Some(RunStatus::Cancelled) {
        update.error_code = Some(failures::WINDOW_ENDED.to_owned());
    }
    let report = RunFinal::new(handle.recorder.waiting(usize::MAX), update)
        .with_log(handle.recorder.rest_of_log());
    Some(Ended { result, report })
}

/// Journals a final report.
pub(crate) async fn record_end(services: &RunServices, attempt: Attempt, report: &RunFinal) {
    let run_id = report.update.run_id;
    let status = report.update.status.map_or("unknown", RunStatus::as_str);
    let finished = Record::RunFinished {
        id: run_id,
        attempt,
        report: Box::new(report.clone()),
        time: services.clock.now(),
    };
    if let Err(error) = append(&services.journal, finished).await {
        tracing::error!(%run_id, "cannot write the journal; the report of the run is lost if the agent stops now: {error:#}");
    }
    // Only now: whoever reads this may rely on the end not being forgotten.
    tracing::info!(%run_id, %attempt, status, code = report.update.error_code, "the run ended");
}

/// Delivers a report that is on record.
pub(crate) async fn deliver(services: &RunServices, report: &RunFinal, stop: &CancellationToken) {
    if deliver_final(&*services.api, &services.timing, report, stop).await == Delivery::Settled {
        settle(services, report.update.run_id).await;
    }
}

async fn settle(services: &RunServices, run_id: RunId) {
    let reported = Record::RunReported {
        id: run_id,
        time: services.clock.now(),
    };
    if let Err(error) = append(&services.journal, reported).await {
        tracing::error!(%run_id, "cannot write the journal; the report of the run may be sent twice: {error:#}");
    }
}

/// Appends to the journal away from the async threads, because it waits for the disk.
pub(crate) async fn append(journal: &Arc<Journal>, record: Record) -> anyhow::Result<()> {
    let journal = journal.clone();
    tokio::task::spawn_blocking(move || journal.append(&record)).await?
}

fn announce(recorder: &RunRecorder, assignment: &Assignment) {
    recorder.log(
        LogLevel::Info,
        &format!(
            "Agent {} on {} {}, attempt {}.",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH,
            assignment.attempt()
        ),
    );
    match assignment {
        Assignment::Backup(work) => {
            recorder.event(events::BACKUP_STARTING, []);
            if work.attempt > Attempt(1) {
                recorder.event(
                    events::RUN_RESUMED,
                    [("attempt", Value::from(work.attempt.0))],
                );
            }
        }
        Assignment::Restore { .. } => recorder.event(events::RESTORE_STARTING, []),
    }
}

/// Lets the engine work on its own thread and reports until it ends.
async fn drive(
    services: &RunServices,
    handle: &Arc<RunHandle>,
    assignment: Assignment,
    reporter: &mut Reporter,
) -> Result<RunResult, WorkError> {
    let is_restore = assignment.is_restore();
    let mut engine = start_engine(services, handle, assignment);
    let mut backoff = Backoff::new(&services.timing);
    let mut pause = std::time::Duration::ZERO;
    let mut failing = false;
    let mut next_progress_event = tokio::time::Instant::now() + services.timing.progress_event;
    let mut stopping = false;
    loop {
        tokio::select! {
            result = &mut engine => return result.unwrap_or_else(|_| Err(Failure::internal("the engine ended without a result").into())),
            () = services.stop.cancelled(), if !stopping => { stopping = true; handle.cancel.cancel(); continue }
            () = tokio::time::sleep(pause) => {}
            () = handle.recorder.changed(), if !failing => {}
        }
        if tokio::time::Instant::now() >= next_progress_event {
            next_progress_event = tokio::time::Instant::now() + services.timing.progress_event;
            push_progress(&handle.recorder, is_restore);
        }
        let sent = tokio::select! {
            result = &mut engine => return result.unwrap_or_else(|_| Err(Failure::internal("the engine ended without a result").into())),
            sent = reporter.send() => sent,
        };
        match sent {
            Ok(answer) => {
                if failing {
                    tracing::info!(run_id = %handle.run_id, "updates of the run reach the server again");
                    handle
                        .recorder
                        .log(LogLevel::Info, "The server can be reached again.");
                }
                failing = false;
                backoff.reset();
                pause = services.timing.progress;
                if answer.cancel_requested {
                    handle.request_cancel();
                }
            }
            Err(error) if matches!(error.kind, ApiErrorKind::Conflict | ApiErrorKind::NotFound) => {
                handle.abandon();
                pause = services.timing.refused;
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(run_id = %handle.run_id, code = error.code, "an update of the run did not reach the server, the run goes on: {error}");
                    handle.recorder.log(
                        LogLevel::Warn,
                        &format!("The server cannot be reached; the run goes on: {error}"),
                    );
                }
                failing = true;
                pause = error.retry_after.unwrap_or_default().max(backoff.pause());
            }
        }
    }
}

fn start_engine(
    services: &RunServices,
    handle: &Arc<RunHandle>,
    assignment: Assignment,
) -> oneshot::Receiver<Result<RunResult, WorkError>> {
    let (sender, receiver) = oneshot::channel();
    let Some(engine) = services.registry.find(assignment.engine_name()) else {
        let message = format!(
            "this agent does not know the kind of backup `{}`; update the agent",
            assignment.engine_name()
        );
        let _ = sender.send(Err(Failure::new(failures::UNKNOWN_ENGINE, message).into()));
        return receiver;
    };
    let context = RunContext {
        cancel: handle.cancel.clone(),
        recorder: handle.recorder.clone(),
    };
    let span = tracing::info_span!("run", run_id = %handle.run_id, attempt = %handle.attempt);
    let work = move || {
        let _inside = span.enter();
        let result =
            std::panic::catch_unwind(AssertUnwindSafe(|| engine.run(&assignment, &context)));
        let result = result.unwrap_or_else(|_| {
            Err(
                Failure::internal("the engine stopped unexpectedly; the agent's log says where")
                    .into(),
            )
        });
        let _ = sender.send(result);
    };
    if let Err(error) = std::thread::Builder::new()
        .name("run".to_owned())
        .spawn(work)
    {
        tracing::error!(run_id = %handle.run_id, "cannot start a thread for the run: {error}");
    }
    receiver
}

fn push_progress(recorder: &RunRecorder, is_restore: bool) {
    let figures = recorder.figures();
    if is_restore {
        let params = [
            ("files", Value::from(figures.files_done)),
            ("dirs", Value::from(figures.dirs_done)),
            ("bytes", Value::from(figures.bytes_transferred)),
        ];
        recorder.event(events::RESTORE_PROGRESS, params);
    } else {
        let params = [
            ("bytes_uploaded", Value::from(figures.bytes_transferred)),
            ("bytes_processed", Value::from(figures.bytes_handled)),
            ("bytes_total", Value::from(figures.bytes_total)),
        ];
        recorder.event(events::KOPIA_PROGRESS_UPDATE, params);
    }
}

/// What ended a run before everything was done.
fn ended_by(result: &Result<RunResult, WorkError>) -> Option<&WorkError> {
    match result {
        Ok(result) => result.stopped.as_ref(),
        Err(error) => Some(error),
    }
}

/// A failure whose text is that of a cancel is a cancel, when one was asked for.
fn recognise_cancel(
    mut result: Result<RunResult, WorkError>,
    requested: bool,
) -> Result<RunResult, WorkError> {
    let stopped = result
        .as_mut()
        .ok()
        .and_then(|result| result.stopped.take());
    if let (Some(error), Ok(result)) = (stopped, &mut result) {
        result.stopped = recognise_cancel(Err(error), requested).err();
    }
    match result {
        Err(WorkError::Failed(failure)) if requested && is_cancellation(&failure.message) => {
            Err(WorkError::Cancelled)
        }
        Err(WorkError::Cancelled) if !requested => {
            Err(Failure::internal("the run stopped although nobody asked for it").into())
        }
        other => other,
    }
}

/// Writes the end of the run into its last update and pushes the last events.
fn conclude(
    recorder: &RunRecorder,
    update: &mut RunUpdate,
    result: &Result<RunResult, WorkError>,
    is_restore: bool,
) {
    if let Ok(RunResult {
        stopped: Some(error),
        points,
        ..
    }) = result
    {
        update.points = points.clone();
        return conclude(recorder, update, &Err(error.clone()), is_restore);
    }
    match result {
        Ok(result) => {
            let complete = result.problem_count == 0;
            update.status = Some(if complete {
                RunStatus::Success
            } else {
                RunStatus::PartialSuccess
            });
            if update.bytes_total.is_some() {
                update.progress_pct = Some(100.0);
            }
            update.eta_seconds = None;
            update.current_item = None;
            update.stats_json = Some(result.statistics.clone());
            update.points = result.points.clone();
            update.problems = result.problems.clone();
            update.problem_count = Some(result.problem_count);
            push_end(recorder, result, is_restore);
        }
        Err(WorkError::Cancelled) => {
            update.status = Some(RunStatus::Cancelled);
            update.eta_seconds = None;
            recorder.event(
                events::CANCELLED,
                [("message", Value::from(events::CANCELLED_SENTENCE.en))],
            );
        }
        Err(WorkError::Failed(failure)) => {
            update.status = Some(RunStatus::Failed);
            update.eta_seconds = None;
            update.error_code = Some(failure.code.to_owned());
            update.error_summary = Some(failure.message.clone());
            let sending = update
                .stages
                .iter()
                .any(|stage| stage.name == events::stages::UPLOAD_START);
            match (is_restore, sending) {
                (true, _) => recorder.event(
                    events::RESTORE_FAILED,
                    [("message", Value::from(failure.message.as_str()))],
                ),
                (false, true) => recorder.event(
                    events::KOPIA_UPLOAD_FAILED,
                    [("error", Value::from(failure.message.as_str()))],
                ),
                (false, false) => recorder.event(
                    events::RUN_FAILED,
                    [("message", Value::from(failure.message.as_str()))],
                ),
            }
        }
    }
}

fn push_end(recorder: &RunRecorder, result: &RunResult, is_restore: bool) {
    let statistics = &result.statistics;
    match (is_restore, result.problem_count) {
        (true, 0) => {
            let params = [
                ("files", Value::from(statistics.files)),
                ("dirs", Value::from(statistics.dirs)),
                ("bytes", Value::from(statistics.bytes_uploaded)),
            ];
            recorder.event(events::RESTORE_COMPLETED, params);
        }
        (true, errors) => recorder.event(
            events::RESTORE_INCOMPLETE,
            [("errors", Value::from(errors))],
        ),
        (false, 0) => {
            let params = [
                ("files", Value::from(statistics.files)),
                ("bytes_total", Value::from(statistics.bytes_total)),
                ("bytes_uploaded", Value::from(statistics.bytes_uploaded)),
            ];
            recorder.event(events::BACKUP_COMPLETE, params);
        }
        (false, errors) => {
            recorder.event(
                events::BACKUP_INCOMPLETE,
                [
                    ("errors", Value::from(errors)),
                    ("files", Value::from(statistics.files)),
                ],
            );
        }
    }
}
