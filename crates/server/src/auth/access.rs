//! The authorization table: who may call which route. A route without a row is refused to everybody, and a test
//! fails for it.

use axum::http::Method;
use holdfast_protocol::api::session::Role;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody.
    Public,
    /// Who is signed in with at least this role.
    SignedIn(Role),
}

use Access::{Public, SignedIn};
use Role::{Admin, Operator, Viewer};

/// Method and path as the router knows it, and who may call it.
pub(crate) const TABLE: &[(&str, &str, Access)] = &[
    ("GET", "/api/v1/status", Public),
    ("GET", "/api/v1/openapi.json", Public),
    ("POST", "/api/v1/set-up", Public),
    ("POST", "/api/v1/session", Public),
    ("DELETE", "/api/v1/session", SignedIn(Viewer)),
    ("GET", "/api/v1/me", SignedIn(Viewer)),
    ("PATCH", "/api/v1/me", SignedIn(Viewer)),
    ("GET", "/api/v1/overview", SignedIn(Viewer)),
    ("GET", "/api/v1/alerts", SignedIn(Viewer)),
    ("GET", "/api/v1/alerts/{id}", SignedIn(Viewer)),
    (
        "POST",
        "/api/v1/alerts/{id}/acknowledge",
        SignedIn(Operator),
    ),
    ("GET", "/api/v1/notification-channels", SignedIn(Admin)),
    ("POST", "/api/v1/notification-channels", SignedIn(Admin)),
    ("GET", "/api/v1/notification-channels/{id}", SignedIn(Admin)),
    (
        "PATCH",
        "/api/v1/notification-channels/{id}",
        SignedIn(Admin),
    ),
    (
        "DELETE",
        "/api/v1/notification-channels/{id}",
        SignedIn(Admin),
    ),
    (
        "POST",
        "/api/v1/notification-channels/{id}/test",
        SignedIn(Admin),
    ),
    ("POST", "/api/v1/notification-tests", SignedIn(Admin)),
    ("GET", "/api/v1/stream", SignedIn(Viewer)),
    ("GET", "/api/v1/agents", SignedIn(Viewer)),
    ("GET", "/api/v1/agents/{id}", SignedIn(Viewer)),
    ("PATCH", "/api/v1/agents/{id}", SignedIn(Admin)),
    ("DELETE", "/api/v1/agents/{id}", SignedIn(Admin)),
    ("POST", "/api/v1/agents/{id}/disable", SignedIn(Admin)),
    ("POST", "/api/v1/agents/{id}/enable", SignedIn(Admin)),
    ("POST", "/api/v1/agents/{id}/browse", SignedIn(Operator)),
    ("POST", "/api/v1/agents/{id}/estimates", SignedIn(Operator)),
    (
        "POST",
        "/api/v1/agents/{id}/path-explanations",
        SignedIn(Operator),
    ),
    ("GET", "/api/v1/enrolment-tokens", SignedIn(Admin)),
    ("POST", "/api/v1/enrolment-tokens", SignedIn(Admin)),
    ("DELETE", "/api/v1/enrolment-tokens/{id}", SignedIn(Admin)),
    ("GET", "/api/v1/vaults", SignedIn(Viewer)),
    ("POST", "/api/v1/vaults", SignedIn(Admin)),
    ("GET", "/api/v1/vaults/{id}", SignedIn(Viewer)),
    ("PATCH", "/api/v1/vaults/{id}", SignedIn(Admin)),
    ("DELETE", "/api/v1/vaults/{id}", SignedIn(Admin)),
    ("GET", "/api/v1/vaults/{id}/usage", SignedIn(Viewer)),
    ("POST", "/api/v1/vaults/{id}/test", SignedIn(Operator)),
    (
        "POST",
        "/api/v1/vaults/{id}/create-repository",
        SignedIn(Admin),
    ),
    (
        "POST",
        "/api/v1/vaults/{id}/refresh-points",
        SignedIn(Operator),
    ),
    (
        "POST",
        "/api/v1/vaults/{id}/maintenance",
        SignedIn(Operator),
    ),
    ("POST", "/api/v1/vaults/{id}/kit", SignedIn(Admin)),
    ("POST", "/api/v1/storage-tests", SignedIn(Admin)),
    ("GET", "/api/v1/jobs", SignedIn(Viewer)),
    ("POST", "/api/v1/jobs", SignedIn(Admin)),
    ("GET", "/api/v1/jobs/{id}", SignedIn(Viewer)),
    ("PATCH", "/api/v1/jobs/{id}", SignedIn(Admin)),
    ("DELETE", "/api/v1/jobs/{id}", SignedIn(Admin)),
    ("POST", "/api/v1/jobs/{id}/runs", SignedIn(Operator)),
    ("POST", "/api/v1/schedule-previews", SignedIn(Viewer)),
    ("POST", "/api/v1/retention-previews", SignedIn(Viewer)),
    ("GET", "/api/v1/runs", SignedIn(Viewer)),
    ("GET", "/api/v1/runs/{id}", SignedIn(Viewer)),
    ("POST", "/api/v1/runs/{id}/cancel", SignedIn(Operator)),
    ("GET", "/api/v1/runs/{id}/events", SignedIn(Viewer)),
    ("GET", "/api/v1/runs/{id}/problems", SignedIn(Viewer)),
    ("GET", "/api/v1/runs/{id}/log", SignedIn(Viewer)),
    ("GET", "/api/v1/runs/{id}/log/download", SignedIn(Viewer)),
    ("GET", "/api/v1/points", SignedIn(Viewer)),
    ("GET", "/api/v1/points/timeline", SignedIn(Viewer)),
    ("GET", "/api/v1/points/{id}", SignedIn(Viewer)),
    ("POST", "/api/v1/points/{id}/content", SignedIn(Operator)),
    ("POST", "/api/v1/points/{id}/versions", SignedIn(Operator)),
    ("POST", "/api/v1/points/{id}/downloads", SignedIn(Operator)),
    ("GET", "/api/v1/downloads/{id}", SignedIn(Operator)),
    ("GET", "/api/v1/downloads/{id}/content", SignedIn(Operator)),
    ("POST", "/api/v1/searches", SignedIn(Operator)),
    (
        "POST",
        "/api/v1/points/{id}/path-searches",
        SignedIn(Operator),
    ),
    ("POST", "/api/v1/points/{id}/pin", SignedIn(Operator)),
    ("POST", "/api/v1/points/{id}/unpin", SignedIn(Operator)),
    (
        "POST",
        "/api/v1/points/{id}/deletion-previews",
        SignedIn(Admin),
    ),
    ("POST", "/api/v1/points/{id}/deletions", SignedIn(Admin)),
    ("POST", "/api/v1/comparisons", SignedIn(Operator)),
    ("POST", "/api/v1/restores", SignedIn(Operator)),
    ("GET", "/api/v1/commands/{id}", SignedIn(Operator)),
    ("POST", "/api/v1/commands/{id}/cancel", SignedIn(Operator)),
    ("GET", "/api/v1/users", SignedIn(Admin)),
    ("POST", "/api/v1/users", SignedIn(Admin)),
    ("GET", "/api/v1/users/{id}", SignedIn(Admin)),
    ("PATCH", "/api/v1/users/{id}", SignedIn(Admin)),
    ("DELETE", "/api/v1/users/{id}", SignedIn(Admin)),
    ("GET", "/api/v1/audit", SignedIn(Admin)),
    ("GET", "/api/v1/settings", SignedIn(Admin)),
    ("PATCH", "/api/v1/settings", SignedIn(Admin)),
];

/// Who may call a route; `None` when the table has no row for it.
pub(crate) fn access(method: &Method, path: &str) -> Option<Access> {
    let method = if *method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    TABLE
        .iter()
        .find(|(verb, route, _)| *verb == method.as_str() && *route == path)
        .map(|(.., access)| *access)
}

/// The actions that are not tied to one object, for `GET /me`.
pub(crate) const GENERAL_ACTIONS: &[(&str, Role)] = &[
    ("jobs.create", Admin),
    ("jobs.run", Operator),
    ("restores.create", Operator),
    ("searches.create", Operator),
    ("vaults.create", Admin),
    ("agents.enrol", Admin),
    ("agents.browse", Operator),
    ("alerts.acknowledge", Operator),
    ("notifications.manage", Admin),
    ("users.manage", Admin),
    ("audit.read", Admin),
    ("settings.manage", Admin),
];

/// The word in the database.
pub(crate) fn role_word(role: Role) -> &'static str {
    match role {
        Viewer => "viewer",
        Operator => "operator",
        Admin => "admin",
    }
}

/// The role of a word in the database; an unknown one may only look.
pub(crate) fn parse_role(word: &str) -> Role {
    match word {
        "admin" => Admin,
        "operator" => Operator,
        _ => Viewer,
    }
}
