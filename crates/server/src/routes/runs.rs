//! Runs.

use axum::extract::State;
use holdfast_protocol::{
    api::{
        common::Page,
        runs::{Run, RunEvents, RunProblem, RunSummary},
    },
    errors::ErrorCode,
};
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use serde::Deserialize;
use uuid::Uuid;

use super::change::finish;
use crate::{
    app::App,
    auth::Caller,
    db::{self, RunRow, audit::Object, runs::RunFilter},
    extract::{Id, Json, Params, page_request, try_to_page, words},
    problem::{ApiError, ApiResult},
    runs,
    view::{self, catalog::Catalog},
};

const DEFAULT_EVENTS: u64 = 200;
const MOST_EVENTS: u64 = 1000;

/// Parameters of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunParams {
    limit: Option<u64>,
    cursor: Option<String>,
    job_id: Option<Uuid>,
    agent_id: Option<Uuid>,
    vault_id: Option<Uuid>,
    status: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// Parameters of the events.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventParams {
    after: Option<i64>,
    limit: Option<u64>,
    level: Option<String>,
}

/// Parameters of the problems.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProblemParams {
    limit: Option<u64>,
    cursor: Option<String>,
    code: Option<String>,
}

async fn find(app: &App, caller: &Caller, id: Uuid) -> ApiResult<RunRow> {
    Ok(db::runs::find(app.db.reader(), caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?)
}

/// A run with everything.
pub(crate) async fn shown(app: &App, caller: &Caller, row: &RunRow) -> ApiResult<Run> {
    let catalog = Catalog::load(app.db.reader(), caller.scope).await?;
    view::runs::detail(app, app.db.reader(), &catalog, caller, row).await
}

pub(super) fn known_words(
    text: Option<&str>,
    known: &[&str],
    pointer: &str,
) -> ApiResult<Vec<String>> {
    let words = words(text);
    match words.iter().find(|word| !known.contains(&word.as_str())) {
        Some(word) => Err(ApiError::field(
            pointer,
            "invalid",
            format!("{word} is not one of {}", known.join(", ")),
        )),
        None => Ok(words),
    }
}

/// When a day begins that stands so many days after the one named, in milliseconds since 1970.
fn day_begins(
    day: Option<&str>,
    later: i64,
    zone: &TimeZone,
    pointer: &str,
) -> ApiResult<Option<i64>> {
    let Some(day) = day else {
        return Ok(None);
    };
    let begins = day
        .parse::<Date>()
        .and_then(|date| date.checked_add(later.days()))
        .and_then(|date| date.to_zoned(zone.clone()));
    match begins {
        Ok(begins) => Ok(Some(begins.timestamp().as_millisecond())),
        Err(_) => Err(ApiError::field(
            pointer,
            "invalid",
            format!("{day} is not a day such as 2026-11-24"),
        )),
    }
}

/// The tenant's runs, newest first.
#[utoipa::path(get, path = "/runs", tag = "runs",
    params(("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query), ("job_id" = Option<Uuid>, Query),
        ("agent_id" = Option<Uuid>, Query), ("vault_id" = Option<Uuid>, Query),
        ("status" = Option<String>, Query, description = "Several by commas."),
        ("type" = Option<String>, Query, description = "backup, restore; several by commas."),
        ("from" = Option<String>, Query, description = "First day, `2026-11-24`, in the tenant's time zone."),
        ("to" = Option<String>, Query, description = "Last day.")),
    responses((status = 200, body = Page<RunSummary>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<RunParams>,
) -> ApiResult<Json<Page<RunSummary>>> {
    let page = page_request(params.limit, params.cursor.as_deref())?;
    let statuses = [
        "queued",
        "starting",
        "running",
        "success",
        "partial_success",
        "failed",
        "cancelled",
    ];
    let mut filter = RunFilter {
        statuses: known_words(params.status.as_deref(), &statuses, "?status")?,
        types: known_words(params.kind.as_deref(), &["backup", "restore"], "?type")?,
        ..RunFilter::default()
    };
    let conn = app.db.reader();
    if let Some(id) = params.job_id {
        filter.job_id = Some(
            db::jobs::find(conn, caller.scope, id)
                .await?
                .ok_or(ErrorCode::NotFound)?
                .id,
        );
    }
    if let Some(id) = params.agent_id {
        filter.agent_id = Some(
            db::agents::find(conn, caller.scope, id)
                .await?
                .ok_or(ErrorCode::NotFound)?
                .id,
        );
    }
    if let Some(id) = params.vault_id {
        filter.vault_id = Some(
            db::vaults::find(conn, caller.scope, id)
                .await?
                .ok_or(ErrorCode::NotFound)?
                .id,
        );
    }
    let catalog = Catalog::load(conn, caller.scope).await?;
    let zone = catalog.zone();
    filter.from = day_begins(params.from.as_deref(), 0, &zone, "?from")?;
    filter.before = day_begins(params.to.as_deref(), 1, &zone, "?to")?;
    let slice = db::runs::list(conn, caller.scope, &filter, page).await?;
    let page = try_to_page(slice, |row| view::runs::summary(&app, &catalog, &row))?;
    Ok(Json(page))
}

/// One run.
#[utoipa::path(get, path = "/runs/{id}", tag = "runs", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Run)))]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<Run>> {
    let row = find(&app, &caller, id).await?;
    Ok(Json(shown(&app, &caller, &row).await?))
}

/// Asks to stop a run. One that only waits is over at once; another is over when its agent has cleaned up.
#[utoipa::path(post, path = "/runs/{id}/cancel", tag = "runs", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Run)))]
pub(crate) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<Run>> {
    let row = find(&app, &caller, id).await?;
    let txn = app.db.begin().await?;
    let (row, changes) = runs::start::cancel(&app, &txn, caller.scope, row.id).await?;
    let object = Object::of("runs", row.uuid, &row.job_name);
    finish(&app, txn, &caller, "runs.cancel", object, changes).await?;
    if let Some(agent_id) = row.agent_id {
        app.wake.ring(agent_id);
    }
    Ok(Json(shown(&app, &caller, &row).await?))
}

/// Events of a run after a given one, oldest first.
#[utoipa::path(get, path = "/runs/{id}/events", tag = "runs",
    params(("id" = uuid::Uuid, Path), ("after" = Option<i64>, Query), ("limit" = Option<u64>, Query),
        ("level" = Option<String>, Query, description = "info, warn, error; several by commas.")),
    responses((status = 200, body = RunEvents)))]
pub(crate) async fn events(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Params(params): Params<EventParams>,
) -> ApiResult<Json<RunEvents>> {
    let run = find(&app, &caller, id).await?;
    let limit = params.limit.unwrap_or(DEFAULT_EVENTS);
    if !(1..=MOST_EVENTS).contains(&limit) {
        return Err(ApiError::field(
            "?limit",
            "out_of_range",
            format!("must be 1 to {MOST_EVENTS}"),
        ));
    }
    let levels = known_words(
        params.level.as_deref(),
        &["info", "warn", "error"],
        "?level",
    )?;
    let after = params.after.unwrap_or(0);
    let mut rows = db::events::after(app.db.reader(), run.id, after, &levels, limit + 1).await?;
    let more = rows.len() as u64 > limit;
    rows.truncate(limit as usize);
    let items = rows
        .into_iter()
        .map(|row| runs::events::view(&app, &run, row))
        .collect::<ApiResult<Vec<_>>>()?;
    let last_seq = items.last().map_or(after, |event| event.seq);
    Ok(Json(RunEvents {
        items,
        last_seq,
        more,
    }))
}

/// Items that a run could not handle.
#[utoipa::path(get, path = "/runs/{id}/problems", tag = "runs",
    params(("id" = uuid::Uuid, Path), ("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
        ("code" = Option<String>, Query)),
    responses((status = 200, body = Page<RunProblem>)))]
pub(crate) async fn problems(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Params(params): Params<ProblemParams>,
) -> ApiResult<Json<Page<RunProblem>>> {
    let run = find(&app, &caller, id).await?;
    let page = page_request(params.limit, params.cursor.as_deref())?;
    let slice = db::problems::list(app.db.reader(), run.id, params.code.as_deref(), page).await?;
    let page = try_to_page(slice, |row| view::runs::problem(&app, &run, row))?;
    Ok(Json(page))
}
