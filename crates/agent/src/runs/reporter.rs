//! Tells the server about a run. Nothing here ever stops the run because the server cannot be reached: updates carry the
//! newest state, so lost ones need no repetition, and events wait in order until they are accepted. Events that the server
//! cannot store never hold up the state.

use std::sync::Arc;

use holdfast_protocol::agent::update::MOST_EVENTS;
use holdfast_protocol::agent::{
    ApiError, ApiErrorKind, Attempt, LogLine, PushEvents, PushLog, RunEvent, RunId, RunStatus,
    RunUpdate, ServerApi, UpdateAnswer, failures,
};
use tokio_util::sync::CancellationToken;

use super::log::first_batch;
use super::recorder::RunRecorder;
use crate::failure::Failure;
use crate::state::RunFinal;
use crate::timing::{Backoff, Timing};

/// Batches of log lines that go before one update.
const MOST_LOG_BATCHES: usize = 8;

/// A server that fails this often on the last events of a run gets its final report without them.
const EVENT_FAILURES: u32 = 5;

/// Reports on one attempt of one run.
pub(crate) struct Reporter {
    api: Arc<dyn ServerApi>,
    recorder: Arc<RunRecorder>,
    run_id: RunId,
    attempt: Attempt,
    is_restore: bool,
    seq: u64,
}

impl Reporter {
    pub(crate) fn new(
        api: Arc<dyn ServerApi>,
        recorder: Arc<RunRecorder>,
        run_id: RunId,
        attempt: Attempt,
        is_restore: bool,
    ) -> Self {
        Self {
            api,
            recorder,
            run_id,
            attempt,
            is_restore,
            seq: 0,
        }
    }

    /// Sends the waiting lines of the log and the waiting events, then the present state.
    pub(crate) async fn send(&mut self) -> Result<UpdateAnswer, ApiError> {
        self.send_log().await?;
        loop {
            let events = self.recorder.waiting(MOST_EVENTS);
            let Some(last) = events.last().map(|event| event.seq) else {
                break;
            };
            match push(&*self.api, self.run_id, self.attempt, events).await {
                Ok(()) => self.recorder.acknowledge(last),
                // It answers and fails on these events; they wait, and the state is told all the same.
                Err(error) if error.kind == ApiErrorKind::Server => {
                    tracing::debug!(run_id = %self.run_id, "the server failed on events of the run: {error}");
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let mut update = self.next_update();
        update.status = Some(RunStatus::Running);
        self.api.update_run(&update).await
    }

    /// Sends waiting lines of the log, some batches at a time so that the state is not held up.
    async fn send_log(&self) -> Result<(), ApiError> {
        for _ in 0..MOST_LOG_BATCHES {
            let lines = self.recorder.waiting_log();
            let Some(last) = lines.last().map(|line| line.seq) else {
                break;
            };
            match push_log(&*self.api, self.run_id, self.attempt, lines).await? {
                LogDelivery::Settled => self.recorder.acknowledge_log(last),
                LogDelivery::Later => break,
            }
        }
        Ok(())
    }

    /// The present state under the next sequence number.
    pub(crate) fn next_update(&mut self) -> RunUpdate {
        self.seq += 1;
        let mut update = RunUpdate::heartbeat(self.run_id, self.attempt, self.seq);
        self.recorder.fill(&mut update, self.is_restore);
        update
    }
}

/// What became of lines of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogDelivery {
    /// The server has them, or will never take them.
    Settled,
    /// It answers and fails on them; they wait.
    Later,
}

/// Sends lines of a log. Nothing else about the run depends on them, so a server that does not know logs, or does not take
/// these lines, gets all the rest.
///
/// # Errors
/// The server cannot be asked anything at the moment.
async fn push_log(
    api: &dyn ServerApi,
    run_id: RunId,
    attempt: Attempt,
    lines: Vec<LogLine>,
) -> Result<LogDelivery, ApiError> {
    let count = lines.len();
    let log = PushLog {
        run_id,
        attempt,
        lines,
    };
    let Err(error) = api.push_log(&log).await else {
        return Ok(LogDelivery::Settled);
    };
    match error.kind {
        ApiErrorKind::Server => {
            tracing::debug!(%run_id, "the server failed on lines of the run's log: {error}");
            Ok(LogDelivery::Later)
        }
        ApiErrorKind::Rejected | ApiErrorKind::Conflict | ApiErrorKind::NotFound => {
            tracing::debug!(%run_id, count, code = error.code, "the server does not take lines of the run's log; they are dropped: {error}");
            Ok(LogDelivery::Settled)
        }
        _ => Err(error),
    }
}

/// Sends events. Ones that the server rejects as wrong are logged and given up, or they would hold up the rest for ever.
async fn push(
    api: &dyn ServerApi,
    run_id: RunId,
    attempt: Attempt,
    events: Vec<RunEvent>,
) -> Result<(), ApiError> {
    let count = events.len();
    match api
        .push_events(&PushEvents {
            run_id,
            attempt,
            events,
        })
        .await
    {
        Err(error) if error.kind == ApiErrorKind::Rejected => {
            tracing::error!(%run_id, count, code = error.code, error = %error, "the server rejected events of a run; they are dropped");
            Ok(())
        }
        other => other,
    }
}

/// What became of a final report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The server has it, or does not want it: the run is over for the agent.
    Settled,
    /// The agent stops first; the journal keeps it.
    Postponed,
}

/// Delivers the last words about a run, however long the server is away. A report that the server refuses for good is
/// replaced by the bare fact that the run failed and why: a run of which nothing is said would be handed out again.
pub(crate) async fn deliver_final(
    api: &dyn ServerApi,
    timing: &Timing,
    report: &RunFinal,
    stop: &CancellationToken,
) -> Delivery {
    let run_id = report.update.run_id;
    let mut backoff = Backoff::new(timing);
    let mut words = LastWords {
        log: &report.log,
        events: &report.events,
        events_attempt: report.events_attempt(),
        update: report.update.clone(),
        event_failures: 0,
    };
    let mut refused = false;
    let mut warned = false;
    loop {
        let error = match words.send(api).await {
            Ok(()) => return Delivery::Settled,
            Err(error) => error,
        };
        let pause = match error.kind {
            ApiErrorKind::Conflict | ApiErrorKind::NotFound => {
                tracing::warn!(%run_id, code = error.code, "the run is not this agent's any more; its report is dropped: {error}");
                return Delivery::Settled;
            }
            ApiErrorKind::Rejected if refused => {
                tracing::error!(%run_id, code = error.code, "the server refuses every report of the run; it is dropped: {error}");
                return Delivery::Settled;
            }
            ApiErrorKind::Rejected => {
                tracing::error!(%run_id, code = error.code, "the server refused the final report of the run; it is told that the run failed: {error}");
                refused = true;
                words.update = refused_report(&report.update, &error);
                continue;
            }
            ApiErrorKind::Unauthorized | ApiErrorKind::UpgradeRequired => timing.refused,
            ApiErrorKind::Unreachable | ApiErrorKind::TooManyRequests | ApiErrorKind::Server => {
                error.retry_after.unwrap_or_default().max(backoff.pause())
            }
        };
        if !warned {
            tracing::warn!(%run_id, "the final report of the run waits for the server: {error}");
            warned = true;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return Delivery::Postponed,
        }
    }
}

/// What is left to say about a run.
struct LastWords<'a> {
    log: &'a [LogLine],
    events: &'a [RunEvent],
    events_attempt: Attempt,
    update: RunUpdate,
    /// How often the server answered and failed on the events.
    event_failures: u32,
}

impl LastWords<'_> {
    async fn send(&mut self, api: &dyn ServerApi) -> Result<(), ApiError> {
        let run_id = self.update.run_id;
        while !self.log.is_empty() {
            let count = first_batch(self.log.iter()).count();
            let (batch, rest) = self.log.split_at(count);
            match push_log(api, run_id, self.events_attempt, batch.to_vec()).await? {
                LogDelivery::Settled => self.log = rest,
                LogDelivery::Later => {
                    tracing::warn!(%run_id, count = self.log.len(), "the server could not store the last lines of the run's log; they are dropped");
                    self.log = &[];
                }
            }
        }
        while !self.events.is_empty() && self.event_failures < EVENT_FAILURES {
            let (batch, rest) = self.events.split_at(self.events.len().min(MOST_EVENTS));
            match push(api, run_id, self.events_attempt, batch.to_vec()).await {
                Ok(()) => self.events = rest,
                Err(error) => {
                    self.event_failures += u32::from(error.kind == ApiErrorKind::Server);
                    return Err(error);
                }
            }
        }
        api.update_run(&self.update).await?;
        if !self.events.is_empty() {
            tracing::error!(%run_id, count = self.events.len(), "the server could not store the last events of the run; they are dropped");
        }
        Ok(())
    }
}

/// The least that can be said of a run whose report was refused.
fn refused_report(report: &RunUpdate, error: &ApiError) -> RunUpdate {
    let status = report.status.map_or("unknown", RunStatus::as_str);
    let failure = Failure::new(
        failures::REPORT_REFUSED,
        format!(
            "the run ended with the status `{status}`, and the server refused its report: {error}"
        ),
    );
    let mut update = RunUpdate::heartbeat(report.run_id, report.attempt, report.seq + 1);
    update.status = Some(RunStatus::Failed);
    update.error_code = Some(failure.code.to_owned());
    update.error_summary = Some(failure.message);
    update
}
