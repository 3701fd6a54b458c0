//! The agent's loop: greet, poll, hand out work, and go on whatever the server does.

mod absence;
mod commands;
mod live;
mod recovery;
mod trouble;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use holdfast_host::Clock;
use holdfast_protocol::Secret;
use holdfast_protocol::agent::hello::CLOCK_WARNING_SECONDS;
use holdfast_protocol::agent::{
    ApiError, ApiErrorKind, Capabilities, CommandType, HelloRequest, PROTOCOL_VERSION, PollAnswer,
    PollRequest, RunId, RunWork, RunningRun, ServerApi, Volume,
};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::commands::CommandHandler;
use crate::engines::{Assignment, Registry};
use crate::offline::{Contact, Offline, Pause};
use crate::runs::{Ended, RunHandle, RunServices, deliver, execute, record_end};
use crate::state::{Journal, Record, StatusFile, StatusRun};
use crate::timing::Timing;
use live::Live;
use trouble::{PollPace, Refusals};

/// Commands that are served at the same time; restores and downloads do not count.
const PARALLEL_COMMANDS: usize = 4;

/// Downloads that are sent at the same time.
const PARALLEL_DOWNLOADS: usize = 4;

/// How long runs in hand may take to stop when the agent stops.
const STOP_TIME: Duration = Duration::from_secs(20);

/// Looks for a new identity of the agent; answers its token when there is one.
pub type ReloadIdentity = Box<dyn Fn() -> Option<Secret> + Send + Sync>;

/// What an agent is made of.
pub struct AgentParts {
    /// The server.
    pub api: Arc<dyn ServerApi>,
    /// The journal.
    pub journal: Arc<Journal>,
    /// The engines.
    pub registry: Registry,
    /// What serves commands.
    pub handler: Arc<dyn CommandHandler>,
    /// What may be started while the server is away.
    pub offline: Offline,
    /// When the server was last heard from, as far as an earlier process knew.
    pub last_contact: Option<Contact>,
    /// Intervals.
    pub timing: Timing,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How many backup runs are executed at once, at least 1.
    pub max_runs: u32,
    /// Address of the server, for the status file.
    pub server: String,
    /// Where the status file goes; none when `None`.
    pub status_folder: Option<PathBuf>,
    /// Volumes of the host.
    pub volumes: Vec<Volume>,
    /// Called when the server does not know the agent's identity, to look for a new one. Answers the token when it is
    /// another than before.
    pub reload_identity: ReloadIdentity,
    /// Raised when the agent is to stop.
    pub stop: CancellationToken,
}

/// A running agent.
pub struct Agent {
    services: RunServices,
    handler: Arc<dyn CommandHandler>,
    instance: Uuid,
    max_runs: u32,
    server: String,
    status_folder: Option<PathBuf>,
    volumes: Vec<Volume>,
    reload_identity: ReloadIdentity,
    live: Mutex<Live>,
    slot_freed: Arc<Notify>,
    offline: Offline,
    /// When this process began.
    began: Timestamp,
    /// Whether the server answered the last call of the loop.
    reachable: watch::Sender<bool>,
    /// Held by who tells of a run that was started without the server: one by one, the oldest first.
    telling: Semaphore,
    /// Runs are not started without the server while the journal cannot be written.
    journal_pause: Mutex<Pause>,
    /// Nothing is started without the server, because too many runs wait to be told.
    is_full: AtomicBool,
    command_slots: Arc<Semaphore>,
    download_slots: Arc<Semaphore>,
    tasks: TaskTracker,
    last_contact: Mutex<Option<Contact>>,
    clock_warned: Mutex<Option<i64>>,
}

impl Agent {
    /// Puts an agent together. Each has an instance id of its own.
    pub fn new(parts: AgentParts) -> Arc<Self> {
        let began = parts.clock.now();
        let services = RunServices {
            api: parts.api,
            journal: parts.journal,
            registry: parts.registry,
            timing: parts.timing,
            clock: parts.clock,
            stop: parts.stop,
        };
        Arc::new(Self {
            services,
            handler: parts.handler,
            instance: Uuid::new_v4(),
            max_runs: parts.max_runs.max(1),
            server: parts.server,
            status_folder: parts.status_folder,
            volumes: parts.volumes,
            reload_identity: parts.reload_identity,
            live: Mutex::default(),
            slot_freed: Arc::default(),
            offline: parts.offline,
            began,
            reachable: watch::Sender::new(false),
            telling: Semaphore::new(1),
            journal_pause: Mutex::default(),
            is_full: AtomicBool::new(false),
            command_slots: Arc::new(Semaphore::new(PARALLEL_COMMANDS)),
            download_slots: Arc::new(Semaphore::new(PARALLEL_DOWNLOADS)),
            tasks: TaskTracker::new(),
            last_contact: Mutex::new(parts.last_contact),
            clock_warned: Mutex::default(),
        })
    }

    /// Works until told to stop, then waits for what is in hand to stop too.
    pub async fn run(self: &Arc<Self>) {
        tracing::info!(version = env!("CARGO_PKG_VERSION"), instance = %self.instance, server = self.server, "the agent starts");
        self.recover().await;
        self.tasks.spawn(self.clone().watch_absence());
        let mut refusals = Refusals::new(&self.services.timing);
        let mut pace = PollPace::new(&self.services.timing);
        let mut greeted = false;
        while !self.services.stop.is_cancelled() {
            let result = if greeted {
                self.poll_once(&mut pace).await
            } else {
                self.greet().await
            };
            let pause = match result {
                Ok(pause) => {
                    greeted = true;
                    refusals.succeeded();
                    pause
                }
                Err(error) => {
                    if matches!(
                        error.kind,
                        ApiErrorKind::Unauthorized
                            | ApiErrorKind::Conflict
                            | ApiErrorKind::UpgradeRequired
                    ) {
                        greeted = false;
                    }
                    self.refused(&mut refusals, &error).await
                }
            };
            if !pause.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = self.slot_freed.notified(), if greeted => {}
                    () = self.services.stop.cancelled() => {}
                }
            }
        }
        self.tasks.close();
        if tokio::time::timeout(STOP_TIME, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some work did not stop in time");
        }
        tracing::info!("the agent stops");
    }

    async fn greet(&self) -> Result<Duration, ApiError> {
        let request = HelloRequest {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL_VERSION,
            instance: self.instance,
            host_name: holdfast_host::host_name(),
            capabilities: self.capabilities(),
            volumes: self.volumes.clone(),
            clock: self.services.clock.now(),
        };
        let answer = self.services.api.hello(&request).await?;
        tracing::info!(server_version = answer.server_version, "the server answers");
        for warning in &answer.warnings {
            tracing::warn!("the server warns: {warning}");
        }
        self.contact(answer.server_time).await;
        Ok(Duration::ZERO)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            engines: self.services.registry.backup_names(),
            commands: CommandType::ALL
                .into_iter()
                .map(|kind| kind.as_str().to_owned())
                .collect(),
            slots: self.max_runs,
            privileged: matches!(
                holdfast_host::user_name().as_str(),
                "root" | "SYSTEM" | "system"
            ),
        }
    }

    /// One poll; answers how long to wait before the next.
    async fn poll_once(self: &Arc<Self>, pace: &mut PollPace) -> Result<Duration, ApiError> {
        let (running, commands, slots, reports) = {
            let live = self.live.lock();
            (
                live.running(),
                live.commands(),
                live.free_slots(self.max_runs),
                live.reports(),
            )
        };
        // A server that takes no reports is asked for no more runs.
        let is_full = reports >= self.services.timing.offline_untold;
        // After a silence it is only asked whether it is there: what began without it has to be told before it hands out more.
        let is_silent = self.offline.is_silent();
        let slots = if is_full || is_silent || self.has_to_tell() {
            0
        } else {
            slots
        };
        let busy = !running.is_empty();
        let wait = if is_silent { 0 } else { pace.wait_seconds() };
        let request = PollRequest {
            instance: self.instance,
            slots,
            running,
            commands,
            wait,
            offline_digest: Some(self.offline.digest()),
            clock: Some(self.services.clock.now()),
            offline_unplanned: self.offline.unplanned(),
        };
        let began = Instant::now();
        let answer = tokio::select! {
            answer = self.services.api.poll(&request) => answer,
            // Such a poll cannot carry a run, and commands that it might have carried are delivered again.
            () = self.slot_freed.notified(), if slots == 0 => return Ok(Duration::ZERO),
            () = self.services.stop.cancelled() => return Ok(Duration::ZERO),
        };
        let answer = answer.inspect_err(|error| pace.failed(error, wait, began.elapsed()))?;
        pace.succeeded(wait);
        self.contact(answer.server_time).await;
        let brought_work = answer.run.is_some() || !answer.commands.is_empty();
        self.hand_out(answer).await;
        Ok(pace.pause(wait, busy, brought_work, began.elapsed()))
    }

    async fn hand_out(self: &Arc<Self>, answer: PollAnswer) {
        if let Some(plan) = answer.offline {
            tracing::info!(
                jobs = plan.jobs.len(),
                "the server says what may be started while it is away"
            );
            for job in self.offline.take(plan) {
                self.settle_come(job, answer.server_time).await;
            }
        }
        for forgotten in answer.forget {
            let live = self.live.lock().find(forgotten.run_id);
            if let Some(handle) = live.filter(|handle| handle.running() == Some(forgotten)) {
                handle.abandon();
            }
        }
        for order in answer.cancel {
            let live = self.live.lock().find(order.run_id);
            match live {
                Some(handle) => handle.request_cancel(),
                None => {
                    tracing::debug!(run_id = %order.run_id, "cancel for a run that is not in hand")
                }
            }
        }
        for command in answer.commands {
            self.accept_command(command);
        }
        if let Some(work) = answer.run {
            self.accept_run(work);
        }
    }

    /// Takes a run: a new one, or our own after a restart. A run that is in hand is not begun twice.
    fn accept_run(self: &Arc<Self>, work: RunWork) {
        let claim = RunningRun {
            run_id: work.run_id,
            attempt: work.attempt,
        };
        let is_in_hand = {
            let live = self.live.lock();
            live.find(work.run_id).is_some() || live.is_reporting(claim)
        };
        if is_in_hand {
            tracing::warn!(run_id = %work.run_id, attempt = %work.attempt, "the server handed out a run that is in hand already; it is ignored");
            return;
        }
        if self.report_again(work.run_id, work.attempt) {
            return;
        }
        let cancel_requested = work.cancel_requested;
        let (job, due) = (work.job_uuid, work.due_at);
        let assignment = Assignment::Backup(Box::new(work));
        let handle = self.begin(&assignment);
        if cancel_requested {
            handle.request_cancel();
        }
        let agent = self.clone();
        self.tasks.spawn(async move {
            if let Some(until) = due.filter(|_| agent.offline.work(job).is_some()) {
                let job_uuid = job;
                agent.journal(Record::JobSettled { job_uuid, until }).await;
            }
            let ended = execute(&agent.services, &handle, assignment).await;
            agent.conclude(&handle, ended).await;
        });
    }

    /// A backup has ended: its end is put on record, its slot is free for others, and the server is told by a task of its own,
    /// however long it is away.
    async fn conclude(self: &Arc<Self>, handle: &RunHandle, ended: Option<Ended>) {
        let (run_id, attempt) = (handle.run_id, handle.attempt);
        let Some(Ended { report, .. }) = ended else {
            return self.end(run_id).await;
        };
        record_end(&self.services, attempt, &report).await;
        if let Some(job) = handle.job {
            self.settle_come(job, self.server_clock()).await;
        }
        let stop = self.services.stop.child_token();
        {
            let mut live = self.live.lock();
            live.end(run_id);
            live.begin_report(run_id, attempt, handle.taken(), stop.clone());
        }
        self.slot_freed.notify_one();
        let agent = self.clone();
        self.tasks.spawn(async move {
            deliver(&agent.services, &report, &stop).await;
            agent.live.lock().end_report(run_id, attempt);
            agent.write_status(None).await;
        });
    }

    /// What has come of a job's schedule is not this agent's to start: it is agreed on only now, or a run was at work and let it
    /// pass, as the server does.
    async fn settle_come(&self, job_uuid: Uuid, server_clock: Timestamp) {
        if let Some(until) = self.offline.come_until(job_uuid, server_clock) {
            self.journal(Record::JobSettled { job_uuid, until }).await;
        }
    }

    /// Whether the server has to learn of runs that were started without it, before it hands out others: it would start the
    /// same ones.
    fn has_to_tell(&self) -> bool {
        let monotonic = self.services.clock.monotonic();
        let first = self.services.timing.offline_first;
        self.offline.is_just_back(monotonic, first)
            && self.services.journal.read(|state| state.has_untold())
    }

    /// Enters a run among those in hand.
    fn begin(&self, assignment: &Assignment) -> Arc<RunHandle> {
        let handle = Arc::new(RunHandle::new(assignment, self.services.clock.clone()));
        self.live
            .lock()
            .begin(handle.clone(), !assignment.is_restore());
        handle
    }

    async fn end(&self, run_id: RunId) {
        self.live.lock().end(run_id);
        self.slot_freed.notify_one();
        self.write_status(None).await;
    }

    /// Notes that the server answered and compares the clocks.
    async fn contact(&self, server_time: Timestamp) {
        let now = self.services.clock.now();
        let difference = now.as_second() - server_time.as_second();
        {
            let mut warned = self.clock_warned.lock();
            if difference.abs() < CLOCK_WARNING_SECONDS {
                *warned = None;
            } else if warned
                .is_none_or(|before| (before - difference).abs() > CLOCK_WARNING_SECONDS)
            {
                tracing::warn!(
                    difference_seconds = difference,
                    "this machine's clock differs from the server's; set it right, or times of snapshots will be wrong"
                );
                *warned = Some(difference);
            }
        }
        let steady = self.services.clock.monotonic();
        *self.last_contact.lock() = Some(Contact {
            at: now,
            server_time,
            steady: Some(steady),
        });
        self.offline.answered(steady);
        self.reachable.send_replace(true);
        self.write_status(None).await;
    }

    /// The last word of the server.
    fn last_contact(&self) -> Contact {
        let last = *self.last_contact.lock();
        last.unwrap_or(Contact::assumed(self.began))
    }

    /// What the server's clock shows.
    fn server_clock(&self) -> Timestamp {
        let clock = &self.services.clock;
        self.last_contact()
            .server_clock(clock.now(), clock.monotonic())
    }

    async fn write_status(&self, trouble: Option<String>) {
        let Some(folder) = self.status_folder.clone() else {
            return;
        };
        let runs = self.live.lock().running();
        let contact = *self.last_contact.lock();
        let status = StatusFile {
            process: std::process::id(),
            instance: self.instance,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            server: self.server.clone(),
            last_contact: contact.map(|contact| contact.at),
            server_time: contact.map(|contact| contact.server_time),
            trouble,
            runs: runs
                .iter()
                .map(|run| StatusRun {
                    run_id: run.run_id.0,
                    attempt: run.attempt.0,
                })
                .collect(),
        };
        let written = tokio::task::spawn_blocking(move || status.write(&folder)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!("cannot write the status file: {error}");
        }
    }

    /// Reacts to a failed call; answers how long to wait.
    async fn refused(&self, refusals: &mut Refusals, error: &ApiError) -> Duration {
        self.write_status(Some(error.detail.clone())).await;
        let monotonic = self.services.clock.monotonic();
        match error.kind {
            ApiErrorKind::Unreachable | ApiErrorKind::Server => {
                self.offline.unanswered(monotonic);
                self.reachable.send_replace(false);
            }
            // It is there and has refused.
            _ => self.offline.answered(monotonic),
        }
        if error.kind == ApiErrorKind::Unauthorized {
            self.offline.erase();
        }
        let reaction = refusals.react(error);
        if reaction.reload_identity
            && let Some(token) = (self.reload_identity)()
        {
            self.offline.use_token(&token);
        }
        if reaction.stop_runs {
            self.live.lock().abandon_all();
        }
        reaction.pause
    }
}
