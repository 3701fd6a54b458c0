//! The public API as any client would use it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

/// A signed-in client.
pub(crate) struct Api {
    client: Client,
    address: String,
    cookie: Option<String>,
}

impl Api {
    pub(crate) fn new(address: &str) -> Result<Self> {
        let client = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .context("make the HTTP client")?;
        Ok(Self {
            client,
            address: address.to_owned(),
            cookie: None,
        })
    }

    /// Waits until the server answers at all.
    pub(crate) async fn wait_until_up(&self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        while let Err(error) = self.get("/status").await {
            ensure!(
                Instant::now() < deadline,
                "the server does not answer: {error:#}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> Result<()> {
        let request = self
            .client
            .post(self.url("/session"))
            .json(&json!({"email": email, "password": password}));
        let answer = accepted(request.send().await.context("sign in")?)
            .await
            .context("sign in")?;
        let cookie = answer
            .headers()
            .get(SET_COOKIE)
            .context("signing in gave no session")?;
        let cookie = cookie.to_str().context("read the session cookie")?;
        self.cookie = cookie.split(';').next().map(str::to_owned);
        Ok(())
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.json(self.client.get(self.url(path)), path).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.json(self.client.post(self.url(path)).json(&body), path)
            .await
    }

    /// A page outside the API, as text.
    pub(crate) async fn page(&self, path: &str) -> Result<String> {
        let answer = self
            .client
            .get(format!("{}{path}", self.address))
            .send()
            .await
            .context("get the page")?;
        accepted(answer)
            .await?
            .text()
            .await
            .context("read the page")
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.address)
    }

    async fn json(&self, mut request: RequestBuilder, path: &str) -> Result<Value> {
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("call {path}"))?;
        let answer = accepted(answer)
            .await
            .with_context(|| format!("call {path}"))?;
        answer
            .json()
            .await
            .with_context(|| format!("read the answer of {path}"))
    }
}

async fn accepted(answer: Response) -> Result<Response> {
    let status = answer.status();
    if !status.is_success() {
        bail!("{status}: {}", answer.text().await.unwrap_or_default());
    }
    Ok(answer)
}
