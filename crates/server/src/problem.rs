//! How the server refuses: a code from the one list, what it is about, and the chain behind it for the log.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use holdfast_protocol::{
    api::problem::{FieldProblem, Problem},
    errors::ErrorCode,
};
use sea_orm::DbErr;
use serde_json::Value;

use crate::sealing::SealError;

tokio::task_local! {
    /// Names the present request in the log and in problem documents.
    pub(crate) static REQUEST_ID: String;
}

/// A refusal.
#[derive(Debug)]
pub(crate) struct ApiError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: ErrorCode,
    detail: Option<String>,
    errors: Vec<FieldProblem>,
    current: Option<Value>,
    retry_after_seconds: Option<u64>,
    update_command: Option<String>,
    cause: Option<anyhow::Error>,
}

/// What handlers answer.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self(Box::new(Inner {
            code,
            detail: None,
            errors: Vec::new(),
            current: None,
            retry_after_seconds: None,
            update_command: None,
            cause: None,
        }))
    }
}

impl From<DbErr> for ApiError {
    fn from(error: DbErr) -> Self {
        let code = match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => ErrorCode::Unavailable,
            _ => ErrorCode::Internal,
        };
        Self::from(code).because(anyhow::Error::new(error).context("use the database"))
    }
}

impl From<SealError> for ApiError {
    fn from(error: SealError) -> Self {
        Self::from(ErrorCode::Internal).because(error.into())
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::from(ErrorCode::Internal)
            .because(anyhow::Error::new(error).context("read a stored document"))
    }
}

impl ApiError {
    /// An error of the server's own.
    pub(crate) fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::from(ErrorCode::Internal).because(cause.into())
    }

    /// Wrong input in one field.
    pub(crate) fn field(pointer: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldProblem {
            pointer: pointer.into(),
            code: code.to_owned(),
            detail: detail.into(),
        }])
    }

    /// Wrong input in several fields.
    pub(crate) fn fields(errors: Vec<FieldProblem>) -> Self {
        let detail = errors
            .first()
            .map(|error| format!("{}: {}", error.pointer, error.detail));
        let mut problem = Self::from(ErrorCode::InvalidInput);
        problem.0.errors = errors;
        problem.0.detail = detail;
        problem
    }

    /// An object that the body names and that does not exist for the caller: the same answer for a foreign one.
    pub(crate) fn unknown(pointer: &str, detail: &str) -> Self {
        Self::from(ErrorCode::NotFound).detail(detail).at(pointer)
    }

    /// Says what it is about.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Points at a field.
    pub(crate) fn at(mut self, pointer: &str) -> Self {
        let detail = self
            .0
            .detail
            .clone()
            .unwrap_or_else(|| self.0.code.title().to_owned());
        self.0.errors.push(FieldProblem {
            pointer: pointer.to_owned(),
            code: self.0.code.code().to_owned(),
            detail,
        });
        self
    }

    /// The object as it is now.
    pub(crate) fn current(mut self, object: &impl serde::Serialize) -> Self {
        self.0.current = serde_json::to_value(object).ok();
        self
    }

    /// When to try again.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// How to update the agent.
    pub(crate) fn update_command(mut self, command: String) -> Self {
        self.0.update_command = Some(command);
        self
    }

    /// What is behind it, for the log only.
    pub(crate) fn because(mut self, cause: anyhow::Error) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// What is behind it, for the log.
    pub(crate) fn cause(&self) -> String {
        match &self.0.cause {
            Some(cause) => format!("{cause:#}"),
            None => self.0.detail.clone().unwrap_or_default(),
        }
    }

    /// The code.
    pub(crate) fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The document without the request.
    pub(crate) fn problem(&self) -> Problem {
        let inner = &self.0;
        Problem {
            kind: format!("/problems/{}", inner.code.code()),
            title: inner.code.title().to_owned(),
            status: inner.code.status(),
            detail: inner.detail.clone(),
            code: inner.code.code().to_owned(),
            hints: inner
                .code
                .hints()
                .iter()
                .map(|hint| (*hint).to_owned())
                .collect(),
            errors: inner.errors.clone(),
            request_id: REQUEST_ID.try_with(Clone::clone).ok(),
            current: inner.current.clone(),
            retry_after_seconds: inner.retry_after_seconds,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = self.problem();
        let request_id = problem.request_id.as_deref().unwrap_or("");
        if let Some(cause) = &self.0.cause {
            if self.0.code.status() >= 500 {
                tracing::error!(code = problem.code, request_id, "request failed: {cause:#}");
            } else {
                tracing::info!(
                    code = problem.code,
                    request_id,
                    "request refused: {cause:#}"
                );
            }
        }
        let mut document = serde_json::to_value(&problem).unwrap_or_default();
        if let (Some(command), Some(object)) = (&self.0.update_command, document.as_object_mut()) {
            object.insert("update_command".to_owned(), Value::String(command.clone()));
        }
        let mut response = Response::new(Body::from(document.to_string()));
        *response.status_mut() =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = problem.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
