//! People who may sign in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{common::Action, session::Role};
use crate::{Secret, Time, ids::UserId};

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Identity.
    pub id: UserId,
    /// E-mail address; unique on the server.
    pub email: String,
    /// Name as pages show it.
    pub name: String,
    /// Role in the tenant.
    pub role: Role,
    /// May not sign in.
    pub disabled: bool,
    /// Last sign-in.
    pub last_sign_in_at: Option<Time>,
    /// When the account was made.
    pub created_at: Time,
    /// For `If-Match`.
    pub version: i64,
    /// What the caller may do with it: `update`, `delete`.
    pub actions: Vec<Action>,
}

/// Makes an account.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserCreate {
    /// E-mail address.
    pub email: String,
    /// Name as pages show it; default: the address up to the `@`.
    pub name: Option<String>,
    /// Role in the tenant.
    pub role: Role,
    /// First password, at least 10 characters.
    #[schema(value_type = String)]
    pub password: Secret,
}

/// Changes an account; absent fields stay. The last administrator keeps the role and stays enabled.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserPatch {
    /// Name as pages show it.
    pub name: Option<String>,
    /// Role in the tenant.
    pub role: Option<Role>,
    /// True ends all sessions of the account and refuses new ones.
    pub disabled: Option<bool>,
    /// A new password.
    #[schema(value_type = Option<String>)]
    pub password: Option<Secret>,
}
