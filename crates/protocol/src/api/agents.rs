//! Machines with an agent, their enrolment and the folders on them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    common::{Action, Reference},
    jobs::JobPolicy,
};
use crate::{
    Secret, Time,
    agent::Volume,
    ids::{AgentId, EnrolmentTokenId},
};

/// How a machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Heard from within the last three minutes.
    Online,
    /// Not heard from for longer.
    Unreachable,
    /// Its token was withdrawn.
    Disabled,
}

/// A machine with an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Agent {
    /// Identity.
    pub id: AgentId,
    /// Name as pages show it; at first the host name.
    pub name: String,
    /// Host name as the agent reported it.
    pub host: String,
    /// How it stands.
    pub state: AgentState,
    /// Last contact.
    pub last_seen_at: Option<Time>,
    /// When it was enrolled.
    pub enrolled_at: Time,
    /// `linux` or `windows`.
    pub os: Option<String>,
    /// Processor architecture, such as `x86_64`.
    pub architecture: Option<String>,
    /// Version of the agent program.
    pub agent_version: Option<String>,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// Volumes it reported at its last start.
    pub volumes: Vec<Volume>,
    /// Seconds by which its clock was ahead of the server's at its last start; negative when behind.
    pub clock_offset_seconds: Option<f64>,
    /// Two living agents use this identity; one of them is refused.
    pub cloned: bool,
    /// It runs on the server's own host.
    pub on_server_host: bool,
    /// Its jobs.
    pub jobs: Vec<Reference>,
    /// Its runs that are not over.
    pub active_runs: Vec<Reference>,
    /// For `If-Match`.
    pub version: i64,
    /// What the caller may do with it: `update`, `browse`, `disable`, `enable`, `delete`.
    pub actions: Vec<Action>,
}

/// One thing an agent can or cannot do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Capability {
    /// Stable name, such as `files`, `restore`, `directory_vault`.
    pub name: String,
    /// It can.
    pub available: bool,
    /// Why it cannot.
    pub reason: Option<String>,
}

/// Changes a machine; absent fields stay.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentPatch {
    /// New name, 1 to 100 characters.
    pub name: Option<String>,
}

/// A token with which machines enrol themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrolmentToken {
    /// Identity.
    pub id: EnrolmentTokenId,
    /// What it is for.
    pub name: String,
    /// When it stops working.
    pub expires_at: Time,
    /// How often it may be used; absent: any number of times.
    pub max_uses: Option<i64>,
    /// How often it was used.
    pub uses: i64,
    /// When it was made.
    pub created_at: Time,
    /// It still works.
    pub usable: bool,
    /// What the caller may do with it: `delete`.
    pub actions: Vec<Action>,
}

/// Makes an enrolment token.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EnrolmentTokenCreate {
    /// What it is for, up to 100 characters.
    pub name: Option<String>,
    /// How long it works, 60 seconds to 90 days; default one day.
    pub expires_in_seconds: Option<i64>,
    /// How often it may be used, at least 1; absent: any number of times.
    pub max_uses: Option<i64>,
}

/// A new enrolment token: the only time that its text is shown.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EnrolmentTokenCreated {
    /// The token as lists show it.
    pub enrolment_token: EnrolmentToken,
    /// The secret text.
    #[schema(value_type = String)]
    pub token: Secret,
    /// Address of the server as the caller reached it.
    pub server_url: String,
    /// One line for a shell on Linux.
    pub linux_command: String,
    /// One line for an elevated PowerShell on Windows.
    pub windows_command: String,
}

/// Counts what a job would take of a machine and leave out.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EstimateRequest {
    /// The job's paths.
    pub paths: Vec<String>,
    /// The job's rules; the rest of the policy does not matter.
    #[serde(default)]
    pub policy: JobPolicy,
    /// How long the answer may wait for the agent, 0 to 25 seconds; default 25.
    pub wait_seconds: Option<u64>,
}

/// Asks whether a job would take one path, and which rule decides.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplanationRequest {
    /// The job's paths.
    pub paths: Vec<String>,
    /// The job's rules; the rest of the policy does not matter.
    #[serde(default)]
    pub policy: JobPolicy,
    /// The path, absolute; a separator at its end means a folder when it does not exist.
    pub path: String,
    /// How long the answer may wait for the agent, 0 to 25 seconds; default 25.
    pub wait_seconds: Option<u64>,
}

/// Lists a folder on a machine.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BrowseRequest {
    /// Absolute path; empty lists the volumes (Windows) or the root folder (Linux).
    pub path: String,
    /// Continues an earlier listing.
    pub cursor: Option<String>,
    /// Leave out everything but folders.
    pub folders_only: bool,
    /// How long the answer may wait for the agent, 0 to 25 seconds; default 25.
    pub wait_seconds: Option<u64>,
}
