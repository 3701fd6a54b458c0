//! Restores.

use axum::{extract::State, http::StatusCode};
use holdfast_protocol::{
    api::{restores::RestoreCreate, runs::Run},
    errors::ErrorCode,
};

use super::{change::finish, input, points::readable, runs::shown};
use crate::{
    app::App,
    auth::Caller,
    commands::executor,
    db::{self, audit::Object},
    extract::{Body, Json},
    problem::{ApiError, ApiResult},
    runs::start::{RestoreOrder, start_restore},
};

/// Most parts of one restore.
const MOST_ITEMS: usize = 10_000;

/// Starts a restore; the answer is its run.
#[utoipa::path(post, path = "/restores", tag = "restores", request_body = RestoreCreate,
    responses((status = 201, body = Run)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<RestoreCreate>,
) -> ApiResult<(StatusCode, Json<Run>)> {
    input::absolute_path(&request.target_path, "/target_path")?;
    if request.items.len() > MOST_ITEMS {
        return Err(ApiError::field(
            "/items",
            "out_of_range",
            format!("must be at most {MOST_ITEMS}"),
        ));
    }
    let point = readable(&app, &caller, request.point_id.0)
        .await
        .map_err(|error| {
            if error.code() == ErrorCode::NotFound {
                ApiError::unknown("/point_id", "there is no such restore point")
            } else {
                error
            }
        })?;
    let conn = app.db.reader();
    let snapshots = db::points::snapshots(conn, [point.id]).await?;
    let mut items = Vec::new();
    for (index, item) in request.items.iter().enumerate() {
        let snapshot = snapshots
            .iter()
            .find(|snapshot| snapshot.uuid == item.snapshot_id.0)
            .ok_or_else(|| {
                let pointer = format!("/items/{index}/snapshot_id");
                ApiError::unknown(&pointer, "the restore point has no such source path")
            })?;
        if item.path.starts_with('/') || item.path.split('/').any(|part| part == "..") {
            let detail = "must be a path inside the restore point, without \"..\"";
            return Err(ApiError::field(
                format!("/items/{index}/path"),
                "invalid",
                detail,
            ));
        }
        items.push((snapshot.clone(), item.path.clone()));
    }
    let vault = db::vaults::by_id(conn, caller.scope, point.vault_id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let job = match point.job_id {
        Some(id) => db::jobs::by_id(conn, caller.scope, id).await?,
        None => None,
    };
    let agent = match request.agent_id {
        Some(wanted) => db::agents::find(conn, caller.scope, wanted.0)
            .await?
            .ok_or_else(|| ApiError::unknown("/agent_id", "there is no such machine"))?,
        None => match &job {
            Some(job) => db::agents::by_ids(conn, caller.scope, [job.agent_id])
                .await?
                .pop()
                .ok_or(ErrorCode::NotFound)?,
            None => executor::of_vault(conn, caller.scope, &vault).await?,
        },
    };
    if agent.disabled {
        return Err(ApiError::from(ErrorCode::AgentDisabled)
            .detail(format!("The machine \"{}\" is disabled.", agent.name)));
    }
    if vault.agent_id.is_some_and(|own| own != agent.id) {
        return Err(ApiError::field(
            "/agent_id",
            "other_machine",
            "the vault is a directory on another machine",
        ));
    }
    let order = RestoreOrder {
        point: &point,
        snapshots: &snapshots,
        items,
        agent: &agent,
        vault: &vault,
        target_path: &request.target_path,
        overwrite: request.overwrite,
        job_name: job.map(|job| job.name).unwrap_or_default(),
    };
    let txn = app.db.begin().await?;
    let (run, changes) = start_restore(&app, &txn, order).await?;
    let object = Object::of("runs", run.uuid, &run.job_name);
    finish(&app, txn, &caller, "restores.create", object, changes).await?;
    app.wake.ring(agent.id);
    Ok((StatusCode::CREATED, Json(shown(&app, &caller, &run).await?)))
}
