//! A server that does what the test says, an engine that does what the test says, and an agent between them.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::StreamExt as _;
use holdfast_agent::agent::{Agent, AgentParts, ReloadIdentity};
use holdfast_agent::commands::{CommandContext, CommandHandler};
use holdfast_agent::engines::{Assignment, Engine, Registry, RunContext, RunResult};
use holdfast_agent::failure::WorkError;
use holdfast_agent::offline::Offline;
use holdfast_agent::state::{Journal, StatusFile};
use holdfast_agent::timing::Timing;
use holdfast_host::{Clock, ManualClock, SystemClock};
use holdfast_protocol::Secret;
use holdfast_protocol::agent::{
    AgentId, ApiError, ApiErrorKind, Attempt, CancelOrder, CommandDelivery, CommandId,
    CommandOutcome, CommandPartial, CommandPayload, DestinationType, EncryptionMode, EnrolRequest,
    Enrolled, HelloAnswer, HelloRequest, LoginRequest, OfflineRun, OfflineRunTaken, PollAnswer,
    PollRequest, PushEvents, PushLog, RunEvent, RunId, RunStatus, RunUpdate, RunWork, RunningRun,
    ServerApi, TransferBody, UpdateAnswer, VaultContext,
};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Longest time that a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything the agent said.
#[derive(Default, Clone)]
pub(crate) struct Heard {
    pub(crate) enrolments: Vec<EnrolRequest>,
    pub(crate) hellos: Vec<HelloRequest>,
    pub(crate) polls: Vec<PollRequest>,
    pub(crate) updates: Vec<RunUpdate>,
    pub(crate) events: Vec<RunEvent>,
    /// The claim under which each of them came.
    pub(crate) event_attempts: Vec<Attempt>,
    pub(crate) log: Vec<PushLog>,
    pub(crate) partials: Vec<(CommandId, CommandPartial)>,
    pub(crate) outcomes: Vec<(CommandId, CommandOutcome)>,
    pub(crate) offline_runs: Vec<OfflineRun>,
    /// What was sent: for which transfer, the length that was announced, the bytes, whether they came to their end.
    pub(crate) transfers: Vec<(Uuid, Option<u64>, Vec<u8>, bool)>,
    /// Updates and events in the order of arrival, as words.
    pub(crate) order: Vec<String>,
}

impl Heard {
    /// The terminal updates.
    pub(crate) fn ends(&self) -> Vec<&RunUpdate> {
        self.updates
            .iter()
            .filter(|update| update.status.is_some_and(RunStatus::is_terminal))
            .collect()
    }

    pub(crate) fn message_ids(&self) -> Vec<&str> {
        self.events
            .iter()
            .map(|event| event.message_id.as_str())
            .collect()
    }

    pub(crate) fn place(&self, word: &str) -> usize {
        self.order
            .iter()
            .position(|said| said == word)
            .unwrap_or_else(|| panic!("{word} was not said: {:?}", self.order))
    }
}

#[derive(Default)]
struct Script {
    answers: VecDeque<PollAnswer>,
    heard: Heard,
    outage: bool,
    poll_error: Option<ApiErrorKind>,
    update_error: Option<ApiErrorKind>,
    event_error: Option<ApiErrorKind>,
    log_error: Option<ApiErrorKind>,
    /// Refuses updates with this status for good.
    refused_status: Option<RunStatus>,
    cancel_requested: bool,
    /// What the server's clock is, where it is not this machine's.
    clock: Option<Arc<ManualClock>>,
}

#[derive(Default)]
pub(crate) struct ScriptedServer {
    script: Mutex<Script>,
    changed: Notify,
}

impl ScriptedServer {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn answer(&self, answer: PollAnswer) {
        self.script.lock().answers.push_back(answer);
        self.changed.notify_waiters();
    }

    pub(crate) fn hand_out(&self, work: RunWork) {
        self.answer(PollAnswer {
            run: Some(work),
            ..empty()
        });
    }

    pub(crate) fn deliver(&self, id: i64, kind: &str, payload: Value, vault: Option<VaultContext>) {
        let command = CommandDelivery {
            command_id: CommandId(id),
            kind: kind.to_owned(),
            payload,
            vault,
        };
        self.answer(PollAnswer {
            commands: vec![command],
            ..empty()
        });
    }

    pub(crate) fn cancel(&self, run: i64) {
        self.answer(PollAnswer {
            cancel: vec![CancelOrder::new(RunId(run))],
            ..empty()
        });
    }

    pub(crate) fn cancel_by_update(&self) {
        self.script.lock().cancel_requested = true;
    }

    pub(crate) fn forget(&self, run: RunningRun) {
        self.answer(PollAnswer {
            forget: vec![run],
            ..empty()
        });
    }

    pub(crate) fn set_outage(&self, outage: bool) {
        self.script.lock().outage = outage;
        self.changed.notify_waiters();
    }

    pub(crate) fn set_poll_error(&self, error: Option<ApiErrorKind>) {
        self.script.lock().poll_error = error;
        self.changed.notify_waiters();
    }

    pub(crate) fn set_update_error(&self, error: Option<ApiErrorKind>) {
        self.script.lock().update_error = error;
    }

    pub(crate) fn set_event_error(&self, error: Option<ApiErrorKind>) {
        self.script.lock().event_error = error;
    }

    pub(crate) fn set_log_error(&self, error: Option<ApiErrorKind>) {
        self.script.lock().log_error = error;
    }

    pub(crate) fn set_clock(&self, clock: Arc<ManualClock>) {
        self.script.lock().clock = Some(clock);
    }

    fn now(&self) -> Timestamp {
        let script = self.script.lock();
        script
            .clock
            .as_ref()
            .map_or_else(Timestamp::now, |clock| clock.now())
    }

    pub(crate) fn refuse_status(&self, status: RunStatus) {
        self.script.lock().refused_status = Some(status);
    }

    pub(crate) fn heard(&self) -> Heard {
        self.script.lock().heard.clone()
    }

    /// Waits until `seen` finds what it looks for.
    pub(crate) async fn wait_for<T>(
        &self,
        what: &str,
        mut seen: impl FnMut(&Heard) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let changed = self.changed.notified();
            let found = seen(&self.script.lock().heard);
            if let Some(found) = found {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "waited too long for {what}; last heard: {:?}",
                self.heard().order.iter().rev().take(20).collect::<Vec<_>>()
            );
            let _ = tokio::time::timeout(Duration::from_millis(50), changed).await;
        }
    }

    pub(crate) async fn wait_for_end(&self) -> RunUpdate {
        self.wait_for("the end of the run", |heard| {
            heard.ends().first().map(|end| (*end).clone())
        })
        .await
    }

    pub(crate) async fn wait_for_event(&self, id: &str) -> RunEvent {
        self.wait_for(id, |heard| {
            heard
                .events
                .iter()
                .find(|event| event.message_id == id)
                .cloned()
        })
        .await
    }

    pub(crate) async fn wait_for_outcome(&self, id: i64) -> CommandOutcome {
        let found = |heard: &Heard| {
            heard
                .outcomes
                .iter()
                .find(|(heard, _)| heard.0 == id)
                .map(|(_, outcome)| outcome.clone())
        };
        self.wait_for("the end of the command", found).await
    }

    fn online(&self) -> Result<(), ApiError> {
        if self.script.lock().outage {
            Err(ApiError::new(
                ApiErrorKind::Unreachable,
                "connection refused",
            ))
        } else {
            Ok(())
        }
    }

    fn next_answer(&self, request: &PollRequest) -> Result<Option<PollAnswer>, ApiError> {
        let mut script = self.script.lock();
        if let Some(kind) = script.poll_error {
            return Err(ApiError::new(kind, "refused"));
        }
        let takes = |answer: &PollAnswer| answer.run.is_none() || request.slots > 0;
        if script.answers.front().is_some_and(takes) {
            Ok(script.answers.pop_front())
        } else {
            Ok(None)
        }
    }

    fn note(&self, note: impl FnOnce(&mut Heard)) {
        note(&mut self.script.lock().heard);
        self.changed.notify_waiters();
    }
}

#[async_trait]
impl ServerApi for ScriptedServer {
    async fn enrol(&self, request: &EnrolRequest) -> Result<Enrolled, ApiError> {
        self.online()?;
        self.note(|heard| heard.enrolments.push(request.clone()));
        Ok(Enrolled {
            agent_id: AgentId(7),
            agent_token: Secret::new("hfa_given"),
        })
    }

    async fn login(&self, _: &LoginRequest) -> Result<Enrolled, ApiError> {
        Err(ApiError::new(ApiErrorKind::Rejected, "not in this script"))
    }

    async fn hello(&self, request: &HelloRequest) -> Result<HelloAnswer, ApiError> {
        self.online()?;
        let refused = self.script.lock().poll_error;
        if let Some(kind) = refused {
            return Err(ApiError::new(kind, "refused"));
        }
        self.note(|heard| heard.hellos.push(request.clone()));
        Ok(HelloAnswer {
            server_version: "1".into(),
            protocol: 1,
            server_time: self.now(),
            product_name: String::new(),
            warnings: Vec::new(),
        })
    }

    async fn poll(&self, request: &PollRequest) -> Result<PollAnswer, ApiError> {
        self.online()?;
        self.note(|heard| heard.polls.push(request.clone()));
        // A second of waiting is a tenth of one here.
        let deadline = Instant::now() + Duration::from_millis(100) * request.wait;
        loop {
            let changed = self.changed.notified();
            self.online()?;
            let server_time = self.now();
            if let Some(answer) = self.next_answer(request)? {
                return Ok(PollAnswer {
                    server_time,
                    ..answer
                });
            }
            if Instant::now() >= deadline {
                return Ok(PollAnswer {
                    server_time,
                    ..empty()
                });
            }
            let _ = tokio::time::timeout(Duration::from_millis(20), changed).await;
        }
    }

    async fn update_run(&self, update: &RunUpdate) -> Result<UpdateAnswer, ApiError> {
        self.online()?;
        let refused = self.script.lock().update_error;
        if let Some(kind) = refused {
            return Err(ApiError::new(kind, "refused"));
        }
        if update.status.is_some() && update.status == self.script.lock().refused_status {
            return Err(ApiError::new(ApiErrorKind::Rejected, "too long by half"));
        }
        self.note(|heard| {
            heard.order.push(
                update
                    .status
                    .map_or("heartbeat", RunStatus::as_str)
                    .to_owned(),
            );
            heard.updates.push(update.clone());
        });
        Ok(UpdateAnswer {
            cancel_requested: self.script.lock().cancel_requested,
        })
    }

    async fn push_log(&self, log: &PushLog) -> Result<(), ApiError> {
        self.online()?;
        let refused = self.script.lock().log_error;
        if let Some(kind) = refused {
            return Err(ApiError::new(kind, "refused"));
        }
        self.note(|heard| heard.log.push(log.clone()));
        Ok(())
    }

    async fn push_events(&self, events: &PushEvents) -> Result<(), ApiError> {
        self.online()?;
        let refused = self.script.lock().event_error;
        if let Some(kind) = refused {
            return Err(ApiError::new(kind, "refused"));
        }
        self.note(|heard| {
            heard
                .order
                .extend(events.events.iter().map(|event| event.message_id.clone()));
            heard.events.extend(events.events.iter().cloned());
            heard
                .event_attempts
                .extend(events.events.iter().map(|_| events.attempt));
        });
        Ok(())
    }

    async fn offline_run(&self, run: &OfflineRun) -> Result<OfflineRunTaken, ApiError> {
        self.online()?;
        let mut number = 0;
        self.note(|heard| {
            heard.order.push("offline run".to_owned());
            let known: BTreeSet<_> = heard.offline_runs.iter().map(|run| run.run_uuid).collect();
            number = 77 + i64::try_from(known.len()).unwrap();
            heard.offline_runs.push(run.clone());
        });
        Ok(OfflineRunTaken {
            run_id: RunId(number),
            attempt: Attempt(3),
        })
    }

    async fn command_partial(
        &self,
        command: CommandId,
        partial: &CommandPartial,
    ) -> Result<(), ApiError> {
        self.online()?;
        self.note(|heard| heard.partials.push((command, partial.clone())));
        Ok(())
    }

    async fn transfer(
        &self,
        transfer: Uuid,
        size: Option<u64>,
        mut body: TransferBody,
    ) -> Result<(), ApiError> {
        self.online()?;
        let mut bytes = Vec::new();
        let mut is_whole = true;
        while let Some(piece) = body.next().await {
            match piece {
                Ok(piece) => bytes.extend_from_slice(&piece),
                Err(_) => is_whole = false,
            }
        }
        self.note(|heard| heard.transfers.push((transfer, size, bytes, is_whole)));
        Ok(())
    }

    async fn command_complete(
        &self,
        command: CommandId,
        outcome: &CommandOutcome,
    ) -> Result<(), ApiError> {
        self.online()?;
        self.note(|heard| heard.outcomes.push((command, outcome.clone())));
        Ok(())
    }
}

pub(crate) fn empty() -> PollAnswer {
    PollAnswer {
        run: None,
        commands: Vec::new(),
        cancel: Vec::new(),
        forget: Vec::new(),
        offline: None,
        server_time: Timestamp::now(),
    }
}

type Work = dyn Fn(&Assignment, &RunContext) -> Result<RunResult, WorkError> + Send + Sync;

/// An engine that does what a closure says.
pub(crate) struct ScriptedEngine {
    name: &'static str,
    work: Box<Work>,
}

impl ScriptedEngine {
    pub(crate) fn new(
        work: impl Fn(&Assignment, &RunContext) -> Result<RunResult, WorkError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            name: "kopia",
            work: Box::new(work),
        })
    }

    pub(crate) fn restore(
        work: impl Fn(&Assignment, &RunContext) -> Result<RunResult, WorkError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            name: "restore",
            work: Box::new(work),
        })
    }
}

impl Engine for ScriptedEngine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&self, assignment: &Assignment, context: &RunContext) -> Result<RunResult, WorkError> {
        (self.work)(assignment, context)
    }
}

/// Answers each command with its own payload, after one part; counts what it served.
#[derive(Default)]
pub(crate) struct EchoHandler {
    pub(crate) served: Mutex<Vec<CommandPayload>>,
}

impl CommandHandler for EchoHandler {
    fn serve(
        &self,
        payload: &CommandPayload,
        _: Option<&VaultContext>,
        context: &CommandContext,
    ) -> Result<Value, WorkError> {
        self.served.lock().push(payload.clone());
        if let CommandPayload::BrowseDirectory(request) = payload {
            if request.path == "/huge" {
                return Ok(Value::String("x".repeat(9 << 20)));
            }
            if request.path == "/panic" {
                panic!("told to");
            }
        }
        context.partials.send(json!({"part": 1}));
        // A part that is overtaken by the result is not sent any more.
        context.cancel.wait_timeout(Duration::from_millis(50));
        Ok(serde_json::to_value(payload).unwrap())
    }
}

/// A running agent; dropping it stops it.
pub(crate) struct Running {
    pub(crate) stop: CancellationToken,
    pub(crate) handler: Arc<EchoHandler>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    pub(crate) async fn finish(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("the agent stops")
            .unwrap();
    }
}

pub(crate) fn quick() -> Timing {
    Timing {
        poll_wait_seconds: 5,
        idle_poll: Duration::from_millis(50),
        busy_poll: Duration::from_millis(30),
        poll_gap: Duration::from_millis(2),
        progress: Duration::from_millis(30),
        progress_event: Duration::from_millis(80),
        retry_first: Duration::from_millis(10),
        retry_longest: Duration::from_millis(40),
        refused: Duration::from_millis(60),
        offline_after: Duration::from_millis(200),
        offline_look: Duration::from_millis(10),
        offline_retry: Duration::from_millis(100),
        ..Timing::default()
    }
}

pub(crate) fn start(
    server: &Arc<ScriptedServer>,
    engines: Vec<Arc<ScriptedEngine>>,
    state: &Path,
) -> Running {
    start_with(server, engines, state, || None)
}

pub(crate) fn start_with(
    server: &Arc<ScriptedServer>,
    engines: Vec<Arc<ScriptedEngine>>,
    state: &Path,
    reload_identity: impl Fn() -> Option<Secret> + Send + Sync + 'static,
) -> Running {
    let setting = Setting {
        clock: Arc::new(SystemClock::new()),
        timing: quick(),
        reload_identity: Box::new(reload_identity),
    };
    start_in(server, engines, state, setting)
}

/// Where an agent works.
pub(crate) struct Setting {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timing: Timing,
    pub(crate) reload_identity: ReloadIdentity,
}

impl Setting {
    /// With a clock that the test moves.
    pub(crate) fn at(clock: &Arc<ManualClock>) -> Self {
        Self {
            clock: clock.clone(),
            timing: quick(),
            reload_identity: Box::new(|| None),
        }
    }
}

pub(crate) fn start_in(
    server: &Arc<ScriptedServer>,
    engines: Vec<Arc<ScriptedEngine>>,
    state: &Path,
    setting: Setting,
) -> Running {
    let stop = CancellationToken::new();
    let handler = Arc::new(EchoHandler::default());
    let registry = engines
        .into_iter()
        .fold(Registry::default(), |registry, engine| {
            registry.with(engine)
        });
    let journal = Journal::open(&state.join("agent.journal"), Timestamp::now()).unwrap();
    let agent = Agent::new(AgentParts {
        api: server.clone(),
        journal: Arc::new(journal),
        registry,
        handler: handler.clone(),
        offline: Offline::open(state, &Secret::new("token")),
        last_contact: StatusFile::read(state).and_then(|status| status.contact()),
        timing: setting.timing,
        clock: setting.clock,
        max_runs: 1,
        server: "https://script".into(),
        status_folder: Some(state.to_owned()),
        volumes: Vec::new(),
        reload_identity: setting.reload_identity,
        stop: stop.clone(),
    });
    let task = tokio::spawn(async move { agent.run().await });
    Running {
        stop,
        handler,
        task,
    }
}

/// A run as the server would hand it out.
pub(crate) fn work(run_id: i64, attempt: u32) -> RunWork {
    serde_json::from_value(json!({
        "run_id": run_id, "run_uuid": "01920000-0000-7000-8000-000000000001", "attempt": attempt,
        "job_id": 3, "job_uuid": "01920000-0000-7000-8000-000000000003", "engine": "kopia",
        "source_paths": ["/srv"], "source_identity": {"user": "root", "host": "web"},
        "vault_id": "01920000-0000-7000-8000-000000000002", "vault_state": "ready", "dest_type": "local",
        "dest_local_path": "/backup", "encryption_mode": "managed", "a_field_of_tomorrow": {"x": 1},
    }))
    .unwrap()
}

pub(crate) fn vault() -> VaultContext {
    let vault = work(1, 1).vault;
    assert_eq!(
        (vault.dest_type, vault.encryption_mode),
        (DestinationType::Local, EncryptionMode::Managed)
    );
    vault
}
