//! The public API as any client would use it.

use std::time::{Duration, Instant};

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::PATIENCE;

/// A client of one server, signed in or not.
#[derive(Clone)]
pub struct Api {
    client: Client,
    root: String,
    cookie: Option<String>,
}

impl Api {
    /// A client that is not signed in.
    pub fn new(address: &str) -> Self {
        holdfast_host::install_crypto_provider();
        let client = Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .expect("make an HTTP client");
        Self {
            client,
            root: format!("{address}/api/v1"),
            cookie: None,
        }
    }

    /// Signs in.
    pub async fn sign_in(&mut self, email: &str, password: &str) {
        let request = self
            .client
            .post(format!("{}/session", self.root))
            .json(&json!({"email": email, "password": password}));
        let answer = request.send().await.expect("sign in");
        assert!(
            answer.status().is_success(),
            "signing in answers {}",
            answer.status()
        );
        let cookie = answer
            .headers()
            .get(SET_COOKIE)
            .expect("signing in gives a session");
        let cookie = cookie
            .to_str()
            .expect("a cookie is text")
            .split(';')
            .next()
            .expect("a cookie has a value");
        self.cookie = Some(cookie.to_owned());
    }

    /// Waits until the server answers.
    pub async fn wait_until_up(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self
            .client
            .get(format!("{}/status", self.root))
            .send()
            .await
            .is_err()
        {
            assert!(
                Instant::now() < deadline,
                "the server does not answer at {}",
                self.root
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Value {
        self.send(self.client.get(format!("{}{path}", self.root)), path)
            .await
    }

    /// Reads; `None` when the server does not answer.
    pub async fn try_get(&self, path: &str) -> Option<Value> {
        let request = self.with_session(self.client.get(format!("{}{path}", self.root)));
        request.send().await.ok()?.json().await.ok()
    }

    /// Begins to read something that is no JSON.
    pub async fn open(&self, path: &str) -> reqwest::Response {
        let request = self.with_session(self.client.get(format!("{}{path}", self.root)));
        let answer = request
            .send()
            .await
            .unwrap_or_else(|error| panic!("call {path}: {error}"));
        assert!(
            answer.status().is_success(),
            "{path} answers {}",
            answer.status()
        );
        answer
    }

    /// Reads something that is no JSON; an error when it breaks off.
    pub async fn bytes(&self, path: &str) -> reqwest::Result<Vec<u8>> {
        Ok(self.open(path).await.bytes().await?.to_vec())
    }

    /// Creates or acts.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.send(
            self.client.post(format!("{}{path}", self.root)).json(&body),
            path,
        )
        .await
    }

    fn with_session(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder, path: &str) -> Value {
        let answer = self
            .with_session(request)
            .send()
            .await
            .unwrap_or_else(|error| panic!("call {path}: {error}"));
        let status = answer.status();
        let text = answer
            .text()
            .await
            .unwrap_or_else(|error| panic!("read the answer of {path}: {error}"));
        assert!(status.is_success(), "{path} answers {status}: {text}");
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("the answer of {path} is no JSON ({error}): {text}"))
    }

    /// Reads again and again until it shows what is waited for.
    pub async fn wait_until(
        &self,
        what: &str,
        path: &str,
        shows: impl Fn(&Value) -> bool,
    ) -> Value {
        self.wait_within(PATIENCE, what, path, shows).await
    }

    /// The same with another patience.
    pub async fn wait_within(
        &self,
        patience: Duration,
        what: &str,
        path: &str,
        shows: impl Fn(&Value) -> bool,
    ) -> Value {
        let deadline = Instant::now() + patience;
        loop {
            let value = self.get(path).await;
            if shows(&value) {
                return value;
            }
            assert!(
                Instant::now() < deadline,
                "waited {patience:?} until {what}; {path} says {value}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
