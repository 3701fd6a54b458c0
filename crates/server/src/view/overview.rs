//! The start page.

use std::collections::HashMap;

use holdfast_protocol::{
    Time,
    agent::RunStatus,
    api::{
        jobs::JobKind,
        overview::{Overview, OverviewJob, OverviewVault},
        runs::RunSummary,
        session::Role,
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
    vaults::state,
};
use crate::{
    app::App,
    auth::Caller,
    commands::executor::is_online,
    db::{self, JobRow},
    problem::ApiResult,
    runs::parse_status,
    usage,
};

/// Most jobs of the start page.
const MOST_JOBS: usize = 50;

/// Most alerts of the start page.
const MOST_ALERTS: usize = 20;

/// Newest finished runs of the start page.
const RECENT_RUNS: u64 = 10;

/// Everything the start page shows; jobs of one machine alone when it is given.
pub(crate) async fn overview(
    app: &App,
    conn: &impl ConnectionTrait,
    caller: &Caller,
    agent: Option<i64>,
) -> ApiResult<Overview> {
    let scope = caller.scope;
    let catalog = Catalog::load(conn, scope).await?;
    let ids: Vec<i64> = catalog.jobs.iter().map(|job| job.id).collect();
    let figures = JobFigures::load(conn, scope, &catalog, &ids).await?;
    let (mut jobs_total, mut jobs_protected) = (0, 0);
    let mut jobs = Vec::new();
    for row in &catalog.jobs {
        if row.enabled {
            let latest = figures.points(row.id).latest;
            jobs_total += 1;
            jobs_protected += u64::from(is_protected(row, latest, catalog.now));
        }
        if agent.is_none_or(|agent| agent == row.agent_id) {
            jobs.extend(job(app, &catalog, &figures, row)?);
        }
    }
    jobs.sort_by_key(trouble);
    jobs.truncate(MOST_JOBS);

    let vaults = vaults(conn, caller, &catalog).await?;
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

/// A job with its strip; `None` when its machine is gone.
fn job(
    app: &App,
    catalog: &Catalog,
    figures: &JobFigures,
    job: &JobRow,
) -> ApiResult<Option<OverviewJob>> {
    let Some(agent) = catalog.agent(job.agent_id) else {
        return Ok(None);
    };
    let latest = figures.points(job.id).latest;
    Ok(Some(OverviewJob {
        id: JobId(job.uuid),
        name: job.name.clone(),
        kind: JobKind::Files,
        agent: catalog.agent_reference(agent),
        enabled: job.enabled,
        protected: is_protected(job, latest, catalog.now),
        late_by_seconds: late_by(job, latest, catalog.now),
        latest_point_at: latest.map(Time::from_millis),
        next_run_at: next_run(job),
        starts_when_back: starts_when_back(app, job, agent, catalog)?,
        last_status: figures.last(job.id).map(|run| parse_status(&run.status)),
        days: days::strip(
            figures.marks(job.id),
            figures.missed(job.id),
            catalog.now,
            &catalog.zone(),
        ),
    }))
}

/// Less comes first: what is not protected or failed, what was missed today or left something out, what is well, what is
/// switched off.
fn trouble(job: &OverviewJob) -> u8 {
    let missed_today = job.days.last().is_some_and(|day| day.missed > 0);
    if !job.enabled {
        3
    } else if !job.protected || job.last_status == Some(RunStatus::Failed) {
        0
    } else if missed_today || job.last_status == Some(RunStatus::PartialSuccess) {
        1
    } else {
        2
    }
}

/// The vaults, with how full they are.
async fn vaults(
    conn: &impl ConnectionTrait,
    caller: &Caller,
    catalog: &Catalog,
) -> ApiResult<Vec<OverviewVault>> {
    let today = usage::day_of(catalog.now, &catalog.zone());
    let ids = catalog.vaults.iter().map(|vault| vault.id);
    let days = db::vault_usage::since(conn, ids, usage::since(today)).await?;
    let of_vault = |id: i64| {
        let from = days.partition_point(|day| day.vault_id < id);
        let to = days.partition_point(|day| day.vault_id <= id);
        &days[from..to]
    };
    let unmeasured: Vec<i64> = catalog
        .vaults
        .iter()
        .map(|vault| vault.id)
        .filter(|id| of_vault(*id).is_empty())
        .collect();
    let sent = if unmeasured.is_empty() {
        HashMap::new()
    } else {
        db::runs::sent_bytes(conn, caller.scope, unmeasured.iter().copied()).await?
    };
    let mut vaults: Vec<OverviewVault> = catalog
        .vaults
        .iter()
        .map(|vault| OverviewVault {
            id: VaultId(vault.uuid),
            name: vault.name.clone(),
            state: state(&vault.state),
            fill: usage::fill(vault, of_vault(vault.id), today),
            sent_bytes: unmeasured.contains(&vault.id).then(|| {
                let sent = sent.get(&vault.id).copied().unwrap_or(0);
                u64::try_from(sent).unwrap_or(0)
            }),
            actions: vec![caller.action("update", Role::Admin)],
        })
        .collect();
    vaults.sort_by_key(|vault| {
        let full = vault.fill.growth.and_then(|growth| growth.full_in);
        let largest = vault.fill.stored_bytes.or(vault.sent_bytes);
        (
            full.map_or(u64::MAX, |full| full.soonest),
            std::cmp::Reverse(largest),
        )
    });
    Ok(vaults)
}
