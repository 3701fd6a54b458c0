//! The contract as a trait, so that the agent's loop runs against HTTP in production and against a script in tests.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;
use uuid::Uuid;

use super::commands::{CommandOutcome, CommandPartial};
use super::enrol::{EnrolRequest, Enrolled, LoginRequest};
use super::hello::{HelloAnswer, HelloRequest};
use super::ids::{CommandId, RunId};
use super::log::PushLog;
use super::offline::{OfflineRun, OfflineRunTaken};
use super::poll::{PollAnswer, PollRequest};
use super::update::{PushEvents, RunUpdate, UpdateAnswer};

/// Header that carries the agent's id.
pub const AGENT_ID_HEADER: &str = "x-agent-id";

/// Header that carries the agent's token.
pub const AGENT_TOKEN_HEADER: &str = "x-agent-token";

/// Header of a transfer that carries the length of what is sent in bytes, when it is known before.
pub const TRANSFER_SIZE_HEADER: &str = "x-transfer-size";

/// What a transfer sends. An error in it breaks the transfer off, so that nobody takes what came for all.
pub type TransferBody = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Routes of the contract, below the server's origin.
pub mod routes {
    use super::{CommandId, RunId, Uuid};

    /// Prefix of all of them.
    pub const PREFIX: &str = "/agent/v1";
    /// `POST`: enrolment by token.
    pub const ENROL: &str = "/agent/v1/enrol";
    /// `POST`: enrolment by account.
    pub const LOGIN: &str = "/agent/v1/login";
    /// `POST`: first call of a process.
    pub const HELLO: &str = "/agent/v1/hello";
    /// `POST`: the long poll.
    pub const POLL: &str = "/agent/v1/poll";

    /// `POST`: a run that was started without the server.
    pub const OFFLINE_RUNS: &str = "/agent/v1/offline-runs";

    /// `POST`: an update of a run.
    pub fn run_update(run: RunId) -> String {
        format!("{PREFIX}/runs/{run}/update")
    }

    /// `POST`: events of a run.
    pub fn run_events(run: RunId) -> String {
        format!("{PREFIX}/runs/{run}/events")
    }

    /// `POST`: lines of a run's log.
    pub fn run_log(run: RunId) -> String {
        format!("{PREFIX}/runs/{run}/log")
    }

    /// `POST`: a part of a command's result.
    pub fn command_partial(command: CommandId) -> String {
        format!("{PREFIX}/commands/{command}/partial")
    }

    /// `POST`: the bytes of something that somebody downloads.
    pub fn transfer(transfer: Uuid) -> String {
        format!("{PREFIX}/transfers/{transfer}")
    }

    /// `POST`: the end of a command.
    pub fn command_complete(command: CommandId) -> String {
        format!("{PREFIX}/commands/{command}/complete")
    }
}

/// The agent's view of the server.
#[async_trait]
pub trait ServerApi: Send + Sync {
    /// Exchanges an enrolment token for an identity.
    async fn enrol(&self, request: &EnrolRequest) -> Result<Enrolled, ApiError>;
    /// Enrols with an account.
    async fn login(&self, request: &LoginRequest) -> Result<Enrolled, ApiError>;
    /// Introduces this process.
    async fn hello(&self, request: &HelloRequest) -> Result<HelloAnswer, ApiError>;
    /// Asks for work; waits as long as the request says.
    async fn poll(&self, request: &PollRequest) -> Result<PollAnswer, ApiError>;
    /// Reports the state of a run.
    async fn update_run(&self, update: &RunUpdate) -> Result<UpdateAnswer, ApiError>;
    /// Appends events to a run.
    async fn push_events(&self, events: &PushEvents) -> Result<(), ApiError>;
    /// Appends lines to a run's log.
    async fn push_log(&self, log: &PushLog) -> Result<(), ApiError>;
    /// Tells of a run that was started without the server.
    async fn offline_run(&self, run: &OfflineRun) -> Result<OfflineRunTaken, ApiError>;
    /// Sends a part of a command's result.
    async fn command_partial(
        &self,
        command: CommandId,
        partial: &CommandPartial,
    ) -> Result<(), ApiError>;
    /// Sends what somebody downloads, `size` bytes where that is known; answers when it has all been taken.
    async fn transfer(
        &self,
        transfer: Uuid,
        size: Option<u64>,
        body: TransferBody,
    ) -> Result<(), ApiError>;
    /// Ends a command.
    async fn command_complete(
        &self,
        command: CommandId,
        outcome: &CommandOutcome,
    ) -> Result<(), ApiError>;
}

/// Why a call failed, by what the agent does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiErrorKind {
    /// No answer, or one that is not the server's (a proxy's page): try again later.
    Unreachable,
    /// 401: the token is wrong, the agent disabled or deleted: stop work, ask again seldom.
    Unauthorized,
    /// 403 or 404: the object is not this agent's, or no more.
    NotFound,
    /// 409: another attempt or another instance owns it.
    Conflict,
    /// 426: the protocol of this agent is not served any more.
    UpgradeRequired,
    /// 429: too many requests.
    TooManyRequests,
    /// Any other 4xx: the request is wrong and repeating it does not help.
    Rejected,
    /// 5xx: try again later.
    Server,
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ApiError {
    /// What to do about it.
    pub kind: ApiErrorKind,
    /// Code of the problem document, empty when there was none.
    pub code: String,
    /// Sentence for the log.
    pub detail: String,
    /// How to update this agent, with [`ApiErrorKind::UpgradeRequired`].
    pub update_command: Option<String>,
    /// When to try again, when the server said so.
    pub retry_after: Option<Duration>,
}

impl ApiError {
    /// An error without a code.
    pub fn new(kind: ApiErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            code: String::new(),
            detail: detail.into(),
            update_command: None,
            retry_after: None,
        }
    }

    /// The kind of an HTTP status of 400 and above.
    pub fn kind_of_status(status: u16) -> ApiErrorKind {
        match status {
            401 => ApiErrorKind::Unauthorized,
            403 | 404 => ApiErrorKind::NotFound,
            409 => ApiErrorKind::Conflict,
            426 => ApiErrorKind::UpgradeRequired,
            408 => ApiErrorKind::Unreachable,
            429 => ApiErrorKind::TooManyRequests,
            400..=499 => ApiErrorKind::Rejected,
            _ => ApiErrorKind::Server,
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self.kind,
            ApiErrorKind::Unreachable | ApiErrorKind::TooManyRequests | ApiErrorKind::Server
        )
    }
}
