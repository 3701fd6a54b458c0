//! The one list of refusals and failures: stable code, HTTP status, sentence, hints, and whether trying again helps.
//!
//! `docs/errors.md` is generated from it. A code keeps its meaning for good; a new meaning gets a new code.

use std::fmt;

use crate::api::problem::Failure;

/// Whether trying the same again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// No: something must change first.
    Permanent,
    /// Yes, in a moment.
    Temporary,
    /// Only once somebody has repaired what is broken.
    Persistent,
}

impl Retry {
    /// The word in the documentation.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Temporary => "temporary",
            Self::Persistent => "persistent",
        }
    }
}

macro_rules! error_codes {
    ($($name:ident = $code:literal, $status:literal, $retry:ident, $title:literal, [$($hint:literal),* $(,)?];)+) => {
        /// A refusal or failure with a stable code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = $title] $name,)+
        }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// Name of the variant in the source, for the test that looks for unused ones.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// The HTTP status with which the server refuses; failures of runs and commands never travel as a status.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// Whether trying again can help.
            pub fn retry(self) -> Retry {
                match self { $(Self::$name => Retry::$retry,)+ }
            }

            /// What happened, one short sentence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What to do next.
            pub fn hints(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($hint),*],)+ }
            }
        }
    };
}

error_codes! {
    InvalidRequest = "invalid_request", 400, Permanent, "The request cannot be read.",
        ["Send well-formed JSON and the parameters that the API's description names."];
    NotSignedIn = "not_signed_in", 401, Permanent, "You are not signed in.",
        ["Sign in again; a session ends after 14 days without use."];
    SignInFailed = "sign_in_failed", 401, Permanent, "E-mail address or password is wrong.",
        ["Check both. An administrator can set a new password."];
    AgentUnauthorized = "agent_unauthorized", 401, Permanent, "The server does not know this agent, or its token was withdrawn.",
        ["Enable the machine again in the web page, or enrol it anew."];
    EnrolmentTokenRefused = "enrolment_token_refused", 401, Permanent, "The enrolment token is unknown, expired or used up.",
        ["Make a new one under Agents, Add machine."];
    Forbidden = "forbidden", 403, Permanent, "Your role does not allow this.",
        ["Ask an administrator of the tenant."];
    ForeignOrigin = "foreign_origin", 403, Permanent, "The request came from another site's page.",
        ["Open the server's own address. Behind a proxy, pass the Host header on unchanged."];
    SetUpTokenRefused = "set_up_token_refused", 403, Permanent, "The set-up token is wrong.",
        ["Use the address that the server printed when it started."];
    NotFound = "not_found", 404, Permanent, "There is no such object.",
        ["It may have been deleted. Go back to the list."];
    UnknownRoute = "unknown_route", 404, Permanent, "The API has no such address.",
        ["The API's description is served at /api/v1/openapi.json."];
    MethodNotAllowed = "method_not_allowed", 405, Permanent, "This address does not take that method.",
        ["The API's description is served at /api/v1/openapi.json."];
    Conflict = "conflict", 409, Permanent, "The object is in a state that does not allow this.",
        ["Reload the page and look at its present state."];
    NameTaken = "name_taken", 409, Permanent, "The name is used by another object.",
        ["Choose another name."];
    AlreadySetUp = "already_set_up", 409, Permanent, "The server has its first account already.",
        ["Sign in."];
    LastAdministrator = "last_administrator", 409, Permanent, "The last administrator must stay.",
        ["Make somebody else an administrator first."];
    InUse = "in_use", 409, Permanent, "Other objects still need this one.",
        ["Delete or move them first."];
    JobDisabled = "job_disabled", 409, Permanent, "The job is disabled.",
        ["Enable it first."];
    AgentDisabled = "agent_disabled", 409, Permanent, "The machine is disabled.",
        ["Enable it first; it then needs to be enrolled again."];
    RunIsOver = "run_is_over", 409, Permanent, "The run is over already.",
        ["Nothing was changed."];
    VaultNotReady = "vault_not_ready", 409, Temporary, "The vault's repository does not exist yet.",
        ["Make the repository in the vault's page, then try again."];
    PointGone = "point_gone", 409, Permanent, "The restore point is no longer in its vault.",
        ["Choose another point."];
    PointPinned = "point_pinned", 409, Permanent, "The restore point is pinned.",
        ["Unpin it first."];
    PointBusy = "point_busy", 409, Temporary, "Something else is being done with the restore point.",
        ["Wait until that is over, then look again."];
    NoAgentOnline = "no_agent_online", 409, Temporary, "No machine that could do this is connected.",
        ["Start the agent on a machine that reaches this vault."];
    StaleAttempt = "stale_attempt", 409, Permanent, "The run was handed out again; this attempt no longer counts.",
        ["Stop working on it."];
    AgentCloned = "agent_cloned", 409, Persistent, "Two machines use this agent's identity.",
        ["Enrol the copied machine anew, so that it gets an identity of its own."];
    VersionChanged = "version_changed", 412, Permanent, "Somebody else changed the object in the meantime.",
        ["Reload it, look at what changed, and apply your change again."];
    BodyTooLarge = "body_too_large", 413, Permanent, "The request's body is larger than 1 MiB.",
        ["Send less at once."];
    UnsupportedMediaType = "unsupported_media_type", 415, Permanent, "The request's body is not JSON.",
        ["Send it with Content-Type: application/json."];
    InvalidInput = "invalid_input", 422, Permanent, "Some of the input is not valid.",
        ["Correct the fields that are named."];
    IdempotencyMismatch = "idempotency_mismatch", 422, Permanent, "The idempotency key was used before with other content.",
        ["Use a new key for a new request."];
    UpgradeRequired = "upgrade_required", 426, Permanent, "The agent speaks a version of the protocol that this server does not serve.",
        ["Install the agent version that belongs to this server."];
    VersionRequired = "version_required", 428, Permanent, "The change does not say which version it is based on.",
        ["Send the object's version as If-Match."];
    TooManyStreams = "too_many_streams", 429, Temporary, "Too many live streams are open for this account.",
        ["Close pages that are not needed; a page opens its stream again by itself."];
    TooManyDownloads = "too_many_downloads", 429, Temporary, "Too many downloads of this account are under way.",
        ["Wait until one is over, or restore to a machine: a restore needs no browser."];
    TooManyAttempts = "too_many_attempts", 429, Temporary, "Too many failed attempts.",
        ["Wait for the time that is named, then try again."];
    Internal = "internal", 500, Persistent, "The server met an error of its own.",
        ["Try again. If it happens again, look for the request id in the server's log."];
    Unavailable = "unavailable", 503, Temporary, "The server is stopping or its database does not answer.",
        ["Try again in a moment."];
    AgentTimeout = "agent_timeout", 504, Temporary, "The machine did not answer in time.",
        ["Look whether its agent runs, then try again."];
    CommandWithdrawn = "command_withdrawn", 409, Permanent, "The request to the machine was withdrawn.",
        ["Ask again when it is needed."];
}

impl ErrorCode {
    /// What a failed run or command keeps.
    pub fn failure(self, detail: Option<String>) -> Failure {
        Failure {
            code: self.code().to_owned(),
            title: self.title().to_owned(),
            detail,
            hints: self.hints().iter().map(|hint| (*hint).to_owned()).collect(),
        }
    }

    /// Finds a code by its text.
    pub fn find(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|entry| entry.code() == code)
    }
}

/// The documentation of all codes, `docs/errors.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Errors\n\nGenerated from `crates/protocol/src/errors.rs` and `crates/protocol/src/agent/failures.rs` by `cargo xtask gen`.\n\n\
         Every refusal of the server is a problem document (RFC 9457) with one of these codes. *Retry*: `permanent` needs a change first,\n\
         `temporary` may work in a moment, `persistent` needs a repair.\n\n## Refusals\n\n| code | status | retry | what happened | what to do |\n|---|---|---|---|---|\n",
    );
    for entry in ErrorCode::ALL {
        text.push_str(&format!(
            "| `{}` | {} | {} | {} | {} |\n",
            entry.code(),
            entry.status(),
            entry.retry().as_str(),
            entry.title(),
            entry.hints().join(" ")
        ));
    }
    text.push_str(
        "\n## Failures of runs and commands\n\nRuns and commands that fail keep one of these codes.\n\n| code | what happened, and what to do |\n|---|---|\n",
    );
    for failure in crate::agent::failures::FAILURES {
        text.push_str(&format!("| `{}` | {} |\n", failure.code, failure.text.en));
    }
    text
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::ErrorCode;

    #[test]
    fn codes_are_unique_and_complete() {
        let mut seen = HashSet::new();
        for entry in ErrorCode::ALL {
            assert!(seen.insert(entry.code()), "{entry} twice");
            assert!(
                entry.title().ends_with('.'),
                "{entry}: the sentence ends with a full stop"
            );
            assert!(!entry.hints().is_empty(), "{entry}: says what to do");
            assert!((400..600).contains(&entry.status()), "{entry}");
            assert_eq!(ErrorCode::find(entry.code()), Some(*entry));
        }
    }
}
