//! The start page.

use holdfast_protocol::{
    Time,
    agent::RunStatus,
    api::{
        jobs::JobKind,
        overview::{Overview, OverviewJob, OverviewVault},
        runs::RunSummary,
    },
    ids::{JobId, VaultId},
};
use sea_orm::ConnectionTrait;

use super::{
    alerts::{alert, sort},
    catalog::Catalog,
    days,
    jobs::{JobFigures, is_protected, late_by, next_run, starts_when_back},
    runs,
    vaults::{VaultFigures, state},
};
use crate::{
    app::App, auth::Caller, commands::executor::is_online, db, problem::ApiResult,
    runs::parse_status,
};

/// Most jobs of the start page.
const MOST_JOBS: usize = 50;

/// Most alerts of the start page.
const MOST_ALERTS: usize = 20;

/// Newest finished runs of the start page.
const RECENT_RUNS: u64 = 10;

/// Everything the start page shows.
pub(crate) async fn overview(
    app: &App,
    conn: &impl ConnectionTrait,
    caller: &Caller,
) -> ApiResult<Overview> {
    let scope = caller.scope;
    let catalog = Catalog::load(conn, scope).await?;
    let ids: Vec<i64> = catalog.jobs.iter().map(|job| job.id).collect();
    let figures = JobFigures::load(conn, scope, &catalog, &ids).await?;
    let vault_figures = VaultFigures::load(conn, scope).await?;
    let zone = catalog.zone();

    let mut jobs = Vec::new();
    for job in &catalog.jobs {
        let Some(agent) = catalog.agent(job.agent_id) else {
            continue;
        };
        let latest = figures.points(job.id).latest;
        jobs.push(OverviewJob {
            id: JobId(job.uuid),
            name: job.name.clone(),
            kind: JobKind::Files,
            agent: catalog.agent_reference(agent),
            enabled: job.enabled,
            protected: is_protected(job, latest, catalog.now),
            late_by_seconds: late_by(job, latest, catalog.now),
            latest_point_at: latest.map(Time::from_millis),
            next_run_at: next_run(job),
            starts_when_back: starts_when_back(app, job, agent, &catalog)?,
            last_status: figures.last(job.id).map(|run| parse_status(&run.status)),
            days: days::strip(
                figures.marks(job.id),
                figures.missed(job.id),
                catalog.now,
                &zone,
            ),
        });
    }
    let enabled = jobs.iter().filter(|job| job.enabled);
    let jobs_total = enabled.clone().count() as u64;
    let jobs_protected = enabled.filter(|job| job.protected).count() as u64;
    jobs.sort_by_key(|job| {
        (
            job.protected && job.last_status != Some(RunStatus::Failed),
            !job.enabled,
        )
    });
    jobs.truncate(MOST_JOBS);

    let mut vaults = Vec::new();
    for vault in &catalog.vaults {
        vaults.push(OverviewVault {
            id: VaultId(vault.uuid),
            name: vault.name.clone(),
            state: state(&vault.state),
            stored_bytes: vault_figures.sent(vault.id),
            protected_bytes: db::points::protected_bytes(conn, scope, vault.id)
                .await?
                .max(0) as u64,
            points: vault_figures.points(vault.id).count.max(0) as u64,
        });
    }
    let summaries = |rows: Vec<db::RunRow>| -> ApiResult<Vec<RunSummary>> {
        rows.iter()
            .map(|row| runs::summary(app, &catalog, row))
            .collect()
    };
    let mut alerts = db::alerts::open(conn, scope).await?;
    let is_new = |row: &&db::AlertRow| row.acknowledged_at.is_none();
    let alerts_open = alerts.iter().filter(is_new).count() as u64;
    sort(&mut alerts);
    alerts.truncate(MOST_ALERTS);
    Ok(Overview {
        checked_at: Time::from_millis(catalog.now),
        jobs_total,
        jobs_protected,
        agents_total: catalog.agents.len() as u64,
        agents_online: catalog
            .agents
            .iter()
            .filter(|agent| is_online(agent, catalog.now))
            .count() as u64,
        alerts_open,
        alerts: alerts.into_iter().map(|row| alert(caller, row)).collect(),
        active_runs: summaries(db::runs::active(conn, scope).await?)?,
        recent_runs: summaries(db::runs::recent(conn, scope, RECENT_RUNS).await?)?,
        last_restore: db::runs::last_good_restore(conn, scope)
            .await?
            .map(|row| runs::summary(app, &catalog, &row))
            .transpose()?,
        jobs,
        vaults,
    })
}
