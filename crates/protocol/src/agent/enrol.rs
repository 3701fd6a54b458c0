//! Enrolment: how a host becomes an agent (`POST enrol`, `POST login`).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::AgentId;
use crate::secret::Secret;

/// Who the host says it is. The device id is random, made once per installation, and kept over re-enrolment so that a
/// re-installed host is matched with its former agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostIdentity {
    /// Random UUID of this installation.
    pub device_id: Uuid,
    /// Host name as the system reports it.
    pub host_name: String,
    /// `linux` or `windows`.
    pub os: String,
    /// Processor architecture, such as `x86_64`.
    pub arch: String,
    /// Version of the agent program.
    pub agent_version: String,
    /// Account that the agent works under: `root`, `system`, or the user's name when it runs unprivileged.
    #[serde(default)]
    pub user_name: String,
}

/// Exchange of an enrolment token for an agent id and token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnrolRequest {
    /// Token made in "Add machine".
    pub enrollment_token: Secret,
    /// The host.
    #[serde(flatten)]
    pub host: HostIdentity,
}

/// Enrolment with an account instead of a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoginRequest {
    /// E-mail address of the account.
    pub email: String,
    /// Its password.
    pub password: Secret,
    /// Second factor, for accounts that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<Secret>,
    /// The host.
    #[serde(flatten)]
    pub host: HostIdentity,
}

/// Answer to both: the agent's identity from now on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolled {
    /// Sent as `X-Agent-ID` with each request.
    pub agent_id: AgentId,
    /// Sent as `X-Agent-Token` with each request; the server keeps a hash only.
    pub agent_token: Secret,
}
