//! Reading requests: bodies of at most 1 MiB with exact fields, ids, pages, versions.

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};
use holdfast_protocol::{api::common::Page, errors::ErrorCode};
use http_body_util::BodyExt;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    db::{COUNT_CAP, Cursor, PageRequest, Slice},
    problem::{ApiError, ApiResult},
};

/// Largest body of a request from a client.
pub(crate) const BODY_LIMIT: usize = 1 << 20;
/// Most that is read of a body after it was refused, in bytes.
const MOST_DISCARDED: usize = 16 << 20;

/// Rows of a page when the caller does not say.
const DEFAULT_LIMIT: u64 = 50;

/// Most rows of a page.
const LARGEST_LIMIT: u64 = 200;

/// A JSON body in which every field is known; an empty body is an empty object.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let json = is_json(request.headers());
        let bytes = read_body(request.into_body(), BODY_LIMIT).await?;
        if bytes.is_empty() {
            return parse(b"{}").map(Self);
        }
        if !json {
            return Err(ErrorCode::UnsupportedMediaType.into());
        }
        parse(&bytes).map(Self)
    }
}

/// Largest body of a result or a last report from an agent.
pub(crate) const RESULT_LIMIT: usize =
    holdfast_protocol::agent::commands::LARGEST_RESULT_BYTES + BODY_LIMIT;

/// A JSON body from an agent, of at most `LIMIT` bytes, in which unknown fields are ignored.
pub(crate) struct AgentBody<T, const LIMIT: usize = BODY_LIMIT>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned, const LIMIT: usize> FromRequest<S>
    for AgentBody<T, LIMIT>
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        parse(&read_body(request.into_body(), LIMIT).await?).map(Self)
    }
}

/// Whether the request says that it carries JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// Reads a body up to `limit` bytes.
pub(crate) async fn read_body(mut body: axum::body::Body, limit: usize) -> ApiResult<bytes::Bytes> {
    let mut bytes = bytes::BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            ApiError::from(ErrorCode::InvalidRequest)
                .detail("the body broke off")
                .because(anyhow::anyhow!(error))
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > limit - bytes.len() {
            discard(body).await;
            return Err(ErrorCode::BodyTooLarge.into());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// Reads the rest of a refused body and drops it, within a bound: a client that is still sending would see a broken
/// connection instead of the answer.
pub(crate) async fn discard(mut body: axum::body::Body) {
    let mut left = MOST_DISCARDED;
    while let Some(Ok(frame)) = body.frame().await {
        match left.checked_sub(frame.data_ref().map_or(0, bytes::Bytes::len)) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// Reads JSON; what does not fit is named by its place.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer_of(error.path());
        let error = error.into_inner();
        if error.is_data() {
            wrong_data(pointer, &error)
        } else {
            broken_json(&error)
        }
    })?;
    reader.end().map_err(|error| broken_json(&error))?;
    Ok(value)
}

fn broken_json(error: &serde_json::Error) -> ApiError {
    ApiError::from(ErrorCode::InvalidRequest)
        .detail(format!("the body is not well-formed JSON: {error}"))
}

/// The message of the parser without the position, which means nothing to the reader of a form.
fn wrong_data(mut pointer: String, error: &serde_json::Error) -> ApiError {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    let quoted = message.split('`').nth(1).unwrap_or("");
    let code = if message.starts_with("unknown field") {
        if !pointer.ends_with(&format!("/{quoted}")) {
            pointer = format!("{pointer}/{quoted}");
        }
        "unknown_field"
    } else if message.starts_with("missing field") {
        pointer = format!("{pointer}/{quoted}");
        "missing"
    } else {
        "invalid"
    };
    ApiError::field(pointer, code, message)
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1")))
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// The id in the address; text that is none answers like an unknown id.
pub(crate) struct Id(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::from(ErrorCode::NotFound))?;
        Uuid::parse_str(&text)
            .map(Self)
            .map_err(|_| ErrorCode::NotFound.into())
    }
}

/// The number in an address of the agent's wire.
pub(crate) struct WireId(pub(crate) i64);

impl<S: Send + Sync> FromRequestParts<S> for WireId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(number) = Path::<i64>::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::from(ErrorCode::NotFound))?;
        Ok(Self(number))
    }
}

/// The parameters behind the `?`, in which every name is known.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(value) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|error| {
                let message = error.body_text();
                let message = message
                    .trim_start_matches("Failed to deserialize query string: ")
                    .to_owned();
                let name = message
                    .split(':')
                    .next()
                    .filter(|name| !name.contains(' '))
                    .unwrap_or("")
                    .to_owned();
                ApiError::field(format!("?{name}"), "invalid", message)
            })?;
        Ok(Self(value))
    }
}

/// The version that a change is based on.
pub(crate) struct IfMatch(pub(crate) i64);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let value = parts
            .headers
            .get(header::IF_MATCH)
            .ok_or(ErrorCode::VersionRequired)?;
        let text = value
            .to_str()
            .unwrap_or("")
            .trim()
            .trim_start_matches("W/")
            .trim_matches('"');
        // A version that was never given out matches nothing.
        Ok(Self(text.parse().unwrap_or(-1)))
    }
}

/// Checks the parameters of a list.
pub(crate) fn page_request(limit: Option<u64>, cursor: Option<&str>) -> ApiResult<PageRequest> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(ApiError::field(
            "?limit",
            "out_of_range",
            format!("must be 1 to {LARGEST_LIMIT}"),
        ));
    }
    let after = match cursor.filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(Cursor::decode(text).ok_or_else(|| {
            ApiError::field(
                "?cursor",
                "invalid",
                "is not a cursor of this list; begin without one",
            )
        })?),
    };
    Ok(PageRequest { limit, after })
}

/// Splits a parameter that lists words by commas.
pub(crate) fn words(text: Option<&str>) -> Vec<String> {
    text.unwrap_or("")
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A page of answers from a page of rows.
pub(crate) fn to_page<R, T>(mut slice: Slice<R>, view: impl FnMut(R) -> T) -> Page<T> {
    let rows = std::mem::take(&mut slice.rows);
    page_of(slice, rows.into_iter().map(view).collect())
}

/// The same with answers of which one may not be possible.
///
/// # Errors
/// The first one's.
pub(crate) fn try_to_page<R, T>(
    mut slice: Slice<R>,
    view: impl FnMut(R) -> ApiResult<T>,
) -> ApiResult<Page<T>> {
    let rows = std::mem::take(&mut slice.rows);
    let items = rows.into_iter().map(view).collect::<ApiResult<_>>()?;
    Ok(page_of(slice, items))
}

/// A page of answers that were made of the rows of a slice.
pub(crate) fn page_of<R, T>(slice: Slice<R>, items: Vec<T>) -> Page<T> {
    Page {
        count: slice.count.min(COUNT_CAP),
        count_capped: slice.count > COUNT_CAP,
        next_cursor: slice.next.map(Cursor::encode),
        items,
    }
}

/// A JSON answer.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::api::{jobs::JobCreate, vaults::VaultCreate};
    use serde::de::DeserializeOwned;

    use super::parse;

    fn refusal<T: DeserializeOwned>(text: &str) -> (String, String, String) {
        let problem = parse::<T>(text.as_bytes())
            .err()
            .expect("is refused")
            .problem();
        let field = problem.errors.first().cloned();
        let (pointer, code) =
            field.map_or_else(Default::default, |field| (field.pointer, field.code));
        (problem.code, pointer, code)
    }

    #[test]
    fn wrong_fields_are_named() {
        let table = [
            ("{", "invalid_request", "", ""),
            ("{} {}", "invalid_input", "/name", "missing"),
            (r#"{"name":5}"#, "invalid_input", "/name", "invalid"),
            (
                r#"{"name":"x","colour":1}"#,
                "invalid_input",
                "/colour",
                "unknown_field",
            ),
            (
                r#"{"name":"x","policy":{"compression":"lzma"}}"#,
                "invalid_input",
                "/policy/compression",
                "invalid",
            ),
            (
                r#"{"name":"x","policy":{"levels":3}}"#,
                "invalid_input",
                "/policy/levels",
                "unknown_field",
            ),
            (
                r#"{"name":"x","paths":["/a",7]}"#,
                "invalid_input",
                "/paths/1",
                "invalid",
            ),
            (
                r#"{"name":"x","agent_id":"seven"}"#,
                "invalid_input",
                "/agent_id",
                "invalid",
            ),
        ];
        for (text, code, pointer, field) in table {
            let expected = (code.to_owned(), pointer.to_owned(), field.to_owned());
            assert_eq!(refusal::<JobCreate>(text), expected, "{text}");
        }
    }

    #[test]
    fn the_place_of_a_vault_refuses_what_it_does_not_know() {
        let text = r#"{"name":"x","storage":{"kind":"directory","agent_id":"0190b5a0-0000-7000-8000-000000000000","path":"/b","speed":1}}"#;
        let (code, pointer, _) = refusal::<VaultCreate>(text);
        assert_eq!(
            (code.as_str(), pointer.starts_with("/storage")),
            ("invalid_input", true),
            "{pointer}"
        );
    }
}
