//! Applying a job's retention: the points that no rule keeps are named to an agent, which deletes them.

use std::collections::{HashMap, HashSet};

use holdfast_protocol::{
    agent::{
        CommandPayload, CommandType,
        commands::{CondemnedPoint, CondemnedSnapshot, DeletePoints},
    },
    errors::ErrorCode,
};
use jiff::Timestamp;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{document, judged};
use crate::{
    app::{App, now},
    commands::{
        executor::{self, is_online},
        queue::{self, Order},
    },
    db::{self, AgentRow, CommandRow, JobRow, PointRow, RunRow, Scope, Txn, VaultRow},
    live::{Change, What},
    points,
    problem::ApiResult,
    runs::offline::OFFLINE,
};

/// A job's retention is looked at at least this often, in milliseconds.
pub(super) const DAY_MS: i64 = 24 * 3600 * 1000;

/// Where no machine could delete, it is tried again in so many milliseconds.
const NOBODY_PAUSE_MS: i64 = 5 * 60 * 1000;

/// Points of one command.
const MOST_POINTS: usize = 500;

/// Jobs of one look.
const MOST_JOBS: u64 = 200;

/// Applies the retention of a run's job once the run has succeeded. A run that its machine started without the server deletes
/// nothing. What fails is logged, and done within a day.
pub(crate) async fn after_run(app: &App, run: &RunRow) {
    let Some(job) = run.job_id else { return };
    if run.run_type != "backup" || run.status != "success" || run.trigger_kind == OFFLINE {
        return;
    }
    if let Err(error) = apply(app, Scope::tenant(run.tenant_id), job).await {
        tracing::error!(run = %run.uuid, code = error.code().code(), "the retention could not be applied after a run; it is done within a day: {}", error.cause());
    }
}

/// Applies the retention of the jobs for which that was not done within a day.
pub(crate) async fn daily(app: &App) -> ApiResult<()> {
    let before = now() - DAY_MS;
    for job in db::jobs::retention_due(app.db.reader(), before, MOST_JOBS).await? {
        if let Err(error) = apply(app, Scope::tenant(job.tenant_id), job.id).await {
            tracing::error!(job = %job.uuid, code = error.code().code(), "the retention of a job could not be applied; it is tried again: {}", error.cause());
        }
    }
    Ok(())
}

/// Applies the retention of a job. Without a machine that could delete, it is tried again in a few minutes.
async fn apply(app: &App, scope: Scope, job: i64) -> ApiResult<()> {
    let txn = app.db.begin().await?;
    let Some(job) = db::jobs::by_id(&txn, scope, job).await? else {
        return Ok(());
    };
    let retention = document::of_job(&job)?;
    let judged = judged::load(&txn, &job, &retention).await?;
    let waits = judged.iter().any(judged::Judged::is_deleted);
    let waits_since = waits.then(|| job.retention_waits_since.unwrap_or_else(now));
    let under_way = under_way(&txn, scope, &job).await?;
    let mut condemned: Vec<PointRow> = judged
        .into_iter()
        .filter(|judged| judged.is_deleted())
        .map(|judged| judged.row)
        .filter(|row| row.deletion_id.is_none_or(|id| !under_way.contains(&id)))
        .collect();
    // The rest follows at the next look.
    let mut seen = if condemned.len() > MOST_POINTS {
        0
    } else {
        now()
    };
    if condemned.len() > MOST_POINTS {
        // Those that are refused again and again must not keep the others from their turn.
        let turn = (now() / DAY_MS) as usize * MOST_POINTS;
        let first = turn % condemned.len();
        condemned.rotate_left(first);
        condemned.truncate(MOST_POINTS);
    }
    let mut rung = None;
    let mut changes = Vec::new();
    if !condemned.is_empty() {
        let vault = db::vaults::by_id(&txn, scope, job.vault_id).await?;
        let vault = vault.ok_or(ErrorCode::NotFound)?;
        match executor_of(&txn, scope, &job, &vault).await? {
            Some(agent) => {
                changes = order(app, &txn, &job, &agent, &vault, &condemned).await?;
                rung = Some(agent.id);
            }
            None => seen = now() - DAY_MS + NOBODY_PAUSE_MS,
        }
    }
    db::jobs::retention_seen(&txn, job.id, seen, waits_since).await?;
    txn.commit().await?;
    app.tell_all(changes);
    if let Some(agent) = rung {
        app.wake.ring(agent);
    }
    Ok(())
}

/// What is left of a deletion at the moment at which an agent is told of it: since it was ordered, the retention may have been
/// changed, the job deleted, a point pinned or a restore begun. What is not to be deleted any more is taken out.
pub(crate) async fn still_condemned(
    conn: &impl ConnectionTrait,
    command: &CommandRow,
    mut order: DeletePoints,
) -> ApiResult<DeletePoints> {
    let scope = Scope::tenant(command.tenant_id);
    let Some(uuid) = order.job_uuid else {
        return points::deletion::still_condemned(conn, scope, order).await;
    };
    let condemned: HashSet<Uuid> = match db::jobs::find(conn, scope, uuid).await? {
        Some(job) => judged::load(conn, &job, &document::of_job(&job)?)
            .await?
            .into_iter()
            .filter(|judged| judged.is_deleted())
            .map(|judged| judged.row.uuid)
            .collect(),
        None => HashSet::new(),
    };
    order
        .points
        .retain(|point| condemned.contains(&point.point));
    Ok(order)
}

/// The commands that are deleting points of the job's vault.
async fn under_way(txn: &Txn, scope: Scope, job: &JobRow) -> ApiResult<HashSet<i64>> {
    let kind = CommandType::DeletePoints.as_str();
    let open = db::commands::open_of(txn, scope, kind, None, Some(job.vault_id)).await?;
    Ok(open.into_iter().map(|command| command.id).collect())
}

/// The job's own machine while it is there; else another one that reaches the vault.
async fn executor_of(
    txn: &Txn,
    scope: Scope,
    job: &JobRow,
    vault: &VaultRow,
) -> ApiResult<Option<AgentRow>> {
    let agents = db::agents::all(txn, scope).await?;
    let own = agents.iter().find(|agent| agent.id == job.agent_id);
    if let Some(own) = own.filter(|own| is_online(own, now())) {
        return Ok(Some(own.clone()));
    }
    let jobs = db::jobs::all(txn, scope).await?;
    Ok(executor::choose_with_access(vault, &agents, &jobs, now()).cloned())
}

async fn order(
    app: &App,
    txn: &Txn,
    job: &JobRow,
    agent: &AgentRow,
    vault: &VaultRow,
    condemned: &[PointRow],
) -> ApiResult<Vec<Change>> {
    let scope = Scope::tenant(job.tenant_id);
    let ids: Vec<i64> = condemned.iter().map(|point| point.id).collect();
    let payload = CommandPayload::DeletePoints(DeletePoints {
        job_uuid: Some(job.uuid),
        points: named(txn, condemned).await?,
    });
    let mut order = Order::about_vault(payload, agent, vault);
    // What becomes of it stands in the events of the newest run.
    let newest = db::runs::last_of_jobs(txn, scope, [job.id]).await?;
    order.run_id = newest
        .iter()
        .find(|run| run.run_type == "backup")
        .map(|run| run.id);
    let command = queue::insert(app, txn, order).await?;
    tracing::info!(job = %job.uuid, points = ids.len(), "the retention of a job has points deleted");
    db::points::set_deletion(txn, scope, ids, Some(command.id)).await?;
    Ok(vec![Change::of(
        job.tenant_id,
        What::Command { uuid: command.uuid },
    )])
}

/// Points as the agent is told of them.
pub(crate) async fn named(
    conn: &impl ConnectionTrait,
    condemned: &[PointRow],
) -> ApiResult<Vec<CondemnedPoint>> {
    let ids = condemned.iter().map(|point| point.id);
    let mut snapshots: HashMap<i64, Vec<CondemnedSnapshot>> = HashMap::new();
    let sources: HashMap<i64, &PointRow> =
        condemned.iter().map(|point| (point.id, point)).collect();
    for row in db::points::snapshots(conn, ids).await? {
        let Some(point) = sources.get(&row.point_id) else {
            continue;
        };
        snapshots
            .entry(row.point_id)
            .or_default()
            .push(CondemnedSnapshot {
                manifest_id: row.manifest_id,
                source_user: point.source_user.clone(),
                source_host: point.source_host.clone(),
                source_path: row.path,
                start_time: Timestamp::from_millisecond(row.start_time).unwrap_or_default(),
                root_object: row.root_object,
            });
    }
    Ok(condemned
        .iter()
        .map(|point| CondemnedPoint {
            point: point.uuid,
            snapshots: snapshots.remove(&point.id).unwrap_or_default(),
        })
        .collect())
}
