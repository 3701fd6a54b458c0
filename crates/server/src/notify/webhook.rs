//! Signed webhooks.
//!
//! `POST` with a JSON body and the headers
//!
//! ```text
//! X-Holdfast-Delivery: <id, the same for each attempt>
//! X-Holdfast-Event: alert.opened | alert.closed | run.ended | test
//! X-Holdfast-Signature: t=<seconds since 1970>,v1=<hex of HMAC-SHA256(secret, "<t>.<body>")>
//! ```
//!
//! The time is that of the attempt, so that a receiver can refuse what is old, and drop a delivery that it has already.
//! Any answer of 2xx means that it arrived. Redirects are not followed: they would lead past the check of the address.

use std::time::Duration;

use reqwest::{Url, header, redirect::Policy};
use ring::hmac;

use super::{
    address::resolve,
    deliver::{Addressee, Undelivered},
    message::{Envelope, Message},
};

/// Longest time for the connection, and for the whole request.
const CONNECT: Duration = Duration::from_secs(10);
const REQUEST: Duration = Duration::from_secs(20);

/// Sends a message.
pub(super) async fn send(
    to: &Addressee,
    url: &str,
    message: &Message,
    envelope: &Envelope<'_>,
) -> Result<(), Undelivered> {
    let url = Url::parse(url)
        .map_err(|error| Undelivered::refused(format!("The address cannot be read: {error}")))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let addresses = resolve(&host, port, to.reach).await?;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .resolve_to_addrs(&host, &addresses)
        .tls_certs_merge(to.authorities.of_webhooks().iter().cloned())
        .connect_timeout(CONNECT)
        .timeout(REQUEST)
        .user_agent(concat!("Holdfast/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| {
            Undelivered::unreachable(format!("No request can be made: {}", causes(&error)))
        })?;
    let body = message.body(envelope).to_string();
    let mut request = client
        .post(url)
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-holdfast-delivery", envelope.id.to_string())
        .header("x-holdfast-event", message.event());
    if let Some(secret) = &to.secret {
        let time = jiff::Timestamp::now().as_second();
        request = request.header(
            "x-holdfast-signature",
            signature(secret.expose(), time, &body),
        );
    }
    // The body of the answer is of no use and is not read, however long it is.
    let response = request.body(body).send().await.map_err(|error| {
        let causes = causes(&error.without_url());
        Undelivered::unreachable(format!("The receiver cannot be reached: {causes}"))
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    if status.is_redirection() {
        return Err(Undelivered::refused(format!(
            "The receiver redirects ({status}), which is not followed. Name the final address."
        )));
    }
    Err(Undelivered::refused(format!(
        "The receiver answered {status}"
    )))
}

/// The value of the signature's header.
pub(super) fn signature(secret: &str, time: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{time}.{body}").as_bytes());
    format!("t={time},v1={}", hex::encode(tag))
}

/// An error with what led to it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::signature;

    /// Reckoned with another program: `printf '1800000000.{"a":1}' | openssl dgst -sha256 -hmac 'secret'`.
    #[test]
    fn the_signature_is_that_of_time_and_body() {
        assert_eq!(
            signature("secret", 1_800_000_000, r#"{"a":1}"#),
            "t=1800000000,v1=440dfbb83aabca24d9e5027629cfd81cb45254690f8d410bb28f1cc17c990dbc"
        );
    }
}
