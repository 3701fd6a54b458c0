//! Tells the server about a run. Nothing here ever stops the run because the server cannot be reached: updates carry the
//! newest state, so lost ones need no repetition, and events wait in order until they are accepted.

use std::sync::Arc;

use holdfast_protocol::agent::update::MOST_EVENTS;
use holdfast_protocol::agent::{
    ApiError, ApiErrorKind, Attempt, PushEvents, RunEvent, RunId, RunStatus, RunUpdate, ServerApi,
    UpdateAnswer,
};
use tokio_util::sync::CancellationToken;

use super::recorder::RunRecorder;
use crate::state::RunFinal;
use crate::timing::{Backoff, Timing};

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

    /// Sends the waiting events, then the present state.
    pub(crate) async fn send(&mut self) -> Result<UpdateAnswer, ApiError> {
        loop {
            let events = self.recorder.waiting(MOST_EVENTS);
            let Some(last) = events.last().map(|event| event.seq) else {
                break;
            };
            push(&*self.api, self.run_id, self.attempt, events).await?;
            self.recorder.acknowledge(last);
        }
        let mut update = self.next_update();
        update.status = Some(RunStatus::Running);
        self.api.update_run(&update).await
    }

    /// The present state under the next sequence number.
    pub(crate) fn next_update(&mut self) -> RunUpdate {
        self.seq += 1;
        let mut update = RunUpdate::heartbeat(self.run_id, self.attempt, self.seq);
        self.recorder.fill(&mut update, self.is_restore);
        update
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

/// Delivers the last words about a run, however long the server is away.
pub(crate) async fn deliver_final(
    api: &dyn ServerApi,
    timing: &Timing,
    report: &RunFinal,
    stop: &CancellationToken,
) -> Delivery {
    let run_id = report.update.run_id;
    let mut backoff = Backoff::new(timing);
    let mut warned = false;
    loop {
        let error = match try_final(api, report).await {
            Ok(()) => return Delivery::Settled,
            Err(error) => error,
        };
        let pause = match error.kind {
            ApiErrorKind::Conflict | ApiErrorKind::NotFound => {
                tracing::warn!(%run_id, code = error.code, "the run is not this agent's any more; its report is dropped: {error}");
                return Delivery::Settled;
            }
            ApiErrorKind::Rejected => {
                tracing::error!(%run_id, code = error.code, "the server rejected the final report of a run: {error}");
                return Delivery::Settled;
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

async fn try_final(api: &dyn ServerApi, report: &RunFinal) -> Result<(), ApiError> {
    for events in report.events.chunks(MOST_EVENTS) {
        push(
            api,
            report.update.run_id,
            report.update.attempt,
            events.to_vec(),
        )
        .await?;
    }
    api.update_run(&report.update).await.map(drop)
}
