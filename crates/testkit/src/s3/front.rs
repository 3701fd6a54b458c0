//! The side that faces the network: takes connections, writes the log, applies faults, and hands
//! the rest to the S3 protocol behind it.

use std::convert::Infallible;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::service::S3Service;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::bodies::{PassingBody, Rules, watch};
use super::log::{Entry, LoggedRequest};
use super::{Effect, Operation, Shared, control};

/// On a request whose range is not to be looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct IgnoreRange;

/// Why a connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed on order")]
struct Closed;

pub(super) async fn serve(
    listener: StdListener,
    service: S3Service,
    shared: Arc<Shared>,
    mut stopped: oneshot::Receiver<()>,
) {
    let listener = TcpListener::from_std(listener).expect("inside a runtime");
    loop {
        let (stream, _) = tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // Out of file handles, or the client is gone already.
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        let (service, shared) = (service.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let handler = service_fn(move |request| {
                let (service, shared) = (service.clone(), Arc::clone(&shared));
                async move { handle(request, &service, &shared).await }
            });
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), handler)
                .await;
            if let Err(error) = served {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
}

async fn handle(
    request: Request<Incoming>,
    service: &S3Service,
    shared: &Arc<Shared>,
) -> Result<Response<PassingBody>, Closed> {
    if request.uri().path().starts_with(control::PATH) {
        return Ok(control::handle(request, shared).await);
    }
    let entry = shared.log.start(describe(&request));
    let behaviour = shared.behaviour.read().clone();
    if behaviour.latency_millis > 0 {
        tokio::time::sleep(Duration::from_millis(behaviour.latency_millis)).await;
    }
    let logged = &entry.request;
    let effect = shared.faults.take(logged.operation, &logged.key);
    let mut incoming = Rules {
        bytes_per_second: behaviour.upload_bytes_per_second,
        ..Rules::default()
    };
    let mut request = request;
    match &effect {
        Some(Effect::Hang) => std::future::pending().await,
        Some(Effect::Delay { millis }) => tokio::time::sleep(Duration::from_millis(*millis)).await,
        Some(Effect::Disconnect { after }) => incoming.fail_after = Some(*after),
        Some(Effect::IgnoreRange) => {
            // The header itself is signed and must stay.
            request.extensions_mut().insert(IgnoreRange);
        }
        Some(Effect::Status { status, code }) => {
            // The body is read first: a server that answers early resets the connection under the client.
            let _ = receive(request.into_body(), incoming, &entry)
                .collect()
                .await;
            return Ok(finish(
                status_answer(*status, code),
                Rules::default(),
                &entry,
            ));
        }
        _ => {}
    }
    let request = request.map(|body| match body.is_end_stream() {
        // The protocol behind wants a length for every body that may have bytes.
        true => s3s::Body::empty(),
        false => s3s::Body::http_body_unsync(receive(body, incoming, &entry)),
    });
    let answer = service.call(request).await;
    if let Some(Effect::Disconnect { .. }) = effect {
        return Err(Closed);
    }
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!(error = format!("{error:?}"), "a request was not served");
            return Err(Closed);
        }
    };
    let mut outgoing = Rules {
        bytes_per_second: behaviour.download_bytes_per_second,
        ..Rules::default()
    };
    match effect {
        Some(Effect::Silent) => {
            let status = answer.status().as_u16();
            entry.status.store(status, Ordering::Relaxed);
            std::future::pending().await
        }
        Some(Effect::LoseAnswer) => {
            return Ok(finish(
                status_answer(500, "InternalError"),
                Rules::default(),
                &entry,
            ));
        }
        Some(Effect::Truncate { after }) => outgoing.fail_after = Some(after),
        Some(Effect::Flip { offset }) => outgoing.flip = Some(offset),
        Some(Effect::Shorten { by }) => {
            let length = length_of(answer.headers())
                .unwrap_or_default()
                .saturating_sub(by);
            answer.headers_mut().insert(CONTENT_LENGTH, length.into());
            outgoing.end_after = Some(length);
        }
        _ => {}
    }
    Ok(finish(answer, outgoing, &entry))
}

fn receive(body: Incoming, rules: Rules, entry: &Arc<Entry>) -> PassingBody {
    let entry = Arc::clone(entry);
    watch(body, rules, move |count| {
        entry.received.fetch_add(count, Ordering::Relaxed);
    })
}

fn finish(answer: Response<s3s::Body>, rules: Rules, entry: &Arc<Entry>) -> Response<PassingBody> {
    entry
        .status
        .store(answer.status().as_u16(), Ordering::Relaxed);
    let (mut parts, body) = answer.into_parts();
    if entry.request.method == Method::HEAD.as_str() {
        return Response::from_parts(parts, empty());
    }
    if let (false, Some(length)) = (
        parts.headers.contains_key(CONTENT_LENGTH),
        body.size_hint().exact(),
    ) {
        parts.headers.insert(CONTENT_LENGTH, length.into());
    }
    let entry = Arc::clone(entry);
    let body = watch(body, rules, move |count| {
        entry.sent.fetch_add(count, Ordering::Relaxed);
    });
    Response::from_parts(parts, body)
}

fn length_of(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn status_answer(status: u16, code: &str) -> Response<s3s::Body> {
    let body = if code.is_empty() {
        String::new()
    } else {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>on order of the test</Message></Error>"
        )
    };
    let mut answer = Response::new(s3s::Body::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a fault names a real status");
    answer
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/xml"));
    answer
}

pub(super) fn empty() -> PassingBody {
    full(bytes::Bytes::new())
}

pub(super) fn full(data: bytes::Bytes) -> PassingBody {
    Full::new(data)
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

fn describe(request: &Request<Incoming>) -> LoggedRequest {
    let (bucket, key) = place_of(request.uri());
    let query = request.uri().query().unwrap_or_default();
    let asks = |name: &str| {
        query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    };
    let multipart = ["uploadId", "uploads", "partNumber"].into_iter().any(asks);
    let operation = match (request.method(), key.is_empty()) {
        _ if multipart => Operation::Other,
        (&Method::HEAD, _) => Operation::Head,
        (&Method::GET, false) if asks("retention") => Operation::Retention,
        (&Method::GET, false) => Operation::Get,
        (&Method::GET, true) => Operation::List,
        (&Method::PUT, false) if asks("retention") => Operation::Extend,
        (&Method::PUT, false) => Operation::Put,
        (&Method::DELETE, false) => Operation::Delete,
        (&Method::POST, true) if query.contains("delete") => Operation::Delete,
        _ => Operation::Other,
    };
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    LoggedRequest {
        method: request.method().to_string(),
        operation,
        bucket,
        key,
        query: query.to_owned(),
        range: header("range"),
        content_md5: header("content-md5"),
        content_type: header("content-type"),
        storage_class: header("x-amz-storage-class"),
        lock_mode: header("x-amz-object-lock-mode"),
        lock_until: header("x-amz-object-lock-retain-until-date"),
        received: 0,
        sent: 0,
        status: 0,
    }
}

/// Bucket and key of a path-style address.
fn place_of(uri: &Uri) -> (String, String) {
    let path = uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    (bucket.to_owned(), percent_decode(key))
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
