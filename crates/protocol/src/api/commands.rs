//! Commands: what the server asks of an agent beside runs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    common::{Action, AgentReference},
    problem::Failure,
};
use crate::{Time, ids::CommandId};

/// Where a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandStatus {
    /// Waits for the agent.
    Pending,
    /// The agent holds it.
    Delivered,
    /// Done; `result` holds the answer.
    Completed,
    /// Not done; `failure` says why.
    Failed,
    /// The agent did not take it in time.
    Expired,
    /// Withdrawn.
    Cancelled,
}

impl CommandStatus {
    /// Nothing will change any more.
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::Delivered)
    }
}

/// A command to an agent, with its answer of type `T` once it is completed.
///
/// Routes that start one wait up to `wait_seconds`: they answer 200 when it is over and 202 when it is
/// still under way; the rest comes by `GET /commands/{id}` or the stream topic `commands/<id>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Command<T> {
    /// Identity.
    pub id: CommandId,
    /// What is asked, such as `browse_directory`, `test_vault`, `list_content`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it stands.
    pub status: CommandStatus,
    /// The machine that does it.
    pub agent: AgentReference,
    /// The answer, when completed; erased ten minutes later when it holds file names.
    pub result: Option<T>,
    /// Why not, when failed, expired or cancelled.
    pub failure: Option<Failure>,
    /// When it was asked.
    pub created_at: Time,
    /// When it was over.
    pub finished_at: Option<Time>,
    /// What the caller may do with it: `cancel`.
    pub actions: Vec<Action>,
}
