//! Restore points.

use axum::{extract::State, http::StatusCode};
use holdfast_protocol::{
    agent::{
        CommandPayload,
        commands::{ContentListing, LARGEST_CONTENT_PAGE, ListContent},
    },
    api::{
        commands::Command,
        common::Page,
        points::{ContentRequest, Point},
    },
    errors::ErrorCode,
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
    db::{self, PointRow, points::PointFilter},
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
    if request.path.starts_with('/') || request.path.split('/').any(|part| part == "..") {
        return Err(ApiError::field(
            "/path",
            "invalid",
            "must be a path inside the restore point, without \"..\"",
        ));
    }
    let snapshots = db::points::snapshots(app.db.reader(), [point.id]).await?;
    let snapshot = match request.snapshot_id {
        None => snapshots.first(),
        Some(wanted) => snapshots.iter().find(|snapshot| snapshot.uuid == wanted.0),
    };
    let snapshot = snapshot.ok_or_else(|| {
        ApiError::unknown("/snapshot_id", "the restore point has no such source path")
    })?;
    let vault = db::vaults::by_id(app.db.reader(), caller.scope, point.vault_id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let agent = executor::of_vault(app.db.reader(), caller.scope, &vault).await?;
    let payload = CommandPayload::ListContent(ListContent {
        manifest_id: snapshot.manifest_id.clone(),
        path: request.path,
        cursor: request.cursor,
        limit: request.limit,
    });
    let command = queue::send(&app, Order::about_vault(payload, &agent, &vault)).await?;
    answer(&app, &caller, command, wait).await
}
