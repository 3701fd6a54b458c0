//! Restore points.

use axum::{extract::State, http::StatusCode};
use holdfast_protocol::{
    agent::{
        CommandPayload,
        commands::{
            ContentListing, LARGEST_CONTENT_PAGE, ListContent, Search, SearchResult, SearchedSource,
        },
    },
    api::{
        commands::Command,
        common::Page,
        points::{ContentRequest, Point},
        searches::VersionsRequest,
    },
    errors::ErrorCode,
    ids::SnapshotId,
};
use serde::Deserialize;
use uuid::Uuid;

use super::{commands::answer, input};
use crate::{
    app::App,
    auth::Caller,
    commands::{
        executor,
        queue::{self, Order},
    },
    db::{self, PointRow, PointSnapshotRow, points::PointFilter},
    extract::{Body, Id, Json, Params, page_of, page_request},
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
    let mut filter = PointFilter::default();
    if let Some(id) = params.job_id {
        filter.job_id = Some(
            db::jobs::find(conn, caller.scope, id)
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

/// Checks a path inside a restore point.
pub(super) fn check_path(path: &str) -> ApiResult<()> {
    if path.starts_with('/') || path.split('/').any(|part| part == "..") {
        let detail = "must be a path inside the restore point, without \"..\"";
        return Err(ApiError::field("/path", "invalid", detail));
    }
    Ok(())
}

/// The source path of a point that was named, or its first.
pub(super) async fn snapshot_of(
    app: &App,
    point: &PointRow,
    wanted: Option<SnapshotId>,
) -> ApiResult<PointSnapshotRow> {
    let snapshots = db::points::snapshots(app.db.reader(), [point.id]).await?;
    snapshots
        .into_iter()
        .find(|snapshot| wanted.is_none_or(|wanted| snapshot.uuid == wanted.0))
        .ok_or_else(|| {
            ApiError::unknown("/snapshot_id", "the restore point has no such source path")
        })
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
    if request
        .limit
        .is_some_and(|limit| !(1..=LARGEST_CONTENT_PAGE).contains(&limit))
    {
        return Err(ApiError::field(
            "/limit",
            "out_of_range",
            format!("must be 1 to {LARGEST_CONTENT_PAGE}"),
        ));
    }
    check_path(&request.path)?;
    let snapshot = snapshot_of(&app, &point, request.snapshot_id).await?;
    let vault = db::vaults::by_id(app.db.reader(), caller.scope, point.vault_id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let agent = executor::of_vault(app.db.reader(), caller.scope, &vault).await?;
    let payload = CommandPayload::ListContent(ListContent {
        manifest_id: snapshot.manifest_id,
        path: request.path,
        cursor: request.cursor,
        limit: request.limit,
    });
    let command = queue::send(&app, Order::about_vault(payload, &agent, &vault)).await?;
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
    check_path(&request.path)?;
    let snapshot = snapshot_of(&app, &point, request.snapshot_id).await?;
    let vault = db::vaults::by_id(app.db.reader(), caller.scope, point.vault_id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let agent = executor::of_vault(app.db.reader(), caller.scope, &vault).await?;
    let payload = CommandPayload::Search(Search {
        path: Some(request.path),
        sources: vec![SearchedSource {
            user: point.source_user,
            host: point.source_host,
            path: snapshot.path,
        }],
        ..Search::default()
    });
    let command = queue::send(&app, Order::about_vault(payload, &agent, &vault)).await?;
    answer(&app, &caller, command, wait).await
}
