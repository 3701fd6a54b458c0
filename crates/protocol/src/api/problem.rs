//! Problem documents (RFC 9457): every refusal of the server, and every failure a run or command keeps.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Why something was refused or failed, in the words a page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable address for the kind of problem, `/problems/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, one short sentence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Why, as far as it is known; names the thing.
    pub detail: Option<String>,
    /// The stable code, listed in docs/errors.md.
    pub code: String,
    /// What to do next.
    pub hints: Vec<String>,
    /// Which input fields are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// Names this request in the server's log.
    pub request_id: Option<String>,
    /// The object as it is now, when `If-Match` named an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub current: Option<Value>,
    /// Try again after so many seconds, when the caller was too fast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
}

/// One wrong input field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// JSON pointer into the request's body, such as `/paths/0`; a query parameter is `?limit`.
    pub pointer: String,
    /// Stable code of what is wrong with it.
    pub code: String,
    /// The same in words.
    pub detail: String,
}

/// What a failed run or command keeps of its failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// The stable code.
    pub code: String,
    /// What happened, one short sentence.
    pub title: String,
    /// What the agent or the server said about it.
    pub detail: Option<String>,
    /// What to do next.
    pub hints: Vec<String>,
}
