//! Set-up, sign-in and the caller's own account.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::common::{Action, Reference};
use crate::{Secret, Time, ids::UserId};

/// What anybody may know about the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerStatus {
    /// The product's name, for titles.
    pub product: String,
    /// The server's version.
    pub version: String,
    /// The first account exists; when false, the page shows set-up.
    pub set_up: bool,
    /// The request carries a living session.
    pub signed_in: bool,
    /// The server's clock.
    pub time: Time,
}

/// Makes the first account.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUpRequest {
    /// The one-time token that the server printed at its first start.
    #[schema(value_type = String)]
    pub token: Secret,
    /// E-mail address of the administrator.
    pub email: String,
    /// Password, at least 10 characters.
    #[schema(value_type = String)]
    pub password: Secret,
    /// The administrator's name as pages show it.
    pub name: Option<String>,
    /// Name of the organisation; default "Home".
    pub tenant_name: Option<String>,
    /// IANA time zone; default UTC.
    pub zone: Option<String>,
}

/// Signs in.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInRequest {
    /// E-mail address.
    pub email: String,
    /// Password.
    #[schema(value_type = String)]
    pub password: Secret,
}

/// What a person may do, from least to most.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees jobs, runs, agents, points and alerts.
    Viewer,
    /// Also runs, cancels, browses, restores and verifies.
    Operator,
    /// Also changes jobs, vaults, agents, users and settings.
    Admin,
}

/// The tenant the caller works in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TenantSummary {
    /// Its identity.
    pub id: crate::ids::TenantId,
    /// Its name.
    pub name: String,
    /// IANA time zone in which its pages show times.
    pub zone: String,
}

/// The caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// Identity of the account.
    pub id: UserId,
    /// E-mail address.
    pub email: String,
    /// Name as pages show it.
    pub name: String,
    /// The caller's role in the tenant.
    pub role: Role,
    /// The tenant.
    pub tenant: TenantSummary,
    /// What the caller may do at all, such as `jobs.create`, `vaults.create`, `agents.enrol`, `users.manage`.
    pub actions: Vec<Action>,
    /// When this session ends unless it is used.
    pub session_expires_at: Time,
    /// A machine with an agent that runs on the server's own host, if one is enrolled.
    pub local_agent: Option<Reference>,
    /// The version for `If-Match` of `PATCH /me`.
    pub version: i64,
}

/// Changes the caller's own account; absent fields stay.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MePatch {
    /// Name as pages show it, 1 to 100 characters.
    pub name: Option<String>,
    /// The present password; needed to set a new one.
    #[schema(value_type = Option<String>)]
    pub current_password: Option<Secret>,
    /// A new password, at least 10 characters; ends every other session of the account.
    #[schema(value_type = Option<String>)]
    pub new_password: Option<Secret>,
}
