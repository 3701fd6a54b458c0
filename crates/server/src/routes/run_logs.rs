//! The full log of a run: read, searched, downloaded.

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use holdfast_protocol::{agent::LogLevel, api::run_logs::RunLog, errors::ErrorCode};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::runs::known_words;
use crate::{
    app::App,
    auth::Caller,
    db::{self, RunRow},
    extract::{Id, Json, Params},
    problem::{ApiError, ApiResult},
    runs::log::{Direction, Wanted, as_text, read},
};

const DEFAULT_LINES: usize = 500;
const MOST_LINES: usize = 1000;

/// Longest text that is searched for, in bytes.
const LONGEST_SEARCH: usize = 1000;

/// Parameters of a part of a log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogParams {
    before: Option<i64>,
    after: Option<i64>,
    limit: Option<usize>,
    level: Option<String>,
    q: Option<String>,
}

async fn find(app: &App, caller: &Caller, id: uuid::Uuid) -> ApiResult<RunRow> {
    Ok(db::runs::find(app.db.reader(), caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?)
}

/// A part of a run's log: the newest lines, those before one, or those after one.
#[utoipa::path(get, path = "/runs/{id}/log", tag = "runs",
    params(("id" = uuid::Uuid, Path), ("before" = Option<i64>, Query, description = "Lines before this one, the newest of them."),
        ("after" = Option<i64>, Query, description = "Lines after this one, the oldest of them."),
        ("limit" = Option<u64>, Query, description = "1 to 1,000; default 500."),
        ("level" = Option<String>, Query, description = "info, warn, error; several by commas."),
        ("q" = Option<String>, Query, description = "A part of the text, in any letter case.")),
    responses((status = 200, body = RunLog)))]
pub(crate) async fn log(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Params(params): Params<LogParams>,
) -> ApiResult<Json<RunLog>> {
    let run = find(&app, &caller, id).await?;
    let limit = params.limit.unwrap_or(DEFAULT_LINES);
    if !(1..=MOST_LINES).contains(&limit) {
        return Err(ApiError::field(
            "?limit",
            "out_of_range",
            format!("must be 1 to {MOST_LINES}"),
        ));
    }
    let direction = match (params.before, params.after) {
        (Some(_), Some(_)) => {
            return Err(ApiError::field(
                "?after",
                "invalid",
                "cannot be given together with before",
            ));
        }
        (before, None) => Direction::Before(before.unwrap_or(i64::MAX)),
        (None, Some(after)) => Direction::After(after),
    };
    let levels = known_words(
        params.level.as_deref(),
        &["info", "warn", "error"],
        "?level",
    )?;
    let search = params.q.unwrap_or_default();
    if search.len() > LONGEST_SEARCH {
        return Err(ApiError::field(
            "?q",
            "too_long",
            format!("must have at most {LONGEST_SEARCH} bytes"),
        ));
    }
    let wanted = Wanted {
        direction,
        levels: levels
            .iter()
            .map(|level| LogLevel::of_event(level))
            .collect(),
        search: search.to_lowercase(),
        limit,
    };
    Ok(Json(read(&app, app.db.reader(), &run, &wanted).await?))
}

/// The whole log of a run as a text file, one line a line.
#[utoipa::path(get, path = "/runs/{id}/log/download", tag = "runs", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "The log.", content_type = "text/plain", body = String)))]
pub(crate) async fn download_log(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Response> {
    let run = find(&app, &caller, id).await?;
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    let name = format!("attachment; filename=\"run-{}.log\"", run.uuid);
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_str(&name).map_err(|_| ErrorCode::Internal)?,
    );
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(send_all(app, run, sender));
    Ok((headers, Body::from_stream(ReceiverStream::new(receiver))).into_response())
}

/// Sends a log part by part, so that it is never whole in memory.
async fn send_all(app: App, run: RunRow, sender: mpsc::Sender<Result<Bytes, Infallible>>) {
    let mut after = 0;
    loop {
        let wanted = Wanted {
            direction: Direction::After(after),
            levels: Vec::new(),
            search: String::new(),
            limit: MOST_LINES,
        };
        let part = match read(&app, app.db.reader(), &run, &wanted).await {
            Ok(part) => part,
            Err(error) => {
                tracing::error!(run = %run.uuid, code = error.code().code(), "the run's log cannot be read on: {}", error.cause());
                return;
            }
        };
        let text: String = part.items.iter().map(as_text).collect();
        // Whoever asked has gone.
        if !text.is_empty() && sender.send(Ok(Bytes::from(text))).await.is_err() {
            return;
        }
        if !part.more || part.to <= after {
            return;
        }
        after = part.to;
    }
}
