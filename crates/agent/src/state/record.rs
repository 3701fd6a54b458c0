//! The journal's records and the state that they add up to. No input or output here.

use std::collections::BTreeMap;

use holdfast_protocol::agent::{
    Attempt, CommandId, CommandOutcome, LogLine, RunEvent, RunId, RunSettings, RunUpdate,
    RunningRun,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Something that must be known after a crash. Each is written and synced before the thing that it announces has an
/// effect outside of the agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// A command is about to be served.
    CommandStarted {
        /// The command.
        id: CommandId,
        /// Wire name of its type.
        kind: String,
        /// The restore run that it drives, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<(RunId, Attempt)>,
        /// When.
        time: Timestamp,
    },
    /// A command ended; the outcome is kept for the types that may not be served twice.
    CommandFinished {
        /// The command.
        id: CommandId,
        /// How it ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<CommandOutcome>,
        /// When.
        time: Timestamp,
    },
    /// The server has the outcome, or does not want it.
    CommandReported {
        /// The command.
        id: CommandId,
        /// When.
        time: Timestamp,
    },
    /// A run is about to be executed.
    RunStarted {
        /// The run.
        id: RunId,
        /// The claim.
        attempt: Attempt,
        /// When.
        time: Timestamp,
    },
    /// A run ended; its report is kept until the server has it.
    RunFinished {
        /// The run.
        id: RunId,
        /// The claim.
        attempt: Attempt,
        /// What is to be reported.
        report: Box<RunFinal>,
        /// When.
        time: Timestamp,
    },
    /// A run is about to be started without the server, which does not know it. Ids of such runs are below zero.
    OfflineStarted {
        /// The run as this agent numbers it.
        id: RunId,
        /// The run in snapshot tags.
        run_uuid: Uuid,
        /// Its job.
        job_uuid: Uuid,
        /// The occurrence of the job's schedule.
        due_at: Timestamp,
        /// With what it was started.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settings: Option<Box<RunSettings>>,
        /// When.
        time: Timestamp,
    },
    /// Such a run came to nothing and is not told of; its occurrence is open again.
    OfflineUndone {
        /// The run as this agent numbers it.
        id: RunId,
        /// When.
        time: Timestamp,
    },
    /// What of a job was due until a time is not this agent's to start: it was handed out, or passed.
    JobSettled {
        /// The job.
        job_uuid: Uuid,
        /// The newest such occurrence, or a time before which there is none.
        until: Timestamp,
    },
    /// The server has taken such a run and given it an id.
    OfflineTaken {
        /// The run as this agent numbers it.
        id: RunId,
        /// The run as the server numbers it.
        run_id: RunId,
        /// The claim.
        attempt: Attempt,
        /// When.
        time: Timestamp,
    },
    /// The server has the report, or does not want it.
    RunReported {
        /// The run.
        id: RunId,
        /// When.
        time: Timestamp,
    },
}

/// Most bytes of log lines that are kept with the last words: they lie in the journal.
const MOST_FINAL_LOG_BYTES: usize = 256 << 10;

/// The last words about a run: events that were not sent yet, then the terminal update.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFinal {
    /// Events in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<RunEvent>,
    /// Lines of the full log that were not sent yet, under the same claim as the events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogLine>,
    /// The claim under which the events were numbered, where it is another than that of the update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_attempt: Option<Attempt>,
    /// The terminal update.
    pub update: RunUpdate,
}

impl RunFinal {
    /// The last words about a run under the claim of their update.
    pub fn new(events: Vec<RunEvent>, update: RunUpdate) -> Self {
        Self {
            events,
            log: Vec::new(),
            events_attempt: None,
            update,
        }
    }

    /// The same with the lines of the log that were not sent yet; of very many the newest.
    #[must_use]
    pub fn with_log(mut self, mut log: Vec<LogLine>) -> Self {
        let mut bytes = 0;
        let kept = log
            .iter()
            .rev()
            .take_while(|line| {
                bytes += line.text.len();
                bytes <= MOST_FINAL_LOG_BYTES
            })
            .count();
        self.log = log.split_off(log.len() - kept);
        self
    }

    /// The claim under which the events were numbered.
    pub fn events_attempt(&self) -> Attempt {
        self.events_attempt.unwrap_or(self.update.attempt)
    }

    /// The same report under a new claim. The events keep theirs: the server may have them already, and knows them by it.
    pub fn claimed_anew(mut self, attempt: Attempt) -> Self {
        self.events_attempt = Some(self.events_attempt());
        self.update.attempt = attempt;
        self
    }

    /// The same report under the identity that the server has given to the run.
    pub fn of_run(mut self, run: RunId, attempt: Attempt) -> Self {
        self.events_attempt = Some(attempt);
        self.update.run_id = run;
        self.update.attempt = attempt;
        self
    }
}

/// How far a command came.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandProgress {
    /// Begun, end unknown.
    Started,
    /// Ended, not reported.
    Finished(Option<CommandOutcome>),
    /// Ended and reported.
    Reported(Option<CommandOutcome>),
}

/// What the journal knows of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandEntry {
    /// Wire name of its type; empty when its start is not on record any more.
    pub kind: String,
    /// The restore run that it drives.
    pub run: Option<(RunId, Attempt)>,
    /// How far it came.
    pub progress: CommandProgress,
    /// Time of the last record.
    pub time: Timestamp,
}

/// What the journal knows of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEntry {
    /// The newest claim.
    pub attempt: Attempt,
    /// The report that the server does not have yet.
    pub report: Option<Box<RunFinal>>,
    /// Time of the last record.
    pub time: Timestamp,
}

/// How long it is remembered what of a job was settled: longer than an absence, and what is looked at before it.
const SETTLED_MEMORY: SignedDuration = SignedDuration::from_hours(40 * 24);

/// What the journal knows of a run that was started without the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfflineEntry {
    /// The run in snapshot tags.
    pub run_uuid: Uuid,
    /// Its job.
    pub job_uuid: Uuid,
    /// The occurrence of the job's schedule.
    pub due_at: Timestamp,
    /// When it began.
    pub started_at: Timestamp,
    /// With what.
    pub settings: Option<Box<RunSettings>>,
    /// The identity that the server has given it.
    pub taken: Option<RunningRun>,
}

impl OfflineEntry {
    /// The record that announces the run.
    pub fn record(&self, id: RunId) -> Record {
        Record::OfflineStarted {
            id,
            run_uuid: self.run_uuid,
            job_uuid: self.job_uuid,
            due_at: self.due_at,
            settings: self.settings.clone(),
            time: self.started_at,
        }
    }
}

/// Whether an id is this agent's own, and says nothing to the server.
pub fn is_local(run: RunId) -> bool {
    run.0 < 0
}

/// The sum of all records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JournalState {
    /// Commands by id.
    pub commands: BTreeMap<CommandId, CommandEntry>,
    /// Runs that are not reported, by id.
    pub runs: BTreeMap<RunId, RunEntry>,
    /// Runs that were started without the server and are not reported, by their own ids.
    pub offline: BTreeMap<RunId, OfflineEntry>,
    /// Until when each job is settled, those runs left out.
    pub settled: BTreeMap<Uuid, Timestamp>,
}

impl JournalState {
    /// Adds one record.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::CommandStarted {
                id,
                kind,
                run,
                time,
            } => {
                let entry = CommandEntry {
                    kind: kind.clone(),
                    run: *run,
                    progress: CommandProgress::Started,
                    time: *time,
                };
                self.commands.insert(*id, entry);
            }
            Record::CommandFinished { id, outcome, time } => {
                let entry = self.command(*id, *time);
                entry.progress = CommandProgress::Finished(outcome.clone());
            }
            Record::CommandReported { id, time } => {
                let entry = self.command(*id, *time);
                let outcome = match &mut entry.progress {
                    CommandProgress::Finished(outcome) | CommandProgress::Reported(outcome) => {
                        outcome.take()
                    }
                    CommandProgress::Started => None,
                };
                entry.progress = CommandProgress::Reported(outcome);
            }
            Record::RunStarted { id, attempt, time } => {
                self.runs.insert(
                    *id,
                    RunEntry {
                        attempt: *attempt,
                        report: None,
                        time: *time,
                    },
                );
            }
            Record::RunFinished {
                id,
                attempt,
                report,
                time,
            } => {
                self.runs.insert(
                    *id,
                    RunEntry {
                        attempt: *attempt,
                        report: Some(report.clone()),
                        time: *time,
                    },
                );
            }
            Record::OfflineStarted {
                id,
                run_uuid,
                job_uuid,
                due_at,
                settings,
                time,
            } => {
                let entry = OfflineEntry {
                    run_uuid: *run_uuid,
                    job_uuid: *job_uuid,
                    due_at: *due_at,
                    started_at: *time,
                    settings: settings.clone(),
                    taken: None,
                };
                self.offline.insert(*id, entry);
            }
            Record::OfflineUndone { id, .. } => {
                self.runs.remove(id);
                self.offline.remove(id);
            }
            Record::JobSettled { job_uuid, until } => self.settle(*job_uuid, *until),
            Record::OfflineTaken {
                id,
                run_id,
                attempt,
                ..
            } => {
                if let Some(entry) = self.offline.get_mut(id) {
                    entry.taken = Some(RunningRun {
                        run_id: *run_id,
                        attempt: *attempt,
                    });
                }
            }
            Record::RunReported { id, .. } => {
                self.runs.remove(id);
                if let Some(told) = self.offline.remove(id) {
                    self.settle(told.job_uuid, told.due_at);
                }
            }
        }
    }

    fn settle(&mut self, job: Uuid, until: Timestamp) {
        let settled = self.settled.entry(job).or_insert(until);
        *settled = until.max(*settled);
    }

    fn command(&mut self, id: CommandId, time: Timestamp) -> &mut CommandEntry {
        let empty = || CommandEntry {
            kind: String::new(),
            run: None,
            progress: CommandProgress::Started,
            time,
        };
        let entry = self.commands.entry(id).or_insert_with(empty);
        entry.time = time;
        entry
    }

    /// The next id of a run that is started without the server.
    pub fn next_local(&self) -> RunId {
        let offline = self.offline.keys().next().map_or(0, |id| id.0);
        let runs = self.runs.keys().next().map_or(0, |id| id.0);
        RunId(offline.min(runs).min(0) - 1)
    }

    /// Until when nothing of a job is this agent's to start any more; `None` when nothing is known.
    pub fn settled_until(&self, job: Uuid) -> Option<Timestamp> {
        let runs = self.offline.values().filter(|run| run.job_uuid == job);
        let started = runs.map(|run| run.due_at).max();
        started.max(self.settled.get(&job).copied())
    }

    /// Whether there is a run that the server does not know.
    pub fn has_untold(&self) -> bool {
        self.offline.values().any(|run| run.taken.is_none())
    }

    /// Forgets commands that were reported before `limit`, and runs that began before it and were never handed back.
    pub fn forget_before(&mut self, limit: Timestamp) {
        self.commands.retain(|_, entry| {
            entry.time >= limit || !matches!(entry.progress, CommandProgress::Reported(_))
        });
        self.runs
            .retain(|_, entry| entry.time >= limit || entry.report.is_some());
        if let Ok(limit) = limit.checked_sub(SETTLED_MEMORY) {
            self.settled.retain(|_, until| *until >= limit);
        }
    }

    /// The shortest list of records that adds up to this state.
    pub fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for (id, entry) in &self.commands {
            let (id, time) = (*id, entry.time);
            records.push(Record::CommandStarted {
                id,
                kind: entry.kind.clone(),
                run: entry.run,
                time,
            });
            match &entry.progress {
                CommandProgress::Started => {}
                CommandProgress::Finished(outcome) => records.push(Record::CommandFinished {
                    id,
                    outcome: outcome.clone(),
                    time,
                }),
                CommandProgress::Reported(outcome) => {
                    records.push(Record::CommandFinished {
                        id,
                        outcome: outcome.clone(),
                        time,
                    });
                    records.push(Record::CommandReported { id, time });
                }
            }
        }
        for (job_uuid, until) in &self.settled {
            records.push(Record::JobSettled {
                job_uuid: *job_uuid,
                until: *until,
            });
        }
        for (id, entry) in &self.offline {
            records.push(entry.record(*id));
            if let Some(RunningRun { run_id, attempt }) = entry.taken {
                records.push(Record::OfflineTaken {
                    id: *id,
                    run_id,
                    attempt,
                    time: entry.started_at,
                });
            }
        }
        for (id, entry) in &self.runs {
            let (id, attempt, time) = (*id, entry.attempt, entry.time);
            records.push(match &entry.report {
                None => Record::RunStarted { id, attempt, time },
                Some(report) => Record::RunFinished {
                    id,
                    attempt,
                    report: report.clone(),
                    time,
                },
            });
        }
        records
    }
}
