//! What the agent may start by itself while the server is away: kept sealed, used after some minutes of silence, erased
//! when the server takes it back, refuses this agent, or is not heard from for too long.

mod contact;
mod pause;
mod plan;
mod store;

use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_planning::occurrences::{Occurrence, Timetable};
use holdfast_protocol::Secret;
use holdfast_protocol::agent::offline::LONGEST_SILENCE_SECONDS;
use holdfast_protocol::agent::{OfflineJob, OfflinePlan, RunSettings, RunWork};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::Value;
use uuid::Uuid;

pub use contact::Contact;
pub(crate) use pause::Pause;
use store::{Kept, PlanStore};

/// The machine slept when nobody looked at the clock for longer than this.
const LONGEST_BLINK: Duration = Duration::from_secs(60);

/// The pause before a run is started again grows until it has doubled so often.
const MOST_DOUBLINGS: u32 = 4;

/// What is kept for the server's absence.
#[derive(Debug)]
pub struct Offline {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    store: Option<PlanStore>,
    /// Nothing is kept on disk.
    is_erased: bool,
    digest: String,
    jobs: Vec<Job>,
    /// Jobs of the plan that cannot be started because their schedules cannot be read here. Nothing else of them is kept.
    unplanned: Vec<Uuid>,
    /// Since when the server does not answer, by the clock that never goes back. A call that it holds open is no silence.
    silent: Option<Duration>,
    /// It is silent for long enough, and the open occurrences are those of this absence.
    is_away: bool,
    /// When it was back, or answered this process for the first time.
    returned: Option<Duration>,
    /// The last look at the clock.
    looked: Option<Duration>,
}

#[derive(Debug)]
struct Job {
    timetable: Timetable,
    /// The timetable as it was sent.
    sent: Value,
    work: RunWork,
    settings: Option<RunSettings>,
    /// The first occurrence of this absence that was not looked at.
    open: Option<Occurrence>,
    /// Its storage could not be reached.
    pause: Pause,
    /// How often that was so in a row.
    failures: u32,
}

/// A run that is to be started.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) work: RunWork,
    pub(crate) settings: Option<RunSettings>,
    pub(crate) occurrence: Occurrence,
    /// When it has to end.
    pub(crate) stop: Option<Timestamp>,
    /// What is looked at when it was started.
    next: Option<Occurrence>,
}

impl Offline {
    /// What an agent with this token has kept in its state folder. What cannot be read is erased: the server gives it again.
    pub fn open(folder: &Path, token: &Secret) -> Self {
        let offline = Self {
            folder: folder.to_owned(),
            state: Mutex::default(),
        };
        let mut state = offline.state.lock();
        state.use_token(folder, token);
        match state.store.as_ref().map(PlanStore::load) {
            Some(Ok(Some(kept))) => state.set(kept),
            Some(Ok(None)) | None => {}
            Some(Err(error)) => {
                tracing::warn!("what was kept for the server's absence is erased: {error:#}");
                state.erase();
            }
        }
        drop(state);
        offline
    }

    /// The agent has another token, for example because it was enrolled anew: what was kept with the one before is erased, and
    /// what comes is sealed with this one.
    pub(crate) fn use_token(&self, token: &Secret) {
        let mut state = self.state.lock();
        state.erase();
        state.use_token(&self.folder, token);
    }

    /// Tells two plans apart.
    pub(crate) fn digest(&self) -> String {
        self.state.lock().digest.clone()
    }

    /// Jobs of the plan that cannot be started.
    pub(crate) fn unplanned(&self) -> Vec<Uuid> {
        self.state.lock().unplanned.clone()
    }

    /// Takes a new plan in the place of the one before. Answers the jobs that were not in that, or had another schedule: what
    /// has come of them until now is not this agent's to start.
    pub(crate) fn take(&self, plan: OfflinePlan) -> Vec<Uuid> {
        let mut state = self.state.lock();
        let (jobs, unplanned): (Vec<_>, Vec<_>) =
            plan.jobs
                .into_iter()
                .partition(|job| match timetable_of(job) {
                    Ok(_) => true,
                    Err(error) => {
                        tracing::error!(
                            job = job.work.job_name,
                            "the job is not started while the server is away, because its schedule cannot be read; update the agent: {error}"
                        );
                        false
                    }
                });
        let is_new = |job: &&OfflineJob| {
            let same = |held: &&Job| held.work.job_uuid == job.work.job_uuid;
            let held = state.jobs.iter().find(same);
            held.is_none_or(|held| held.sent != job.timetable)
        };
        let new = jobs.iter().filter(is_new).map(|job| job.work.job_uuid);
        let new = new.collect();
        let kept = Kept {
            digest: plan.digest,
            jobs,
            unplanned: unplanned.iter().map(|job| job.work.job_uuid).collect(),
        };
        if kept.jobs.is_empty() && kept.unplanned.is_empty() {
            state.erase();
            return new;
        }
        state.is_erased = false;
        let saved = state.store.as_ref().map(|store| store.save(&kept));
        if let Some(Err(error)) = saved {
            tracing::error!(
                "the plan for the server's absence could not be kept; it is lost if the agent stops: {error:#}"
            );
            // What it replaces may have been taken back.
            state.erase();
        }
        state.set(kept);
        new
    }

    /// Erases everything.
    pub(crate) fn erase(&self) {
        self.state.lock().erase();
    }

    /// The server did not answer.
    pub(crate) fn unanswered(&self, monotonic: Duration) {
        self.state.lock().silent.get_or_insert(monotonic);
    }

    /// Whether the server has not answered what it was asked last.
    pub(crate) fn is_silent(&self) -> bool {
        self.state.lock().silent.is_some()
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

    /// Until when everything of a job has come, by the server's clock.
    pub(crate) fn come_until(&self, job: Uuid, server_clock: Timestamp) -> Option<Timestamp> {
        let state = self.state.lock();
        let job = state.jobs.iter().find(|held| held.work.job_uuid == job)?;
        plan::come_until(&job.timetable, server_clock)
    }

    /// Looks at the clock. A machine that slept has to find its network first: the silence counts anew.
    pub(crate) fn look(&self, monotonic: Duration) {
        let mut state = self.state.lock();
        let before = state.looked.replace(monotonic);
        let slept = before.is_some_and(|before| monotonic.saturating_sub(before) > LONGEST_BLINK);
        if slept && state.silent.is_some() {
            tracing::info!("the machine has slept; the server has some time to answer again");
            state.silent = Some(monotonic);
            state.is_away = false;
        }
    }

    /// Whether the server is away for so long that what is due is started without it. The last contact is told by the
    /// server's clock; `settled` tells until when nothing of a job is to be started here.
    pub(crate) fn is_away(
        &self,
        monotonic: Duration,
        after: Duration,
        last_contact: Timestamp,
        settled: impl Fn(Uuid) -> Option<Timestamp>,
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
                let settled = settled(job.work.job_uuid);
                job.open = plan::first_open(&job.timetable, last_contact, settled);
            }
        }
        true
    }

    /// Whether the server was not heard from for so long that nothing may be started any more.
    pub(crate) fn is_too_old(last_contact: Timestamp, now: Timestamp) -> bool {
        now.duration_since(last_contact).as_secs() > LONGEST_SILENCE_SECONDS
    }

    /// What is to be started now, by the server's clock. What is not confirmed by [`Self::started`] comes again.
    pub(crate) fn due(&self, server_clock: Timestamp, monotonic: Duration) -> Vec<Start> {
        let mut starts = Vec::new();
        for job in &mut self.state.lock().jobs {
            let Some(open) = job.open.filter(|_| job.pause.is_over(monotonic)) else {
                continue;
            };
            let look = plan::look(&job.timetable, open, server_clock);
            match look.start {
                Some(occurrence) => starts.push(Start {
                    work: job.work.clone(),
                    settings: job.settings.clone(),
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
        if let Some(held) = state.job(start.work.job_uuid) {
            held.open = start.next;
        }
    }

    /// The run of a job's occurrence did not reach its storage: it, or the newest by then, is started after a pause, which
    /// is answered.
    pub(crate) fn undone(
        &self,
        job: Uuid,
        occurrence: Occurrence,
        monotonic: Duration,
        first_pause: Duration,
    ) -> Option<Duration> {
        let mut state = self.state.lock();
        let held = state.job(job)?;
        let pause = first_pause.saturating_mul(2u32.pow(held.failures.min(MOST_DOUBLINGS)));
        held.failures += 1;
        held.pause.failed(monotonic, pause);
        held.open = Some(occurrence);
        Some(pause)
    }

    /// A run of a job did reach its storage.
    pub(crate) fn went_well(&self, job: Uuid) {
        let mut state = self.state.lock();
        if let Some(held) = state.job(job) {
            held.failures = 0;
            held.pause.went_well();
        }
    }
}

fn timetable_of(job: &OfflineJob) -> serde_json::Result<Timetable> {
    serde_json::from_value(job.timetable.clone())
}

impl State {
    fn use_token(&mut self, folder: &Path, token: &Secret) {
        self.store = PlanStore::new(folder, token)
            .inspect_err(|error| {
                tracing::error!("nothing is kept for the server's absence: {error:#}");
            })
            .ok();
    }

    fn job(&mut self, job: Uuid) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|held| held.work.job_uuid == job)
    }

    /// Forgets everything, and takes it from the disk whatever is known of what lies there.
    fn erase(&mut self) {
        self.digest.clear();
        self.jobs.clear();
        self.unplanned.clear();
        if self.is_erased {
            return;
        }
        match self.store.as_ref().map(PlanStore::erase) {
            Some(Ok(had)) => {
                self.is_erased = true;
                if had {
                    tracing::warn!("what was kept for the server's absence is erased");
                }
            }
            Some(Err(error)) => tracing::error!("{error:#}"),
            None => {}
        }
    }

    fn set(&mut self, kept: Kept) {
        self.jobs.clear();
        self.unplanned = kept.unplanned;
        for job in kept.jobs {
            match timetable_of(&job) {
                Ok(timetable) => self.jobs.push(Job {
                    timetable,
                    sent: job.timetable,
                    work: job.work,
                    settings: job.settings,
                    open: None,
                    pause: Pause::default(),
                    failures: 0,
                }),
                // It could be read when it was kept.
                Err(error) => {
                    tracing::error!(
                        job = job.work.job_name,
                        "the job is not started while the server is away, because its schedule cannot be read any more: {error}"
                    );
                    self.unplanned.push(job.work.job_uuid);
                }
            }
        }
        self.digest = kept.digest;
        // A job that was open stays so: it is looked at anew.
        self.is_away = false;
    }
}

#[cfg(test)]
mod tests;
