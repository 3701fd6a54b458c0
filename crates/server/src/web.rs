//! The web page: what `web/dist` held at build time, or a placeholder when it was not built.
//!
//! index.html holds the word [`NONCE_WORD`] wherever the page's own styles need a nonce; each answer gets a new one.
//! Everything that is not the API answers index.html, because the page has its own addresses.

use std::borrow::Cow;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use holdfast_protocol::errors::ErrorCode;
use rust_embed::RustEmbed;

use crate::{app::App, problem::ApiError};

/// What index.html holds in place of the nonce.
const NONCE_WORD: &str = "HOLDFAST_NONCE";

/// Names below this change with their content, so they are kept for good.
const HASHED: &str = "assets/";

const PLACEHOLDER: &str = include_str!("web_placeholder.html");

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// Whether there is a page, and not only the placeholder.
pub(crate) fn is_built(app: &App) -> bool {
    read(app, "index.html").is_some()
}

/// Serves the page.
pub(crate) async fn serve(State(app): State<App>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if path == "api" || path == "agent" || path.starts_with("api/") || path.starts_with("agent/") {
        return ApiError::from(ErrorCode::UnknownRoute)
            .detail(format!("/{path}"))
            .into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::from(ErrorCode::MethodNotAllowed).into_response();
    }
    if !path.is_empty() && path != "index.html" {
        if let Some(response) = file(&app, path, request.headers()) {
            return response;
        }
        // A hashed file of an older page: the page must learn that it is gone.
        if path.starts_with(HASHED) {
            return StatusCode::NOT_FOUND.into_response();
        }
    }
    index(&app)
}

fn read(app: &App, path: &str) -> Option<Cow<'static, [u8]>> {
    let Some(folder) = &app.web_dir else {
        return Dist::get(path).map(|file| file.data);
    };
    let inside = path
        .split('/')
        .all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains('\\'));
    if !inside {
        return None;
    }
    std::fs::read(folder.join(path)).ok().map(Cow::Owned)
}

fn file(app: &App, path: &str, headers: &HeaderMap) -> Option<Response> {
    let accepted = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let accepts = |name: &str| {
        accepted
            .split(',')
            .any(|entry| entry.split(';').next().unwrap_or("").trim() == name)
    };
    let packed = [("br", "br"), ("gz", "gzip")]
        .into_iter()
        .find_map(|(extension, encoding)| {
            let data = accepts(encoding)
                .then(|| read(app, &format!("{path}.{extension}")))
                .flatten()?;
            Some((data, Some(encoding)))
        });
    let (data, encoding) = match packed {
        Some(found) => found,
        None => (read(app, path)?, None),
    };
    let mut response = Response::new(Body::from(data));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(content_type(path)),
    );
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let cache = if path.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some(response)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn index(app: &App) -> Response {
    let page = read(app, "index.html").map(|data| String::from_utf8_lossy(&data).into_owned());
    let page = page.unwrap_or_else(|| PLACEHOLDER.to_owned());
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    let nonce = STANDARD.encode(bytes);
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'; img-src 'self'; \
         font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    let mut response = Response::new(Body::from(page.replace(NONCE_WORD, &nonce)));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    response
}
