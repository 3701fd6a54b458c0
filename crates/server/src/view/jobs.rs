//! Jobs as the client API shows them.

use std::collections::HashMap;

use holdfast_protocol::{
    Time,
    api::{
        jobs::{Job, JobKind},
        schedules::Schedule,
        session::Role,
    },
    ids::JobId,
};
use sea_orm::ConnectionTrait;

use super::{catalog::Catalog, days, runs};
use crate::{
    app::App,
    auth::Caller,
    commands::executor::is_online,
    db::{self, AgentRow, JobRow, RunRow, Scope, points::PointFigures, runs::RunMark},
    problem::ApiResult,
    retention,
};

/// What is known beside the rows of jobs.
pub(crate) struct JobFigures {
    points: HashMap<i64, PointFigures>,
    marks: HashMap<i64, Vec<RunMark>>,
    missed: HashMap<i64, Vec<i64>>,
    last: HashMap<i64, RunRow>,
    active: HashMap<i64, RunRow>,
}

impl JobFigures {
    /// Loads it for some jobs.
    pub(crate) async fn load(
        conn: &impl ConnectionTrait,
        scope: Scope,
        catalog: &Catalog,
        jobs: &[i64],
    ) -> ApiResult<Self> {
        let since = days::since(catalog.now, &catalog.zone());
        let mut marks: HashMap<i64, Vec<RunMark>> = HashMap::new();
        for mark in db::runs::marks_since(conn, scope, Some(jobs.to_vec()), since).await? {
            if let Some(job) = mark.job_id {
                marks.entry(job).or_default().push(mark);
            }
        }
        let mut missed: HashMap<i64, Vec<i64>> = HashMap::new();
        let marks_of_jobs = db::occurrences::missed_since(conn, scope, jobs.iter().copied(), since);
        for mark in marks_of_jobs.await? {
            missed.entry(mark.job_id).or_default().push(mark.due_at);
        }
        let last = db::runs::last_of_jobs(conn, scope, jobs.iter().copied()).await?;
        let active = db::runs::active(conn, scope).await?;
        let by_job = |rows: Vec<RunRow>| {
            rows.into_iter()
                .filter(|run| run.run_type == "backup")
                .filter_map(|run| run.job_id.map(|job| (job, run)))
                .collect()
        };
        Ok(Self {
            points: db::points::figures_by_job(conn, scope)
                .await?
                .into_iter()
                .map(|figures| (figures.owner, figures))
                .collect(),
            marks,
            missed,
            last: by_job(last),
            active: by_job(active),
        })
    }

    pub(crate) fn points(&self, job: i64) -> PointFigures {
        self.points.get(&job).copied().unwrap_or_default()
    }

    pub(crate) fn marks(&self, job: i64) -> impl Iterator<Item = &RunMark> {
        self.marks.get(&job).into_iter().flatten()
    }

    /// When a job's missed starts were due.
    pub(crate) fn missed(&self, job: i64) -> &[i64] {
        self.missed.get(&job).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn last(&self, job: i64) -> Option<&RunRow> {
        self.last.get(&job)
    }
}

/// Seconds by which a job's newest point is older than allowed; `None` when it is not, or nothing is allowed.
pub(crate) fn late_by(job: &JobRow, latest: Option<i64>, now: i64) -> Option<u64> {
    let limit = job.max_age_seconds?;
    let age = (now - latest?) / 1000;
    u64::try_from(age - limit).ok().filter(|late| *late > 0)
}

/// Whether a job has a point inside its limit.
pub(crate) fn is_protected(job: &JobRow, latest: Option<i64>, now: i64) -> bool {
    latest.is_some() && late_by(job, latest, now).is_none()
}

/// When a job starts by itself next.
pub(crate) fn next_run(job: &JobRow) -> Option<Time> {
    job.next_start_at
        .filter(|_| job.enabled)
        .map(Time::from_millis)
}

/// Whether the next run of a job waits for its machine, which is away: it would be missed, and be made up for. A machine that
/// starts by itself may be at work.
pub(crate) fn starts_when_back(
    app: &App,
    job: &JobRow,
    agent: &AgentRow,
    catalog: &Catalog,
) -> ApiResult<bool> {
    let schedule: Schedule = serde_json::from_str(&job.schedule)?;
    Ok(next_run(job).is_some()
        && !is_online(agent, catalog.now)
        && schedule.catch_up
        && (!job.offline_start || is_refused(app, job)))
}

/// Whether the agent cannot start a job by itself that it may.
fn is_refused(app: &App, job: &JobRow) -> bool {
    job.offline_start && app.unplanned.has(job.agent_id, job.uuid)
}

/// A job.
pub(crate) fn job(
    app: &App,
    catalog: &Catalog,
    caller: &Caller,
    figures: &JobFigures,
    row: &JobRow,
) -> ApiResult<Job> {
    let agent = catalog
        .agent(row.agent_id)
        .ok_or(holdfast_protocol::errors::ErrorCode::NotFound)?;
    let points = figures.points(row.id);
    let active = figures.active.get(&row.id);
    let barred = if !row.enabled {
        Some("The job is disabled.")
    } else if agent.disabled {
        Some("Its machine is disabled.")
    } else {
        None
    };
    let summary =
        |run: Option<&RunRow>| run.map(|run| runs::summary(app, catalog, run)).transpose();
    Ok(Job {
        id: JobId(row.uuid),
        name: row.name.clone(),
        kind: JobKind::Files,
        enabled: row.enabled,
        agent: catalog.agent_reference(agent),
        vault: catalog.vault_reference(row.vault_id),
        paths: serde_json::from_str(&row.paths)?,
        policy: serde_json::from_str(&row.policy)?,
        schedule: serde_json::from_str(&row.schedule)?,
        next_run_at: next_run(row),
        offline_start: row.offline_start,
        offline_start_refused: is_refused(app, row),
        starts_when_back: starts_when_back(app, row, agent, catalog)?,
        retention: retention::of_job(row)?,
        retention_applied: row
            .retention_applied
            .as_deref()
            .map(serde_json::from_str)
            .transpose()?,
        upload_limit_bytes_per_second: row.upload_limit.map(|limit| limit as u64),
        max_age_seconds: row.max_age_seconds.map(|limit| limit as u64),
        protected: is_protected(row, points.latest, catalog.now),
        latest_point_at: points.latest.map(Time::from_millis),
        points: points.count.max(0) as u64,
        last_run: summary(figures.last(row.id))?,
        active_run: summary(active)?,
        days: days::strip(
            figures.marks(row.id),
            figures.missed(row.id),
            catalog.now,
            &catalog.zone(),
        ),
        created_at: Time::from_millis(row.created_at),
        version: row.version,
        actions: vec![
            caller.action_unless("run", Role::Operator, barred),
            caller.action("update", Role::Admin),
            caller.action_unless(
                "delete",
                Role::Admin,
                active.map(|_| "A run of it is not over. Cancel it first."),
            ),
            caller.action_unless(
                "restore",
                Role::Operator,
                (points.count == 0).then_some("It has no restore point yet."),
            ),
        ],
    })
}
