//! What an earlier process of this agent left: reports that were not accepted, commands that were cut off.

use std::sync::{Arc, OnceLock};

use holdfast_protocol::agent::{
    Attempt, CommandOutcome, CommandType, RunId, RunStatus, RunUpdate, RunningRun, failures,
};

use super::Agent;
use crate::failure::Failure;
use crate::runs::deliver;
use crate::state::{CommandEntry, CommandProgress, Record, RunFinal, is_local};

/// Sequence number of reports about attempts of which nothing is known any more; above any that the attempt used.
const LAST_SEQ: u64 = 1 << 40;

impl Agent {
    /// Takes up what the journal holds.
    pub(super) async fn recover(self: &Arc<Self>) {
        let offline = self.services.journal.read(|state| state.offline.clone());
        // Their ids go down, so this is the oldest first.
        for (id, entry) in offline.into_iter().rev() {
            self.recover_offline(id, entry).await;
        }
        let (commands, runs) = self
            .services
            .journal
            .read(|state| (state.commands.clone(), state.runs.clone()));
        for (id, entry) in &runs {
            if let Some(report) = entry.report.as_ref().filter(|_| !is_local(*id)) {
                tracing::info!(run_id = %id, "the report of a finished run waits for the server");
                self.spawn_report(*id, entry.attempt, (**report).clone());
            }
        }
        for (id, entry) in commands {
            let outcome = match &entry.progress {
                CommandProgress::Reported(_) => continue,
                CommandProgress::Finished(Some(outcome)) => outcome.clone(),
                CommandProgress::Finished(None) | CommandProgress::Started => {
                    if CommandType::parse(&entry.kind).is_some_and(CommandType::may_repeat) {
                        continue;
                    }
                    self.interrupted(
                        &entry,
                        runs.get(&entry.run.map_or(RunId(0), |(run, _)| run))
                            .map(|run| run.report.is_some()),
                    )
                }
            };
            tracing::info!(command_id = %id, kind = entry.kind, "the end of a command waits for the server");
            self.spawn_outcome(id, outcome);
        }
    }

    /// The end of a command that was cut off and may not be repeated. `run_reported` says whether the run that it drove is
    /// still on record (`None`: its report was accepted) and has a report.
    fn interrupted(
        self: &Arc<Self>,
        entry: &CommandEntry,
        run_reported: Option<bool>,
    ) -> CommandOutcome {
        match (entry.run, run_reported) {
            (Some(_), None | Some(true)) => CommandOutcome::completed(serde_json::Value::Null),
            (run, _) => {
                let failure = Failure::of_code(failures::INTERRUPTED);
                if let Some((run_id, attempt)) = run {
                    let mut update = RunUpdate::heartbeat(run_id, attempt, LAST_SEQ);
                    update.status = Some(RunStatus::Failed);
                    update.error_code = Some(failure.code.to_owned());
                    update.error_summary = Some(failure.message.clone());
                    self.spawn_report(run_id, attempt, RunFinal::new(Vec::new(), update));
                }
                CommandOutcome::failed(failure.code, failure.message)
            }
        }
    }

    /// When the journal holds the report of a run that is handed back, reports it under the new claim instead of running
    /// it again.
    pub(super) fn report_again(self: &Arc<Self>, run_id: RunId, attempt: Attempt) -> bool {
        let report = self
            .services
            .journal
            .read(|state| state.runs.get(&run_id)?.report.clone());
        let Some(report) = report else {
            return false;
        };
        tracing::info!(%run_id, %attempt, "the run was handed back, but it has ended; it is reported again");
        self.spawn_report(run_id, attempt, report.claimed_anew(attempt));
        true
    }

    /// Delivers the report of a claim, and puts it on record before unless it is there.
    pub(super) fn spawn_report(
        self: &Arc<Self>,
        run_id: RunId,
        attempt: Attempt,
        report: RunFinal,
    ) {
        let stop = self.services.stop.child_token();
        let taken = Arc::new(OnceLock::from(RunningRun { run_id, attempt }));
        self.live
            .lock()
            .begin_report(run_id, attempt, taken, stop.clone());
        let agent = self.clone();
        self.tasks.spawn(async move {
            let services = &agent.services;
            let known = services.journal.read(|state| {
                let run = state.runs.get(&run_id)?;
                let report = run.report.as_ref()?;
                Some((run.time, report.update.attempt))
            });
            if known.is_none_or(|(_, known)| known != attempt) {
                let finished = Record::RunFinished {
                    id: run_id,
                    attempt,
                    report: Box::new(report.clone()),
                    time: known.map_or_else(|| services.clock.now(), |(ended, _)| ended),
                };
                agent.journal(finished).await;
            }
            deliver(services, &report, &stop).await;
            agent.live.lock().end_report(run_id, attempt);
        });
    }

    /// Writes a record; a journal that cannot be written is reported and does not stop the work.
    pub(super) async fn journal(&self, record: Record) {
        if let Err(error) = crate::runs::append(&self.services.journal, record).await {
            tracing::error!(
                "cannot write the journal; work may be repeated or lost if the agent stops now: {error:#}"
            );
        }
    }
}
