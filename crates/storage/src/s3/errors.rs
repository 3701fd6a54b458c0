//! What a failed request means, and what to tell the user.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::Inner;
use super::idle::Idle;
use crate::retention::NEEDS_OBJECT_LOCK;
use crate::{BlobId, Error, ErrorKind, Retry};

/// What a request was about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    Blob(&'a BlobId),
    Store,
}

/// One failed attempt.
#[derive(Debug)]
pub(super) struct Failure {
    kind: ErrorKind,
    retry: Retry,
    reason: String,
    hint: Option<&'static str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Failure {
    fn new(kind: ErrorKind, retry: Retry, reason: impl Into<String>) -> Self {
        Self {
            kind,
            retry,
            reason: reason.into(),
            hint: None,
            source: None,
        }
    }

    /// The service answered something else than it should have. Another attempt may show that it
    /// was an accident on the way.
    pub(super) fn lie(reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, Retry::Temporary, reason).hint(
            "the storage service, or something between, changes data; check it before trusting the repository there",
        )
    }

    pub(super) fn out_of_range(reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRange, Retry::Permanent, reason)
    }

    fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(super) fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(super) fn retry(&self) -> Retry {
        self.retry
    }

    pub(super) fn into_error(
        self,
        store: &Inner,
        operation: &'static str,
        subject: Subject<'_>,
        attempts: u32,
    ) -> Error {
        let (retry, reason) = match self.retry {
            Retry::Temporary => (
                Retry::Persistent,
                format!("{}; given up after {attempts} attempts", self.reason),
            ),
            other => (other, self.reason),
        };
        let mut error = Error::new(self.kind, operation, store.name(), reason).retry(retry);
        if let Subject::Blob(id) = subject {
            error = error.blob(id);
        }
        if let Some(hint) = self.hint {
            error = error.hint(hint);
        }
        match self.source {
            Some(source) => error.source(source),
            None => error,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl From<Idle> for Failure {
    fn from(idle: Idle) -> Self {
        Self::new(ErrorKind::Unreachable, Retry::Temporary, idle.to_string()).hint(CHECK_NETWORK)
    }
}

/// A body that broke off.
impl From<aws_smithy_types::byte_stream::error::Error> for Failure {
    fn from(error: aws_smithy_types::byte_stream::error::Error) -> Self {
        Self::new(
            ErrorKind::Corrupt,
            Retry::Temporary,
            format!("the answer broke off: {}", innermost(&error)),
        )
        .hint("the connection or the service fails in the middle of transfers")
        .caused_by(error)
    }
}

const CHECK_NETWORK: &str = "check the endpoint's address, the network and that the service runs";
const CHECK_KEYS: &str = "check the access key and the secret key";

impl<E> From<SdkError<E, HttpResponse>> for Failure
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        match &error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let code = service.err().code().unwrap_or_default();
                let failure = from_status(status, code, service.err().message());
                // The SDK's own text adds nothing but headers.
                failure
            }
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => Self::new(
                ErrorKind::Unreachable,
                Retry::Temporary,
                format!(
                    "no connection to the storage service: {}",
                    innermost(&error)
                ),
            )
            .hint(CHECK_NETWORK)
            .caused_by(error),
            SdkError::ResponseError(_) => Self::new(
                ErrorKind::Corrupt,
                Retry::Temporary,
                format!("the answer cannot be understood: {}", innermost(&error)),
            )
            .hint("check that the endpoint is an S3 service")
            .caused_by(error),
            _ => Self::new(
                ErrorKind::Other,
                Retry::Permanent,
                format!("the request cannot be made: {}", innermost(&error)),
            )
            .caused_by(error),
        }
    }
}

/// What a bucket answers that was created without object lock.
const NO_OBJECT_LOCK: (ErrorKind, Retry, &str, Option<&str>) = (
    ErrorKind::Unsupported,
    Retry::Permanent,
    "the bucket has no object lock, so nothing in it can be locked against deletion",
    Some(NEEDS_OBJECT_LOCK),
);

/// Whether a refusal is about the bucket, as services say it: "Bucket is missing Object Lock Configuration", also in one
/// word. MinIO refuses to weaken the lock of an object by the same code and other words.
fn says_no_object_lock(message: &str) -> bool {
    message.contains("Object Lock") || message.contains("ObjectLock")
}

/// What a status and an error code of S3 mean.
fn from_status(status: u16, code: &str, message: Option<&str>) -> Failure {
    use ErrorKind as K;
    use Retry::{Permanent, Temporary};
    let shown = match (code, message) {
        ("", _) => format!("status {status}"),
        (code, Some(message)) if !message.is_empty() => {
            format!("status {status} {code}: {message}")
        }
        (code, _) => format!("status {status} {code}"),
    };
    let (kind, retry, sentence, hint) = match (status, code) {
        (_, "NoSuchBucket") => (
            K::StoreNotFound,
            Permanent,
            "the bucket does not exist",
            Some("check the bucket's name and the endpoint, or create the bucket"),
        ),
        (_, "RequestTimeTooSkewed") => (
            K::AccessDenied,
            Permanent,
            "this machine's clock and that of the storage service differ by more than 15 minutes",
            Some("set the clock of this machine"),
        ),
        (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch") => (
            K::AccessDenied,
            Permanent,
            "the keys are not accepted",
            Some(CHECK_KEYS),
        ),
        (_, "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired") => (
            K::AccessDenied,
            Permanent,
            "the session token is not valid any more",
            Some("get new credentials"),
        ),
        (_, "QuotaExceeded" | "XMinioStorageFull" | "StorageFull") | (507, _) => (
            K::Full,
            Permanent,
            "the storage is full or a quota is used up",
            Some(
                "free some space or raise the quota, then run it again; nothing that was complete is lost",
            ),
        ),
        (301 | 307 | 308, _)
        | (_, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => (
            K::Invalid,
            Permanent,
            "the bucket lies in another region",
            Some("give the bucket's region in the location (region=…)"),
        ),
        (_, "BadDigest" | "InvalidDigest") => {
            (K::Corrupt, Temporary, "the data arrived damaged", None)
        }
        (_, "RequestTimeout" | "RequestTimeoutException") | (408, _) => (
            K::Unreachable,
            Temporary,
            "the service waited too long for the request",
            None,
        ),
        (400, "InvalidRequest") if message.is_some_and(says_no_object_lock) => NO_OBJECT_LOCK,
        (_, "ObjectLockConfigurationNotFoundError") => NO_OBJECT_LOCK,
        (_, "NotImplemented") => (
            K::Unsupported,
            Permanent,
            "the storage service cannot do that",
            None,
        ),
        (401 | 403, _) => (
            K::AccessDenied,
            Permanent,
            "access is denied",
            Some(
                "check the keys, and that their policy allows GetObject, PutObject, DeleteObject and ListBucket for this bucket and prefix",
            ),
        ),
        (404, _) => (K::NotFound, Permanent, "it does not exist", None),
        (416, _) => (
            K::InvalidRange,
            Permanent,
            "the range reaches beyond its end",
            None,
        ),
        (429 | 500..=599, _) | (_, "SlowDown") => (
            K::Unavailable,
            Temporary,
            "the storage service is overloaded or has an internal error",
            Some("try again later; if it stays so, look at the service's own log"),
        ),
        _ => (
            K::Other,
            Permanent,
            "the storage service refused the request",
            None,
        ),
    };
    let mut failure = Failure::new(kind, retry, format!("{sentence} ({shown})"));
    failure.hint = hint;
    failure
}

/// The text at the end of the chain of causes: the SDK's own says only "dispatch failure".
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_without_object_lock_is_told_from_a_lock_that_stands() {
        for (message, kind) in [
            (
                "Bucket is missing Object Lock Configuration",
                ErrorKind::Unsupported,
            ),
            (
                "Bucket is missing ObjectLockConfiguration",
                ErrorKind::Unsupported,
            ),
            (
                "Object is WORM protected and cannot be overwritten",
                ErrorKind::Other,
            ),
        ] {
            let failure = from_status(400, "InvalidRequest", Some(message));
            assert_eq!(failure.kind, kind, "{message}");
        }
    }

    #[test]
    fn statuses_and_codes_map_to_kinds() {
        for (status, code, kind, retry) in [
            (404, "NoSuchKey", ErrorKind::NotFound, Retry::Permanent),
            (404, "", ErrorKind::NotFound, Retry::Permanent),
            (
                404,
                "NoSuchBucket",
                ErrorKind::StoreNotFound,
                Retry::Permanent,
            ),
            (
                403,
                "AccessDenied",
                ErrorKind::AccessDenied,
                Retry::Permanent,
            ),
            (403, "QuotaExceeded", ErrorKind::Full, Retry::Permanent),
            (
                403,
                "RequestTimeTooSkewed",
                ErrorKind::AccessDenied,
                Retry::Permanent,
            ),
            (503, "SlowDown", ErrorKind::Unavailable, Retry::Temporary),
            (500, "", ErrorKind::Unavailable, Retry::Temporary),
            (
                416,
                "InvalidRange",
                ErrorKind::InvalidRange,
                Retry::Permanent,
            ),
            (400, "BadDigest", ErrorKind::Corrupt, Retry::Temporary),
            (400, "Odd", ErrorKind::Other, Retry::Permanent),
            (400, "InvalidRequest", ErrorKind::Other, Retry::Permanent),
            (
                501,
                "NotImplemented",
                ErrorKind::Unsupported,
                Retry::Permanent,
            ),
        ] {
            let failure = from_status(status, code, None);
            assert_eq!(
                (failure.kind, failure.retry),
                (kind, retry),
                "{status} {code}"
            );
        }
    }
}
