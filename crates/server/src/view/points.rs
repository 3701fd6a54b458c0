//! Restore points as the client API shows them.

use holdfast_protocol::{
    Time,
    api::{
        points::{Point, PointMark, PointSnapshot, PointState},
        session::Role,
    },
    ids::{JobId, PointId, RunId, SnapshotId},
};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::catalog::Catalog;
use crate::{
    auth::Caller,
    commands::executor,
    db::{self, PointRow, PointSnapshotRow},
    problem::ApiResult,
};

/// Several points with their snapshots.
pub(crate) async fn points(
    conn: &impl ConnectionTrait,
    catalog: &Catalog,
    caller: &Caller,
    rows: Vec<PointRow>,
) -> ApiResult<Vec<Point>> {
    let snapshots = db::points::snapshots(conn, rows.iter().map(|row| row.id)).await?;
    let runs =
        db::runs::uuids(conn, caller.scope, rows.iter().filter_map(|row| row.run_id)).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let own = snapshots
                .iter()
                .filter(|snapshot| snapshot.point_id == row.id)
                .cloned()
                .collect();
            let run = row
                .run_id
                .and_then(|id| runs.iter().find(|(run, _)| *run == id))
                .map(|(_, uuid)| *uuid);
            point(catalog, caller, row, own, run)
        })
        .collect())
}

fn point(
    catalog: &Catalog,
    caller: &Caller,
    row: PointRow,
    snapshots: Vec<PointSnapshotRow>,
    run: Option<Uuid>,
) -> Point {
    let state = state_of(&row);
    let gone = (state == PointState::Gone).then_some("It is no longer in its vault.");
    let pinned = row.pinned.then_some("It is pinned already.");
    let unpinned = (!row.pinned).then_some("Nothing pins it.");
    let kept = row.pinned.then_some("It is pinned. Unpin it first.");
    let nobody = catalog
        .vault(row.vault_id)
        .and_then(|vault| executor::choose(vault, &catalog.agents, &catalog.jobs, catalog.now))
        .is_none()
        .then_some("No machine that reaches its vault is connected.");
    Point {
        id: PointId(row.uuid),
        time: Time::from_millis(row.time),
        state,
        job: row.job_id.and_then(|id| catalog.job_reference(id)),
        vault: catalog.vault_reference(row.vault_id),
        source: format!("{}@{}", row.source_user, row.source_host),
        run_id: run.map(RunId),
        files: row.files.max(0) as u64,
        total_bytes: row.total_bytes.max(0) as u64,
        bytes_uploaded: row
            .bytes_uploaded
            .and_then(|bytes| u64::try_from(bytes).ok()),
        problem_count: row.problem_count.max(0) as u64,
        pinned: row.pinned,
        pin_note: row.pin_note,
        snapshots: snapshots
            .into_iter()
            .map(|snapshot| PointSnapshot {
                id: SnapshotId(snapshot.uuid),
                path: snapshot.path,
                files: snapshot.files.max(0) as u64,
                dirs: snapshot.dirs.max(0) as u64,
                total_bytes: snapshot.total_bytes.max(0) as u64,
            })
            .collect(),
        actions: vec![
            caller.action_unless("browse", Role::Operator, gone.or(nobody)),
            caller.action_unless("restore", Role::Operator, gone),
            caller.action_unless("pin", Role::Operator, gone.or(pinned).or(nobody)),
            caller.action_unless("unpin", Role::Operator, gone.or(unpinned).or(nobody)),
            caller.action_unless("delete", Role::Admin, gone.or(kept).or(nobody)),
        ],
    }
}

fn state_of(row: &PointRow) -> PointState {
    match row.state.as_str() {
        "gone" => PointState::Gone,
        "damaged" => PointState::Damaged,
        _ => PointState::Present,
    }
}

/// A point as a mark in time.
pub(crate) fn mark(catalog: &Catalog, row: &PointRow) -> PointMark {
    PointMark {
        id: PointId(row.uuid),
        time: Time::from_millis(row.time),
        state: state_of(row),
        job_id: row
            .job_id
            .and_then(|id| catalog.job_reference(id))
            .map(|job| JobId(job.id)),
        files: row.files.max(0) as u64,
        total_bytes: row.total_bytes.max(0) as u64,
        bytes_uploaded: row
            .bytes_uploaded
            .and_then(|bytes| u64::try_from(bytes).ok()),
        problem_count: row.problem_count.max(0) as u64,
        pinned: row.pinned,
        pin_note: row.pin_note.clone(),
    }
}
