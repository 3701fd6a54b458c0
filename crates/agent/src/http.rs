//! The agent contract over HTTP.

use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use holdfast_protocol::agent::{
    AGENT_ID_HEADER, AGENT_TOKEN_HEADER, ApiError, ApiErrorKind, CommandId, CommandOutcome,
    CommandPartial, EnrolRequest, Enrolled, HelloAnswer, HelloRequest, LoginRequest, OfflineRun,
    OfflineRunTaken, PollAnswer, PollRequest, PushEvents, PushLog, RunUpdate, ServerApi,
    TRANSFER_SIZE_HEADER, TransferBody, UpdateAnswer, routes,
};
use holdfast_protocol::{Secret, agent::AgentId};
use parking_lot::RwLock;
use reqwest::header::{HeaderValue, RETRY_AFTER};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::Url;
use uuid::Uuid;

/// Time for a connection to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for an ordinary call; a long poll gets this beyond its own wait.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 16 << 20;

/// A client of one server. The identity can change while it is in use (re-enrolment).
#[derive(Debug)]
pub struct HttpServerApi {
    client: reqwest::Client,
    root: Url,
    identity: RwLock<Option<(AgentId, Secret)>>,
}

/// The fields of a problem document that the agent understands.
#[derive(Deserialize)]
struct Problem {
    code: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    update_command: Option<String>,
}

impl HttpServerApi {
    /// A client of the server at `root` (see [`crate::config::parse_server`]).
    pub fn new(root: Url, identity: Option<(AgentId, Secret)>) -> Result<Self> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("holdfast-agent/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("set up the HTTP client")?;
        Ok(Self {
            client,
            root,
            identity: RwLock::new(identity),
        })
    }

    /// Takes another identity from now on.
    pub fn set_identity(&self, identity: (AgentId, Secret)) {
        *self.identity.write() = Some(identity);
    }

    async fn post<Answer: DeserializeOwned>(
        &self,
        route: &str,
        body: &(impl Serialize + Sync),
        timeout: Duration,
    ) -> Result<Answer, ApiError> {
        let request = self.request(route)?.timeout(timeout).json(body);
        self.send(request).await
    }

    /// A request under the agent's identity.
    fn request(&self, route: &str) -> Result<reqwest::RequestBuilder, ApiError> {
        let mut url = self.root.clone();
        url.set_path(&format!(
            "{}{route}",
            self.root.path().trim_end_matches('/')
        ));
        let mut request = self.client.post(url);
        let identity = self.identity.read().clone();
        if let Some((id, token)) = identity {
            let mut token = HeaderValue::from_str(token.expose()).map_err(|_| {
                ApiError::new(
                    ApiErrorKind::Unauthorized,
                    "the agent token holds characters that cannot be sent",
                )
            })?;
            token.set_sensitive(true);
            request = request
                .header(AGENT_ID_HEADER, id.to_string())
                .header(AGENT_TOKEN_HEADER, token);
        }
        Ok(request)
    }

    async fn send<Answer: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<Answer, ApiError> {
        let response = request
            .send()
            .await
            .map_err(|error| unreachable(&self.root, &error))?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let bytes = read_limited(response)
            .await
            .map_err(|error| unreachable(&self.root, &error))?;
        if status.is_success() {
            let bytes = if bytes.is_empty() {
                b"null".as_slice()
            } else {
                &bytes
            };
            return serde_json::from_slice(bytes).map_err(|error| {
                ApiError::new(
                    ApiErrorKind::Unreachable,
                    format!("the answer of {} is not the contract's: {error}", self.root),
                )
            });
        }
        Err(failed(&self.root, status.as_u16(), &bytes, retry_after))
    }
}

async fn read_limited(mut response: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST_ANSWER {
            bytes.truncate(LARGEST_ANSWER);
            break;
        }
    }
    Ok(bytes)
}

fn unreachable(root: &Url, error: &reqwest::Error) -> ApiError {
    let mut reason = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(inner) = cause {
        reason = inner.to_string();
        cause = inner.source();
    }
    if error.is_timeout() {
        reason = "no answer in time".to_owned();
    } else if reason.is_empty() {
        reason = error.to_string();
    }
    ApiError::new(
        ApiErrorKind::Unreachable,
        format!("cannot reach the server at {root}: {reason}"),
    )
}

/// The error of an answer. Without a problem document it is not the server that speaks but something before it, and
/// what that says about the agent's rights means nothing.
fn failed(root: &Url, status: u16, body: &[u8], retry_after: Option<Duration>) -> ApiError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => ApiError {
            kind: ApiError::kind_of_status(status),
            detail: if problem.detail.is_empty() {
                problem.title
            } else {
                problem.detail
            },
            code: problem.code,
            update_command: problem.update_command,
            retry_after,
        },
        Err(_) => {
            let kind = if status >= 500 {
                ApiErrorKind::Server
            } else {
                ApiErrorKind::Unreachable
            };
            ApiError {
                retry_after,
                ..ApiError::new(
                    kind,
                    format!(
                        "{root} answered HTTP {status} without a problem document; is a proxy in the way?"
                    ),
                )
            }
        }
    }
}

/// An answer of which nothing is needed.
#[derive(Debug)]
struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

#[async_trait]
impl ServerApi for HttpServerApi {
    async fn enrol(&self, request: &EnrolRequest) -> Result<Enrolled, ApiError> {
        self.post(routes::ENROL, request, CALL_TIMEOUT).await
    }

    async fn login(&self, request: &LoginRequest) -> Result<Enrolled, ApiError> {
        self.post(routes::LOGIN, request, CALL_TIMEOUT).await
    }

    async fn hello(&self, request: &HelloRequest) -> Result<HelloAnswer, ApiError> {
        self.post(routes::HELLO, request, CALL_TIMEOUT).await
    }

    async fn poll(&self, request: &PollRequest) -> Result<PollAnswer, ApiError> {
        let timeout = CALL_TIMEOUT + Duration::from_secs(u64::from(request.wait));
        self.post(routes::POLL, request, timeout).await
    }

    async fn update_run(&self, update: &RunUpdate) -> Result<UpdateAnswer, ApiError> {
        let answer: Option<UpdateAnswer> = self
            .post(&routes::run_update(update.run_id), update, CALL_TIMEOUT)
            .await?;
        Ok(answer.unwrap_or_default())
    }

    async fn push_events(&self, events: &PushEvents) -> Result<(), ApiError> {
        self.post::<Ignored>(&routes::run_events(events.run_id), events, CALL_TIMEOUT)
            .await
            .map(drop)
    }

    async fn push_log(&self, log: &PushLog) -> Result<(), ApiError> {
        self.post::<Ignored>(&routes::run_log(log.run_id), log, CALL_TIMEOUT)
            .await
            .map(drop)
    }

    async fn offline_run(&self, run: &OfflineRun) -> Result<OfflineRunTaken, ApiError> {
        self.post(routes::OFFLINE_RUNS, run, CALL_TIMEOUT).await
    }

    async fn command_partial(
        &self,
        command: CommandId,
        partial: &CommandPartial,
    ) -> Result<(), ApiError> {
        self.post::<Ignored>(&routes::command_partial(command), partial, CALL_TIMEOUT)
            .await
            .map(drop)
    }

    async fn transfer(
        &self,
        transfer: Uuid,
        size: Option<u64>,
        body: TransferBody,
    ) -> Result<(), ApiError> {
        // No limit of time: it lasts as long as the browser takes.
        let mut request = self
            .request(&routes::transfer(transfer))?
            .body(reqwest::Body::wrap_stream(body));
        if let Some(size) = size {
            request = request.header(TRANSFER_SIZE_HEADER, size);
        }
        self.send::<Ignored>(request).await.map(drop)
    }

    async fn command_complete(
        &self,
        command: CommandId,
        outcome: &CommandOutcome,
    ) -> Result<(), ApiError> {
        self.post::<Ignored>(&routes::command_complete(command), outcome, CALL_TIMEOUT)
            .await
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> Url {
        "https://h/".parse().unwrap()
    }

    #[test]
    fn a_proxys_page_says_nothing_about_the_agent() {
        for (status, kind) in [
            (401, ApiErrorKind::Unreachable),
            (404, ApiErrorKind::Unreachable),
            (502, ApiErrorKind::Server),
        ] {
            let error = failed(&root(), status, b"<html>no</html>", None);
            assert_eq!(error.kind, kind, "{status}");
            assert!(error.is_temporary());
        }
    }

    #[test]
    fn a_problem_document_is_believed() {
        let body = br#"{"type":"about:blank","title":"T","detail":"D","code":"agent_outdated","update_command":"apt upgrade"}"#;
        let error = failed(&root(), 426, body, Some(Duration::from_secs(3)));
        assert_eq!(
            (error.kind, error.code.as_str(), error.detail.as_str()),
            (ApiErrorKind::UpgradeRequired, "agent_outdated", "D")
        );
        assert_eq!(error.update_command.as_deref(), Some("apt upgrade"));
        assert_eq!(error.retry_after, Some(Duration::from_secs(3)));
    }
}
