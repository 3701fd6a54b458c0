//! The agent contract, `/agent/v1`: what an agent and the server say to each other.
//!
//! Agents pull: one long poll brings runs, commands and cancel orders. Ids are integers on this wire, times are RFC 3339
//! in UTC, sizes bytes. Unknown fields are ignored on both sides; an absent optional field means "unchanged" or "not
//! known", and a count of zero is sent as zero.

pub mod api;
pub mod commands;
pub mod enrol;
pub mod events;
pub mod failures;
pub mod hello;
pub mod ids;
pub mod log;
pub mod offline;
pub mod poll;
pub mod problems;
pub mod run;
pub mod text;
pub mod update;

pub use api::{
    AGENT_ID_HEADER, AGENT_TOKEN_HEADER, ApiError, ApiErrorKind, ServerApi, TRANSFER_SIZE_HEADER,
    TransferBody, routes,
};
pub use commands::{
    BadCommand, CommandDelivery, CommandOutcome, CommandOutcomeStatus, CommandPartial,
    CommandPayload, CommandType,
};
pub use enrol::{EnrolRequest, Enrolled, HostIdentity, LoginRequest};
pub use hello::{Capabilities, HelloAnswer, HelloRequest, PROTOCOL_VERSION, Volume};
pub use ids::{AgentId, Attempt, CommandId, JobId, RunId};
pub use log::{LogLevel, LogLine, PushLog};
pub use offline::{OfflineJob, OfflinePlan, OfflineRun, OfflineRunTaken, RunSettings};
pub use poll::{CancelOrder, PollAnswer, PollRequest, RunningRun};
pub use run::{
    DestinationType, EncryptionMode, JobPolicy, NetworkCredentials, RunWork, SourceIdentity,
    VaultContext, VaultState,
};
pub use update::{
    ItemProblem, PointReport, PushEvents, RunEvent, RunStatistics, RunStatus, RunUpdate,
    StageReport, UpdateAnswer,
};
