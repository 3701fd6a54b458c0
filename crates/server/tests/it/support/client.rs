//! A client of the API as a browser is one: it keeps its cookie.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::PASSWORD;

/// A client with or without a session.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) cookie: Option<String>,
}

/// An answer that was read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The body, which must come with this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// Asserts a problem document.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        let kind = self
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
            .to_owned();
        let problem = self.expect(status);
        assert_eq!(kind, "application/problem+json");
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert!(
            problem["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty()),
            "{problem}"
        );
        assert!(problem["request_id"].is_string(), "{problem}");
        problem
    }

    /// Asserts a refusal of one field.
    #[track_caller]
    pub(crate) fn wrong_field(self, pointer: &str) -> Value {
        let problem = self.refused(422, "invalid_input");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        problem
    }
}

impl Client {
    pub(crate) fn new(base: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            base: base.to_owned(),
            cookie: None,
        }
    }

    /// Sends a request to a path below `/api/v1`, or to any other path of the server.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let below = ["/agent/", "/api/", "/web"]
            .iter()
            .any(|prefix| path.starts_with(prefix));
        let url = if below {
            format!("{}{path}", self.base)
        } else {
            format!("{}/api/v1{path}", self.base)
        };
        let mut request = self.http.request(method, url);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        request
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        Self::try_send(request).await.expect("the server answers")
    }

    /// Sends a request to a server that may be gone.
    pub(crate) async fn try_send(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answer {
            status,
            headers,
            text: response.text().await?,
        })
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body))
            .await
    }

    pub(crate) async fn patch(&self, path: &str, version: &Value, body: Value) -> Answer {
        let request = self
            .request(Method::PATCH, path)
            .header(header::IF_MATCH, format!("\"{version}\""));
        self.send(request.json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str, version: &Value) -> Answer {
        let request = self
            .request(Method::DELETE, path)
            .header(header::IF_MATCH, format!("\"{version}\""));
        self.send(request).await
    }

    /// Signs in and keeps the cookie.
    pub(crate) async fn sign_in(&mut self, email: &str) -> Value {
        let answer = self
            .post("/session", json!({ "email": email, "password": PASSWORD }))
            .await;
        self.keep_cookie(&answer);
        answer.expect(200)
    }

    pub(crate) fn keep_cookie(&mut self, answer: &Answer) {
        let cookie = answer
            .headers
            .get(header::SET_COOKIE)
            .expect("a cookie is set")
            .to_str()
            .expect("is text");
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
            "{cookie}"
        );
        self.cookie = cookie.split(';').next().map(str::to_owned);
    }
}
