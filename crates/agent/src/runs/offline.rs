//! Reports of runs that the agent started by itself: the server learns of each before anything else about it.

use std::sync::Arc;
use std::sync::OnceLock;

use async_trait::async_trait;
use holdfast_host::Clock;
use holdfast_protocol::agent::{
    ApiError, ApiErrorKind, CommandId, CommandOutcome, CommandPartial, EnrolRequest, Enrolled,
    HelloAnswer, HelloRequest, LoginRequest, OfflineRun, OfflineRunTaken, PollAnswer, PollRequest,
    PushEvents, PushLog, RunId, RunUpdate, RunningRun, ServerApi, TransferBody, UpdateAnswer,
};
use tokio::sync::{Mutex, Notify};
use uuid::Uuid;

use super::task::append;
use crate::state::{Journal, OfflineEntry, Record};

/// The identity that the server gives to a run of ours, once it has.
pub(crate) type Taken = Arc<OnceLock<RunningRun>>;

/// The contract as it is seen by one run that the server does not know yet. The first report announces the run; all
/// reports carry the identity that the server has given it.
pub(crate) struct OfflineApi {
    pub(crate) inner: Arc<dyn ServerApi>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) instance: Uuid,
    /// The run as the journal knows it.
    pub(crate) local: RunId,
    pub(crate) entry: OfflineEntry,
    pub(crate) taken: Taken,
    /// Rung when the server has taken the run.
    pub(crate) bell: Arc<Notify>,
    /// One announcement at a time.
    pub(crate) turn: Mutex<()>,
}

impl OfflineApi {
    /// The identity that the server has given to the run; it is told of the run first when it does not know it.
    pub(crate) async fn identity(&self) -> Result<RunningRun, ApiError> {
        let _turn = self.turn.lock().await;
        if let Some(taken) = self.taken.get() {
            return Ok(*taken);
        }
        let ended = self.journal.read(|state| {
            let run = state.runs.get(&self.local)?;
            run.report.is_some().then_some(run.time)
        });
        let announcement = OfflineRun {
            instance: self.instance,
            run_uuid: self.entry.run_uuid,
            job_uuid: self.entry.job_uuid,
            due_at: self.entry.due_at,
            started_at: self.entry.started_at,
            finished_at: ended,
            clock: self.clock.now(),
            settings: self.entry.settings.as_deref().cloned(),
        };
        let OfflineRunTaken { run_id, attempt } = self.inner.offline_run(&announcement).await?;
        tracing::info!(%run_id, run = %self.entry.run_uuid, "the server took a run that was started without it");
        let record = Record::OfflineTaken {
            id: self.local,
            run_id,
            attempt,
            time: self.clock.now(),
        };
        if let Err(error) = append(&self.journal, record).await {
            tracing::error!(%run_id, "cannot write the journal; the server is told of the run again: {error:#}");
        }
        let taken = RunningRun { run_id, attempt };
        // Nobody else sets it, because of the turn.
        let _ = self.taken.set(taken);
        self.bell.notify_one();
        Ok(taken)
    }
}

fn not_about_a_run() -> ApiError {
    ApiError::new(
        ApiErrorKind::Rejected,
        "this call does not belong to a run; the agent made a mistake",
    )
}

#[async_trait]
impl ServerApi for OfflineApi {
    async fn update_run(&self, update: &RunUpdate) -> Result<UpdateAnswer, ApiError> {
        let RunningRun { run_id, attempt } = self.identity().await?;
        let update = RunUpdate {
            run_id,
            attempt,
            ..update.clone()
        };
        self.inner.update_run(&update).await
    }

    async fn push_events(&self, events: &PushEvents) -> Result<(), ApiError> {
        let RunningRun { run_id, attempt } = self.identity().await?;
        let events = PushEvents {
            run_id,
            attempt,
            events: events.events.clone(),
        };
        self.inner.push_events(&events).await
    }

    async fn push_log(&self, log: &PushLog) -> Result<(), ApiError> {
        let RunningRun { run_id, attempt } = self.identity().await?;
        let log = PushLog {
            run_id,
            attempt,
            lines: log.lines.clone(),
        };
        self.inner.push_log(&log).await
    }

    async fn enrol(&self, _: &EnrolRequest) -> Result<Enrolled, ApiError> {
        Err(not_about_a_run())
    }

    async fn login(&self, _: &LoginRequest) -> Result<Enrolled, ApiError> {
        Err(not_about_a_run())
    }

    async fn hello(&self, _: &HelloRequest) -> Result<HelloAnswer, ApiError> {
        Err(not_about_a_run())
    }

    async fn poll(&self, _: &PollRequest) -> Result<PollAnswer, ApiError> {
        Err(not_about_a_run())
    }

    async fn offline_run(&self, _: &OfflineRun) -> Result<OfflineRunTaken, ApiError> {
        Err(not_about_a_run())
    }

    async fn command_partial(&self, _: CommandId, _: &CommandPartial) -> Result<(), ApiError> {
        Err(not_about_a_run())
    }

    async fn transfer(&self, _: Uuid, _: Option<u64>, _: TransferBody) -> Result<(), ApiError> {
        Err(not_about_a_run())
    }

    async fn command_complete(&self, _: CommandId, _: &CommandOutcome) -> Result<(), ApiError> {
        Err(not_about_a_run())
    }
}
