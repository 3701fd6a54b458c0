//! Comparisons of restore points.

use axum::{extract::State, http::StatusCode};
use holdfast_protocol::{
    agent::{
        CommandPayload,
        commands::{Comparison, Diff, LARGEST_DIFF_PAGE},
    },
    api::{commands::Command, comparisons::ComparisonRequest},
    errors::ErrorCode,
};
use uuid::Uuid;

use super::{
    input,
    points::{ask, inner_path, readable},
};
use crate::{
    app::App,
    auth::Caller,
    db::{self, PointRow, PointSnapshotRow},
    extract::{Body, Json},
    problem::{ApiError, ApiResult},
};

/// Longest part of a name that is looked for, in bytes.
const LONGEST_NAME: usize = 1024;

/// Says what differs between two restore points, in one folder and below it. What is known so far comes by the stream topic
/// `commands/<id>`.
#[utoipa::path(post, path = "/comparisons", tag = "comparisons", request_body = ComparisonRequest,
    responses((status = 200, body = Command<Comparison>), (status = 202, body = Command<Comparison>)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<ComparisonRequest>,
) -> ApiResult<(StatusCode, Json<Command<Comparison>>)> {
    let wait = input::wait(request.wait_seconds)?;
    inner_path(&request.path)?;
    input::limit(request.limit, LARGEST_DIFF_PAGE)?;
    if request
        .name
        .as_ref()
        .is_some_and(|name| name.len() > LONGEST_NAME)
    {
        let detail = format!("must have at most {LONGEST_NAME} bytes");
        return Err(ApiError::field("/name", "too_long", detail));
    }
    let before = point(&app, &caller, request.before_point_id.0, "/before_point_id").await?;
    let after = point(&app, &caller, request.after_point_id.0, "/after_point_id").await?;
    if before.vault_id != after.vault_id {
        let detail = "must be in the same vault as the other point";
        return Err(ApiError::field("/after_point_id", "other_vault", detail));
    }
    let snapshots = db::points::snapshots(app.db.reader(), [before.id, after.id]).await?;
    let (of_before, of_after): (Vec<_>, Vec<_>) = snapshots
        .into_iter()
        .partition(|snapshot| snapshot.point_id == before.id);
    // A point may be compared with itself.
    let of_after = if before.id == after.id {
        of_before.clone()
    } else {
        of_after
    };
    let (before_snapshot, after_snapshot) =
        common(&of_before, &of_after, request.source_path.as_deref()).ok_or_else(|| {
            ApiError::unknown(
                "/source_path",
                "the points have no such source path together",
            )
        })?;
    let payload = CommandPayload::Diff(Diff {
        before: before_snapshot.manifest_id.clone(),
        after: after_snapshot.manifest_id.clone(),
        path: request.path,
        list: request.list,
        changes: request.changes,
        name: request.name,
        cursor: request.cursor,
        limit: request.limit,
    });
    ask(&app, &caller, &after, payload, wait).await
}

async fn point(app: &App, caller: &Caller, id: Uuid, pointer: &str) -> ApiResult<PointRow> {
    readable(app, caller, id).await.map_err(|error| {
        if error.code() == ErrorCode::NotFound {
            ApiError::unknown(pointer, "there is no such restore point")
        } else {
            error
        }
    })
}

/// The snapshots of one source path that both points have: the named one, or the first.
fn common<'a>(
    before: &'a [PointSnapshotRow],
    after: &'a [PointSnapshotRow],
    path: Option<&str>,
) -> Option<(&'a PointSnapshotRow, &'a PointSnapshotRow)> {
    before
        .iter()
        .filter(|snapshot| path.is_none_or(|path| snapshot.path == path))
        .find_map(|snapshot| {
            let other = after.iter().find(|other| other.path == snapshot.path)?;
            Some((snapshot, other))
        })
}
