//! What the agent may start by itself while the server is away: kept sealed, used after some minutes of silence, erased
//! when the server takes it back, refuses this agent, or is not heard from for too long.

mod plan;
mod store;

use std::path::Path;
use std::time::Duration;

use holdfast_planning::occurrences::{Occurrence, Timetable};
use holdfast_protocol::Secret;
use holdfast_protocol::agent::offline::LONGEST_SILENCE_SECONDS;
use holdfast_protocol::agent::{OfflinePlan, RunWork};
use jiff::Timestamp;
use parking_lot::Mutex;
use uuid::Uuid;

use store::PlanStore;

/// What is kept for the server's absence.
#[derive(Debug)]
pub struct Offline {
    store: Option<PlanStore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    digest: String,
    jobs: Vec<Job>,
    /// Since when the server does not answer, by the clock that never goes back. A call that it holds open is no silence.
    silent: Option<Duration>,
    /// It is silent for long enough, and the open occurrences are those of this absence.
    is_away: bool,
    /// When it was back, or answered this process for the first time.
    returned: Option<Duration>,
}

#[derive(Debug)]
struct Job {
    timetable: Timetable,
    work: RunWork,
    /// The first occurrence of this absence that was not looked at.
    open: Option<Occurrence>,
}

/// A run that is to be started.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) work: RunWork,
    pub(crate) occurrence: Occurrence,
    /// When it has to end.
    pub(crate) stop: Option<Timestamp>,
    /// What is looked at when it was started.
    next: Option<Occurrence>,
}

impl Offline {
    /// What an agent with this token has kept in its state folder. What cannot be read is erased: the server gives it again.
    pub fn open(folder: &Path, token: &Secret) -> Self {
        let store = match PlanStore::new(folder, token) {
            Ok(store) => store,
            Err(error) => {
                tracing::error!("nothing is started while the server is away: {error:#}");
                return Self {
                    store: None,
                    state: Mutex::default(),
                };
            }
        };
        let plan = store.load().unwrap_or_else(|error| {
            tracing::warn!("what was kept for the server's absence is erased: {error:#}");
            if let Err(error) = store.erase() {
                tracing::error!("{error:#}");
            }
            None
        });
        let offline = Self {
            store: Some(store),
            state: Mutex::default(),
        };
        if let Some(plan) = plan {
            offline.state.lock().set(plan);
        }
        offline
    }

    /// Tells two plans apart.
    pub(crate) fn digest(&self) -> String {
        self.state.lock().digest.clone()
    }

    /// Takes a new plan in the place of the one before.
    pub(crate) fn take(&self, plan: OfflinePlan) {
        let Some(store) = &self.store else { return };
        if let Err(error) = store.save(&plan) {
            tracing::error!("the plan for the server's absence could not be kept: {error:#}");
        }
        self.state.lock().set(plan);
    }

    /// Erases everything.
    pub(crate) fn erase(&self) {
        let had = {
            let mut state = self.state.lock();
            state.digest.clear();
            !std::mem::take(&mut state.jobs).is_empty()
        };
        if let (true, Some(store)) = (had, &self.store) {
            tracing::warn!("what was kept for the server's absence is erased");
            if let Err(error) = store.erase() {
                tracing::error!("{error:#}");
            }
        }
    }

    /// The server did not answer.
    pub(crate) fn unanswered(&self, monotonic: Duration) {
        self.state.lock().silent.get_or_insert(monotonic);
    }

    /// The server has answered.
    pub(crate) fn answered(&self, monotonic: Duration) {
        let mut state = self.state.lock();
        state.silent = None;
        if state.is_away || state.returned.is_none() {
            state.is_away = false;
            state.returned = Some(monotonic);
        }
    }

    /// Whether the server was back no longer ago than this.
    pub(crate) fn is_just_back(&self, monotonic: Duration, time: Duration) -> bool {
        let returned = self.state.lock().returned;
        returned.is_some_and(|returned| monotonic.saturating_sub(returned) < time)
    }

    /// The work of a job, when it may be started.
    pub(crate) fn work(&self, job: Uuid) -> Option<(RunWork, Timetable)> {
        let state = self.state.lock();
        let job = state.jobs.iter().find(|held| held.work.job_uuid == job)?;
        Some((job.work.clone(), job.timetable.clone()))
    }

    /// Whether the server is away for so long that what is due is started without it. `started` tells when the newest
    /// occurrence of a job was due that was started so before.
    pub(crate) fn is_away(
        &self,
        monotonic: Duration,
        after: Duration,
        last_contact: Timestamp,
        started: impl Fn(Uuid) -> Option<Timestamp>,
    ) -> bool {
        let mut state = self.state.lock();
        let is_long = |silent| monotonic.saturating_sub(silent) >= after;
        if !state.silent.is_some_and(is_long) || state.jobs.is_empty() {
            return false;
        }
        if !state.is_away {
            state.is_away = true;
            tracing::warn!(%last_contact, jobs = state.jobs.len(), "the server is away; what is due is started without it");
            for job in &mut state.jobs {
                let newest = started(job.work.job_uuid);
                job.open = plan::first_open(&job.timetable, last_contact, newest);
            }
        }
        true
    }

    /// Whether the server was not heard from for so long that nothing may be started any more.
    pub(crate) fn is_too_old(last_contact: Timestamp, now: Timestamp) -> bool {
        now.duration_since(last_contact).as_secs() > LONGEST_SILENCE_SECONDS
    }

    /// What is to be started now. What is not confirmed by [`Self::started`] comes again.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<Start> {
        let mut starts = Vec::new();
        for job in &mut self.state.lock().jobs {
            let Some(open) = job.open else { continue };
            let look = plan::look(&job.timetable, open, now);
            match look.start {
                Some(occurrence) => starts.push(Start {
                    work: job.work.clone(),
                    occurrence,
                    stop: job.timetable.stop(occurrence),
                    next: look.next,
                }),
                None => job.open = look.next,
            }
        }
        starts
    }

    /// The job's occurrence was started, or let pass.
    pub(crate) fn started(&self, start: &Start) {
        let mut state = self.state.lock();
        let job = start.work.job_uuid;
        if let Some(held) = state.jobs.iter_mut().find(|held| held.work.job_uuid == job) {
            held.open = start.next;
        }
    }
}

impl State {
    fn set(&mut self, plan: OfflinePlan) {
        self.jobs.clear();
        for job in plan.jobs {
            match serde_json::from_value(job.timetable) {
                Ok(timetable) => self.jobs.push(Job {
                    timetable,
                    work: job.work,
                    open: None,
                }),
                Err(error) => {
                    tracing::error!(
                        job = job.work.job_name,
                        "the job is not started while the server is away, because its schedule cannot be read; update the agent: {error}"
                    );
                }
            }
        }
        self.digest = plan.digest;
    }
}
