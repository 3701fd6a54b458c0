//! Deletion of a restore point that somebody ordered. Unlike retention's it asks no rule; what is pinned, being restored or
//! being deleted stays all the same.

use holdfast_protocol::{
    agent::{
        CommandPayload, CommandType,
        commands::{CondemnedPoint, DeletePoints},
    },
    errors::ErrorCode,
};
use sea_orm::ConnectionTrait;

use crate::{
    app::App,
    commands::queue::{self, Order},
    db::{self, AgentRow, CommandRow, PointRow, Scope, Txn, VaultRow},
    problem::{ApiError, ApiResult},
    retention::named,
};

/// The order to delete a point, or to say what that would do.
pub(crate) async fn order(
    conn: &impl ConnectionTrait,
    point: &PointRow,
) -> ApiResult<DeletePoints> {
    Ok(DeletePoints {
        job_uuid: None,
        points: named(conn, std::slice::from_ref(point)).await?,
    })
}

/// Orders the deletion of a point from an agent.
///
/// # Errors
/// `point_gone`, `point_pinned`, and `point_busy` where it is being restored or deleted already.
pub(crate) async fn start(
    app: &App,
    txn: &Txn,
    scope: Scope,
    point: i64,
    agent: &AgentRow,
    vault: &VaultRow,
) -> ApiResult<CommandRow> {
    let point = db::points::by_id(txn, scope, point)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    if let Some(refusal) = refusal(txn, scope, &point).await? {
        return Err(refusal);
    }
    if let Some(other) = point.deletion_id {
        let kind = CommandType::DeletePoints.as_str();
        let open = db::commands::open_of(txn, scope, kind, None, Some(point.vault_id)).await?;
        if open.iter().any(|command| command.id == other) {
            return Err(ApiError::from(ErrorCode::PointBusy)
                .detail("It is being deleted already; nothing more is needed."));
        }
    }
    let payload = CommandPayload::DeletePoints(order(txn, &point).await?);
    let command = queue::insert(app, txn, Order::about_vault(payload, agent, vault)).await?;
    db::points::set_deletion(txn, scope, [point.id], Some(command.id)).await?;
    Ok(command)
}

/// Why a point may not be deleted at present.
async fn refusal(
    conn: &impl ConnectionTrait,
    scope: Scope,
    point: &PointRow,
) -> ApiResult<Option<ApiError>> {
    if point.state == "gone" {
        return Ok(Some(ErrorCode::PointGone.into()));
    }
    if point.pinned {
        return Ok(Some(ErrorCode::PointPinned.into()));
    }
    let active = db::runs::active(conn, scope).await?;
    let restoring = active
        .iter()
        .any(|run| run.source_point_id == Some(point.id));
    Ok(restoring.then(|| {
        ApiError::from(ErrorCode::PointBusy)
            .detail("Something is being restored from it; wait until that is over.")
    }))
}

/// What is left of such an order at the moment at which an agent is told of it.
pub(crate) async fn still_condemned(
    conn: &impl ConnectionTrait,
    scope: Scope,
    mut order: DeletePoints,
) -> ApiResult<DeletePoints> {
    let mut left: Vec<CondemnedPoint> = Vec::with_capacity(order.points.len());
    for point in order.points {
        let row = db::points::find(conn, scope, point.point).await?;
        if let Some(row) = row
            && refusal(conn, scope, &row).await?.is_none()
        {
            left.push(point);
        }
    }
    order.points = left;
    Ok(order)
}
