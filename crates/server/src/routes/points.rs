//! Restore points.

use std::time::Duration;

use axum::{extract::State, http::StatusCode};
use holdfast_protocol::{
    agent::{
        CommandPayload,
        commands::{
            ContentListing, DeletePointsResult, DeletionPreview, FindPath, LARGEST_CONTENT_PAGE,
            ListContent, MOST_POINTS_FOR_PATH, NamedSnapshot, PathFound, Search, SearchResult,
            SearchedSource,
        },
    },
    api::{
        commands::Command,
        common::Page,
        points::{ContentRequest, PathSearch, PinRequest, PinState, Point, PointRequest, Timeline},
        searches::VersionsRequest,
    },
    errors::ErrorCode,
    ids::SnapshotId,
};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{change::finish, commands::answer, input};
use crate::{
    app::App,
    auth::Caller,
    commands::{
        executor,
        queue::{self, Order},
    },
    db::{
        self, AgentRow, CommandRow, PointRow, PointSnapshotRow, Txn, VaultRow, audit::Object,
        points::PointFilter,
    },
    extract::{Body, Id, Json, Params, page_of, page_request},
    points::{deletion, pins},
    problem::{ApiError, ApiResult},
    view::{self, catalog::Catalog},
};

/// Parameters of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PointParams {
    limit: Option<u64>,
    cursor: Option<String>,
    job_id: Option<Uuid>,
    vault_id: Option<Uuid>,
    run_id: Option<Uuid>,
}

/// A point that can be read.
pub(crate) async fn readable(app: &App, caller: &Caller, id: Uuid) -> ApiResult<PointRow> {
    let point = db::points::find(app.db.reader(), caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    if point.state == "gone" {
        Err(ErrorCode::PointGone.into())
    } else {
        Ok(point)
    }
}

/// The points of a job, of a vault, or of both.
async fn of_owner(
    app: &App,
    caller: &Caller,
    job: Option<Uuid>,
    vault: Option<Uuid>,
) -> ApiResult<PointFilter> {
    let conn = app.db.reader();
    let mut filter = PointFilter::default();
    if let Some(id) = job {
        let job = db::jobs::find(conn, caller.scope, id).await?;
        filter.job_id = Some(job.ok_or(ErrorCode::NotFound)?.id);
    }
    if let Some(id) = vault {
        let vault = db::vaults::find(conn, caller.scope, id).await?;
        filter.vault_id = Some(vault.ok_or(ErrorCode::NotFound)?.id);
    }
    Ok(filter)
}

/// The snapshot of a point that a request names, or its first.
pub(super) async fn snapshot_of(
    app: &App,
    point: &PointRow,
    wanted: Option<SnapshotId>,
) -> ApiResult<PointSnapshotRow> {
    let snapshots = db::points::snapshots(app.db.reader(), [point.id]).await?;
    let found = match wanted {
        None => snapshots.into_iter().next(),
        Some(wanted) => snapshots
            .into_iter()
            .find(|snapshot| snapshot.uuid == wanted.0),
    };
    found.ok_or_else(|| {
        ApiError::unknown("/snapshot_id", "the restore point has no such source path")
    })
}

/// Checks a path inside a restore point.
pub(super) fn inner_path(path: &str) -> ApiResult<()> {
    if path.starts_with('/') || path.split('/').any(|part| part == "..") {
        let detail = "must be a path inside the restore point, without \"..\"";
        return Err(ApiError::field("/path", "invalid", detail));
    }
    Ok(())
}

/// The tenant's restore points, newest first.
#[utoipa::path(get, path = "/points", tag = "points",
    params(("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query), ("job_id" = Option<Uuid>, Query),
        ("vault_id" = Option<Uuid>, Query), ("run_id" = Option<Uuid>, Query)),
    responses((status = 200, body = Page<Point>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<PointParams>,
) -> ApiResult<Json<Page<Point>>> {
    let page = page_request(params.limit, params.cursor.as_deref())?;
    let conn = app.db.reader();
    let mut filter = of_owner(&app, &caller, params.job_id, params.vault_id).await?;
    if let Some(id) = params.run_id {
        filter.run_id = Some(
            db::runs::find(conn, caller.scope, id)
                .await?
                .ok_or(ErrorCode::NotFound)?
                .id,
        );
    }
    let mut slice = db::points::list(conn, caller.scope, filter, page).await?;
    let catalog = Catalog::load(conn, caller.scope).await?;
    let rows = std::mem::take(&mut slice.rows);
    let items = view::points::points(conn, &catalog, &caller, rows).await?;
    Ok(Json(page_of(slice, items)))
}

/// Parameters of the timeline.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimelineParams {
    job_id: Option<Uuid>,
    vault_id: Option<Uuid>,
}

/// The newest 10,000 restore points, all at once and with little of each.
#[utoipa::path(get, path = "/points/timeline", tag = "points",
    params(("job_id" = Option<Uuid>, Query), ("vault_id" = Option<Uuid>, Query)),
    responses((status = 200, body = Timeline)))]
pub(crate) async fn timeline(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<TimelineParams>,
) -> ApiResult<Json<Timeline>> {
    let conn = app.db.reader();
    let filter = of_owner(&app, &caller, params.job_id, params.vault_id).await?;
    let mut rows = db::points::newest(conn, caller.scope, filter, db::COUNT_CAP + 1).await?;
    let truncated = rows.len() as u64 > db::COUNT_CAP;
    rows.truncate(db::COUNT_CAP as usize);
    let catalog = Catalog::load(conn, caller.scope).await?;
    let points = rows
        .iter()
        .map(|row| view::points::mark(&catalog, row))
        .collect();
    Ok(Json(Timeline { points, truncated }))
}

/// One restore point.
#[utoipa::path(get, path = "/points/{id}", tag = "points", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Point)))]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<Point>> {
    let conn = app.db.reader();
    let point = db::points::find(conn, caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let catalog = Catalog::load(conn, caller.scope).await?;
    let point = view::points::points(conn, &catalog, &caller, vec![point])
        .await?
        .pop()
        .ok_or(ErrorCode::NotFound)?;
    Ok(Json(point))
}

/// Lists a folder in a restore point.
#[utoipa::path(post, path = "/points/{id}/content", tag = "points", params(("id" = uuid::Uuid, Path)),
    request_body = ContentRequest,
    responses((status = 200, body = Command<ContentListing>), (status = 202, body = Command<ContentListing>)))]
pub(crate) async fn content(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<ContentRequest>,
) -> ApiResult<(StatusCode, Json<Command<ContentListing>>)> {
    let wait = input::wait(request.wait_seconds)?;
    let point = readable(&app, &caller, id).await?;
    input::limit(request.limit, LARGEST_CONTENT_PAGE)?;
    inner_path(&request.path)?;
    let snapshot = snapshot_of(&app, &point, request.snapshot_id).await?;
    let payload = CommandPayload::ListContent(ListContent {
        manifest_id: snapshot.manifest_id,
        path: request.path,
        cursor: request.cursor,
        limit: request.limit,
    });
    ask(&app, &caller, &point, payload, wait).await
}

/// Says in which other restore points of the same source a path is: the nearest later and the nearest earlier one.
#[utoipa::path(post, path = "/points/{id}/path-searches", tag = "points", params(("id" = uuid::Uuid, Path)),
    request_body = PathSearch,
    responses((status = 200, body = Command<PathFound>), (status = 202, body = Command<PathFound>)))]
pub(crate) async fn find_path(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<PathSearch>,
) -> ApiResult<(StatusCode, Json<Command<PathFound>>)> {
    let wait = input::wait(request.wait_seconds)?;
    let point = readable(&app, &caller, id).await?;
    inner_path(&request.path)?;
    let snapshot = snapshot_of(&app, &point, request.snapshot_id).await?;
    let conn = app.db.reader();
    let history = db::points::history(conn, caller.scope, &point, &snapshot.path).await?;
    let own = (snapshot.start_time, snapshot.id);
    let named = |(point, snapshot): (PointRow, PointSnapshotRow)| NamedSnapshot {
        point: point.uuid,
        manifest_id: snapshot.manifest_id,
    };
    let (earlier, later): (Vec<_>, Vec<_>) = history
        .into_iter()
        .filter(|(other, _)| other.id != point.id)
        .partition(|(_, other)| (other.start_time, other.id) < own);
    let payload = CommandPayload::FindPath(FindPath {
        path: request.path,
        later: later
            .into_iter()
            .take(MOST_POINTS_FOR_PATH)
            .map(named)
            .collect(),
        earlier: earlier
            .into_iter()
            .rev()
            .take(MOST_POINTS_FOR_PATH)
            .map(named)
            .collect(),
    });
    ask(&app, &caller, &point, payload, wait).await
}

/// Pins a restore point, so that it is never deleted.
#[utoipa::path(post, path = "/points/{id}/pin", tag = "points", params(("id" = uuid::Uuid, Path)),
    request_body = PinRequest,
    responses((status = 200, body = Command<PinState>), (status = 202, body = Command<PinState>)))]
pub(crate) async fn pin(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<PinRequest>,
) -> ApiResult<(StatusCode, Json<Command<PinState>>)> {
    let note = request.note.as_deref().map(str::trim);
    let note = note
        .filter(|note| !note.is_empty())
        .map(|note| input::name(note, "/note"))
        .transpose()?;
    let pin = pins::name(note.as_deref());
    change_pins(&app, &caller, id, Some(pin), request.wait_seconds).await
}

/// Takes all pins of a restore point away, also those of other programs.
#[utoipa::path(post, path = "/points/{id}/unpin", tag = "points", params(("id" = uuid::Uuid, Path)),
    request_body = PointRequest,
    responses((status = 200, body = Command<PinState>), (status = 202, body = Command<PinState>)))]
pub(crate) async fn unpin(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<PointRequest>,
) -> ApiResult<(StatusCode, Json<Command<PinState>>)> {
    change_pins(&app, &caller, id, None, request.wait_seconds).await
}

async fn change_pins(
    app: &App,
    caller: &Caller,
    id: Uuid,
    pin: Option<String>,
    wait_seconds: Option<u64>,
) -> ApiResult<(StatusCode, Json<Command<PinState>>)> {
    let wait = input::wait(wait_seconds)?;
    let point = readable(app, caller, id).await?;
    let (agent, vault) = executor_of(app, caller, &point).await?;
    let action = match pin {
        Some(_) => "points.pin",
        None => "points.unpin",
    };
    let txn = app.db.begin().await?;
    let payload = pins::order(&txn, &point, pin).await?;
    let command = queue::insert(app, &txn, Order::about_vault(payload, &agent, &vault)).await?;
    ordered(app, txn, caller, action, &point, &command).await?;
    answer(app, caller, command, wait).await
}

/// Says what deleting a restore point would do: whether it may go, and what that frees.
#[utoipa::path(post, path = "/points/{id}/deletion-previews", tag = "points", params(("id" = uuid::Uuid, Path)),
    request_body = PointRequest,
    responses((status = 200, body = Command<DeletionPreview>), (status = 202, body = Command<DeletionPreview>)))]
pub(crate) async fn preview_deletion(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<PointRequest>,
) -> ApiResult<(StatusCode, Json<Command<DeletionPreview>>)> {
    let wait = input::wait(request.wait_seconds)?;
    let point = readable(&app, &caller, id).await?;
    let order = deletion::order(app.db.reader(), &point).await?;
    ask(
        &app,
        &caller,
        &point,
        CommandPayload::PreviewDeletion(order),
        wait,
    )
    .await
}

/// Deletes a restore point. What nothing else needs is freed by later maintenance.
#[utoipa::path(post, path = "/points/{id}/deletions", tag = "points", params(("id" = uuid::Uuid, Path)),
    request_body = PointRequest,
    responses((status = 200, body = Command<DeletePointsResult>), (status = 202, body = Command<DeletePointsResult>)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<PointRequest>,
) -> ApiResult<(StatusCode, Json<Command<DeletePointsResult>>)> {
    let wait = input::wait(request.wait_seconds)?;
    let point = readable(&app, &caller, id).await?;
    let (agent, vault) = executor_of(&app, &caller, &point).await?;
    let txn = app.db.begin().await?;
    let command = deletion::start(&app, &txn, caller.scope, point.id, &agent, &vault).await?;
    ordered(&app, txn, &caller, "points.delete", &point, &command).await?;
    answer(&app, &caller, command, wait).await
}

/// Finds all versions of one path in the vault of a restore point: what the other points of the same source path have there.
#[utoipa::path(post, path = "/points/{id}/versions", tag = "points", params(("id" = uuid::Uuid, Path)),
    request_body = VersionsRequest,
    responses((status = 200, body = Command<SearchResult>), (status = 202, body = Command<SearchResult>)))]
pub(crate) async fn versions(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<VersionsRequest>,
) -> ApiResult<(StatusCode, Json<Command<SearchResult>>)> {
    let wait = input::wait(request.wait_seconds)?;
    let point = readable(&app, &caller, id).await?;
    if request.path.is_empty() {
        return Err(ApiError::field("/path", "missing", "must not be empty"));
    }
    inner_path(&request.path)?;
    let snapshot = snapshot_of(&app, &point, request.snapshot_id).await?;
    let payload = CommandPayload::Search(Search {
        path: Some(request.path),
        sources: vec![SearchedSource {
            user: point.source_user.clone(),
            host: point.source_host.clone(),
            path: snapshot.path,
        }],
        ..Search::default()
    });
    ask(&app, &caller, &point, payload, wait).await
}

/// Audits an order about a point, commits it and wakes its machine.
async fn ordered(
    app: &App,
    txn: Txn,
    caller: &Caller,
    action: &str,
    point: &PointRow,
    command: &CommandRow,
) -> ApiResult<()> {
    let name = Timestamp::from_millisecond(point.time)
        .unwrap_or_default()
        .to_string();
    let object = Object::of("points", point.uuid, &name);
    finish(app, txn, caller, action, object, [queue::told(command)]).await?;
    app.wake.ring(command.agent_id);
    Ok(())
}

/// A machine that reaches a point's vault, and that vault.
pub(super) async fn executor_of(
    app: &App,
    caller: &Caller,
    point: &PointRow,
) -> ApiResult<(AgentRow, VaultRow)> {
    let conn = app.db.reader();
    let vault = db::vaults::by_id(conn, caller.scope, point.vault_id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let agent = executor::of_vault(conn, caller.scope, &vault).await?;
    Ok((agent, vault))
}

/// Asks a machine that reaches a point's vault.
pub(super) async fn ask<T: DeserializeOwned>(
    app: &App,
    caller: &Caller,
    point: &PointRow,
    payload: CommandPayload,
    wait: Duration,
) -> ApiResult<(StatusCode, Json<Command<T>>)> {
    let (agent, vault) = executor_of(app, caller, point).await?;
    let command = queue::send(app, Order::about_vault(payload, &agent, &vault)).await?;
    answer(app, caller, command, wait).await
}
