//! What every noun shares: pages of a list, permitted actions, references.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// One page of a list, newest or first by name first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The objects of this page.
    pub items: Vec<T>,
    /// Give this as `cursor` for the next page; absent on the last one.
    pub next_cursor: Option<String>,
    /// How many objects match, counted up to 10,000.
    pub count: u64,
    /// Counting stopped at 10,000; there may be more.
    pub count_capped: bool,
}

/// One thing that may be done with an object, and why not when it may not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Action {
    /// The action's stable name, such as `run`, `cancel`, `delete`.
    pub name: String,
    /// Whether the caller may do it now.
    pub allowed: bool,
    /// In words, why not; absent when it is allowed.
    pub reason: Option<String>,
}

/// An object named by another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reference {
    /// Its identity.
    pub id: Uuid,
    /// Its present name.
    pub name: String,
}

/// A machine named by another object, with what a page says about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentReference {
    /// Its identity.
    pub id: Uuid,
    /// Its present name.
    pub name: String,
    /// It was heard from within the last three minutes and is not disabled.
    pub online: bool,
    /// When it was last heard from.
    pub last_seen_at: Option<crate::Time>,
}
