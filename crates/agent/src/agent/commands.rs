//! Serving commands beside the runs: delivered at least once, with an effect exactly once.

use std::sync::Arc;

use holdfast_host::Cancel;
use holdfast_protocol::agent::commands::{CancelRun, LARGEST_RESULT_BYTES, Restore, RestoreResult};
use holdfast_protocol::agent::{
    ApiErrorKind, BadCommand, CommandDelivery, CommandId, CommandOutcome, CommandPartial,
    CommandPayload, CommandType, RunStatistics, VaultContext, failures,
};
use serde_json::Value;
use tokio::runtime::Handle;

use super::Agent;
use crate::commands::{CommandContext, Partials, Uploads};
use crate::engines::Assignment;
use crate::failure::{Failure, WorkError};
use crate::runs::{deliver, execute, record_end};
use crate::state::{CommandProgress, Record};
use crate::timing::Backoff;

impl Agent {
    /// Takes a delivered command, unless it is in hand or was just reported.
    pub(super) fn accept_command(self: &Arc<Self>, delivery: CommandDelivery) {
        let id = delivery.command_id;
        {
            let mut live = self.live.lock();
            if live.reported_lately(id, self.services.timing.late_delivery)
                || !live.take_command(id)
            {
                tracing::debug!(command_id = %id, "the command is in hand or was just reported");
                return;
            }
        }
        if let Some(outcome) = self.known_outcome(id) {
            tracing::info!(command_id = %id, kind = delivery.kind, "the command was served before; its end is reported again");
            self.spawn_outcome(id, outcome);
            return;
        }
        tracing::info!(command_id = %id, kind = delivery.kind, "serving a command");
        let agent = self.clone();
        self.tasks.spawn(async move {
            match agent.serve(delivery).await {
                Some(outcome) => agent.finish_command(id, outcome).await,
                None => agent.live.lock().end_command(id, std::time::Duration::ZERO),
            }
        });
    }

    /// The end of a command that may not be served again.
    fn known_outcome(&self, id: CommandId) -> Option<CommandOutcome> {
        self.services.journal.read(|state| {
            let entry = state.commands.get(&id)?;
            match &entry.progress {
                CommandProgress::Finished(Some(outcome))
                | CommandProgress::Reported(Some(outcome)) => Some(outcome.clone()),
                _ if CommandType::parse(&entry.kind).is_some_and(CommandType::may_repeat) => None,
                _ => {
                    let failure = Failure::of_code(failures::INTERRUPTED);
                    Some(CommandOutcome::failed(failure.code, failure.message))
                }
            }
        })
    }

    /// Serves a command; `None` when the agent stops before it ended.
    async fn serve(self: &Arc<Self>, delivery: CommandDelivery) -> Option<CommandOutcome> {
        let CommandDelivery {
            command_id,
            kind,
            payload,
            vault,
        } = delivery;
        let payload = match CommandPayload::parse(&kind, &payload) {
            Ok(payload) => payload,
            Err(error @ BadCommand::Unknown(_)) => {
                return Some(CommandOutcome::failed(
                    failures::UNKNOWN_COMMAND,
                    error.to_string(),
                ));
            }
            Err(error) => {
                return Some(CommandOutcome::failed(
                    failures::BAD_REQUEST,
                    error.to_string(),
                ));
            }
        };
        if payload.command_type().needs_vault() && vault.is_none() {
            return Some(CommandOutcome::failed(
                failures::BAD_REQUEST,
                format!("the command `{kind}` came without its vault"),
            ));
        }
        match (payload, vault) {
            (CommandPayload::Cancel(CancelRun { run_id }), _) => {
                let live = self.live.lock().find(run_id);
                if let Some(handle) = live {
                    handle.request_cancel();
                }
                Some(CommandOutcome::completed(Value::Null))
            }
            (CommandPayload::Restore(order), Some(vault)) => {
                self.restore(command_id, order, vault).await
            }
            (payload, vault) => self.serve_blocking(command_id, payload, vault).await,
        }
    }

    async fn restore(
        self: &Arc<Self>,
        id: CommandId,
        order: Restore,
        vault: VaultContext,
    ) -> Option<CommandOutcome> {
        let (run_id, attempt) = (order.restore_run_id, order.attempt);
        if self.live.lock().find(run_id).is_some() {
            return Some(CommandOutcome::failed(
                failures::BAD_REQUEST,
                format!("the restore run {run_id} is in hand already"),
            ));
        }
        let time = self.services.clock.now();
        // In this order: a command on record whose run is not is one whose run was reported.
        self.journal(Record::RunStarted {
            id: run_id,
            attempt,
            time,
        })
        .await;
        let kind = CommandType::Restore.as_str().to_owned();
        self.journal(Record::CommandStarted {
            id,
            kind,
            run: Some((run_id, attempt)),
            time,
        })
        .await;
        let assignment = Assignment::Restore {
            order: Box::new(order),
            vault: Box::new(vault),
        };
        let handle = self.begin(&assignment);
        let ended = execute(&self.services, &handle, assignment).await;
        if let Some(ended) = &ended {
            record_end(&self.services, attempt, &ended.report).await;
            deliver(&self.services, &ended.report, &self.services.stop).await;
        }
        self.end(run_id).await;
        Some(match ended?.result {
            Ok(result) => restore_outcome(&result.statistics, result.problem_count),
            Err(error) => failed(error),
        })
    }

    async fn serve_blocking(
        self: &Arc<Self>,
        id: CommandId,
        payload: CommandPayload,
        vault: Option<VaultContext>,
    ) -> Option<CommandOutcome> {
        let kind = payload.command_type();
        // A download lasts as long as somebody's line is slow, and must not keep others from their answers.
        let slots = match kind {
            CommandType::ReadFile => &self.download_slots,
            _ => &self.command_slots,
        };
        let Ok(_slot) = slots.acquire().await else {
            return None;
        };
        if has_effect(kind) {
            let time = self.services.clock.now();
            self.journal(Record::CommandStarted {
                id,
                kind: kind.as_str().to_owned(),
                run: None,
                time,
            })
            .await;
        }
        let (partials, mut parts) = Partials::channel();
        let context = CommandContext {
            cancel: Cancel::new(),
            partials,
            uploads: Uploads::new(self.services.api.clone(), Handle::current()),
        };
        let cancel = context.cancel.clone();
        let handler = self.handler.clone();
        let mut work =
            tokio::task::spawn_blocking(move || handler.serve(&payload, vault.as_ref(), &context));
        let mut seq = 0;
        let mut stopping = false;
        let result = loop {
            tokio::select! {
                result = &mut work => break result,
                Some(result) = parts.recv() => {
                    seq += 1;
                    if !self.send_partial(id, CommandPartial { seq, result }).await {
                        cancel.cancel();
                    }
                }
                () = self.services.stop.cancelled(), if !stopping => { stopping = true; cancel.cancel(); }
            }
        };
        let outcome = match result {
            Ok(Ok(value)) => within_limit(value),
            Ok(Err(WorkError::Cancelled)) if stopping => return None,
            Ok(Err(error)) => failed(error),
            Err(_) => CommandOutcome::failed(
                failures::INTERNAL,
                "the agent failed unexpectedly; its log says where",
            ),
        };
        if has_effect(kind) {
            let time = self.services.clock.now();
            self.journal(Record::CommandFinished {
                id,
                outcome: Some(outcome.clone()),
                time,
            })
            .await;
        }
        Some(outcome)
    }

    /// Sends a part of a result; a part that is lost is no harm, the whole result follows. Answers whether anybody still
    /// wants it.
    async fn send_partial(&self, id: CommandId, partial: CommandPartial) -> bool {
        match self.services.api.command_partial(id, &partial).await {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(command_id = %id, "a part of a result did not reach the server: {error}");
                !matches!(error.kind, ApiErrorKind::Conflict | ApiErrorKind::NotFound)
            }
        }
    }

    pub(super) fn spawn_outcome(self: &Arc<Self>, id: CommandId, outcome: CommandOutcome) {
        self.live.lock().take_command(id);
        let agent = self.clone();
        self.tasks
            .spawn(async move { agent.finish_command(id, outcome).await });
    }

    /// Journals the end of a command when it must survive, and delivers it however long the server is away.
    async fn finish_command(&self, id: CommandId, outcome: CommandOutcome) {
        let on_record = self
            .services
            .journal
            .read(|state| state.commands.contains_key(&id));
        if on_record {
            self.journal(Record::CommandFinished {
                id,
                outcome: Some(outcome.clone()),
                time: self.services.clock.now(),
            })
            .await;
        }
        if self.deliver_outcome(id, &outcome).await && on_record {
            self.journal(Record::CommandReported {
                id,
                time: self.services.clock.now(),
            })
            .await;
        }
        self.live
            .lock()
            .end_command(id, self.services.timing.late_delivery);
    }

    /// Answers whether the matter is settled; false when the agent stops first.
    async fn deliver_outcome(&self, id: CommandId, outcome: &CommandOutcome) -> bool {
        let mut backoff = Backoff::new(&self.services.timing);
        loop {
            let error = match self.services.api.command_complete(id, outcome).await {
                Ok(()) => return true,
                Err(error) => error,
            };
            let pause = match error.kind {
                ApiErrorKind::Conflict | ApiErrorKind::NotFound | ApiErrorKind::Rejected => {
                    tracing::warn!(command_id = %id, code = error.code, "the server does not take the end of a command: {error}");
                    return true;
                }
                ApiErrorKind::Unauthorized | ApiErrorKind::UpgradeRequired => {
                    self.services.timing.refused
                }
                _ => error.retry_after.unwrap_or_default().max(backoff.pause()),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.services.stop.cancelled() => return false,
            }
        }
    }
}

/// Whether serving a command twice could be noticed. The others need no place in the journal.
fn has_effect(kind: CommandType) -> bool {
    matches!(
        kind,
        CommandType::CreateRepository | CommandType::DeletePoints | CommandType::Restore
    )
}

fn failed(error: WorkError) -> CommandOutcome {
    match error {
        WorkError::Cancelled => {
            let failure = Failure::of_code(failures::CANCELLED);
            CommandOutcome::failed(failure.code, failure.message)
        }
        WorkError::Failed(failure) => CommandOutcome::failed(failure.code, failure.message),
    }
}

fn restore_outcome(statistics: &RunStatistics, errors: u64) -> CommandOutcome {
    let result = RestoreResult {
        files: statistics.files,
        dirs: statistics.dirs,
        bytes: statistics.bytes_uploaded,
        skipped: statistics.cached_files,
        errors,
    };
    CommandOutcome::completed(serde_json::to_value(result).unwrap_or_default())
}

fn within_limit(result: Value) -> CommandOutcome {
    let bytes = serde_json::to_vec(&result).map_or(usize::MAX, |json| json.len());
    if bytes > LARGEST_RESULT_BYTES {
        let failure = Failure::of_code(failures::RESULT_TOO_LARGE);
        return CommandOutcome::failed(failure.code, failure.message);
    }
    CommandOutcome::completed(result)
}
