//! The start page.

use holdfast_protocol::{
    Time,
    agent::RunStatus,
    api::{
        jobs::JobKind,
        overview::{Alert, Overview, OverviewJob, OverviewVault, Severity},
        runs::RunSummary,
    },
    ids::{JobId, VaultId},
};
use sea_orm::ConnectionTrait;

use super::{
    catalog::Catalog,
    days,
    failures::failure,
    jobs::{JobFigures, is_protected, late_by, next_run, starts_when_back},
    runs,
    vaults::{VaultFigures, state},
};
use crate::{
    app::App,
    commands::executor::is_online,
    db::{self, Scope},
    problem::ApiResult,
    runs::{parse_status, report},
};

/// Most jobs of the start page.
const MOST_JOBS: usize = 50;

/// Newest finished runs of the start page.
const RECENT_RUNS: u64 = 10;

/// Everything the start page shows.
pub(crate) async fn overview(
    app: &App,
    conn: &impl ConnectionTrait,
    scope: Scope,
) -> ApiResult<Overview> {
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
            starts_when_back: starts_when_back(job, agent, &catalog)?,
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
        alerts: alerts(app, &catalog, &figures)?,
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

/// What needs somebody, worst and oldest first.
fn alerts(app: &App, catalog: &Catalog, figures: &JobFigures) -> ApiResult<Vec<Alert>> {
    let mut alerts = Vec::new();
    for job in catalog.jobs.iter().filter(|job| job.enabled) {
        let alert = |kind: &str, severity, title: String, detail, action: &str, opened_at| Alert {
            kind: kind.to_owned(),
            severity,
            object_type: "jobs".to_owned(),
            object_id: job.uuid,
            object_name: job.name.clone(),
            title,
            detail,
            action: action.to_owned(),
            run_id: None,
            opened_at: Time::from_millis(opened_at),
        };
        if let Some(run) = figures.last(job.id) {
            let ended = run.finished_at.unwrap_or(run.created_at);
            match parse_status(&run.status) {
                RunStatus::Failed => {
                    let why = failure(
                        run.error_code.as_deref().unwrap_or("internal"),
                        report::error_text(app, run)?,
                    );
                    let detail = why.detail.or(Some(why.title));
                    let title = format!("The last run of {} failed.", job.name);
                    alerts.push(Alert {
                        run_id: Some(run.uuid),
                        ..alert(
                            "run_failed",
                            Severity::Bad,
                            title,
                            detail,
                            "open_run",
                            ended,
                        )
                    });
                }
                RunStatus::PartialSuccess => {
                    let title = format!(
                        "{} items are missing in the last run of {}.",
                        run.problem_count, job.name
                    );
                    alerts.push(Alert {
                        run_id: Some(run.uuid),
                        ..alert(
                            "files_skipped",
                            Severity::Warning,
                            title,
                            None,
                            "open_run",
                            ended,
                        )
                    });
                }
                _ => {}
            }
        }
        if let Some(due) = figures.open_miss(job.id) {
            let agent = catalog.agent(job.agent_id);
            let online = agent.is_some_and(|agent| is_online(agent, catalog.now));
            let title = format!("A run of {} was due and was not started.", job.name);
            let action = if online { "run_now" } else { "open_job" };
            alerts.push(alert("run_missed", Severity::Bad, title, None, action, due));
        }
        let latest = figures.points(job.id).latest;
        if let (Some(late), Some(latest), Some(limit)) = (
            late_by(job, latest, catalog.now),
            latest,
            job.max_age_seconds,
        ) {
            let title = format!(
                "The newest restore point of {} is older than allowed.",
                job.name
            );
            let detail = Some(format!("It is {} h over its limit.", late.div_ceil(3600)));
            alerts.push(alert(
                "job_late",
                Severity::Bad,
                title,
                detail,
                "run_now",
                latest + limit * 1000,
            ));
        }
    }
    for agent in &catalog.agents {
        let alert = |kind: &str, severity, title, detail, opened_at| Alert {
            kind: kind.to_owned(),
            severity,
            object_type: "agents".to_owned(),
            object_id: agent.uuid,
            object_name: agent.name.clone(),
            title,
            detail,
            action: "open_agent".to_owned(),
            run_id: None,
            opened_at: Time::from_millis(opened_at),
        };
        let has_jobs = catalog
            .jobs
            .iter()
            .any(|job| job.enabled && job.agent_id == agent.id);
        if has_jobs && !agent.disabled && !is_online(agent, catalog.now) {
            let title = format!("{} is not reachable.", agent.name);
            let since = agent.last_seen_at.unwrap_or(agent.created_at);
            alerts.push(alert(
                "agent_unreachable",
                Severity::Warning,
                title,
                None,
                since,
            ));
        }
        if let Some(at) = agent
            .cloned_at
            .filter(|at| catalog.now - at < 10 * 60 * 1000)
        {
            let title = format!("Two machines use the identity of {}.", agent.name);
            let detail = Some("One of them is refused. Enrol the copied machine anew.".to_owned());
            alerts.push(alert("agent_cloned", Severity::Bad, title, detail, at));
        }
    }
    for vault in &catalog.vaults {
        let alert = |kind: &str, severity, title, detail, action: &str| Alert {
            kind: kind.to_owned(),
            severity,
            object_type: "vaults".to_owned(),
            object_id: vault.uuid,
            object_name: vault.name.clone(),
            title,
            detail,
            action: action.to_owned(),
            run_id: None,
            opened_at: Time::from_millis(vault.created_at),
        };
        if vault.state == "new" && vault.failure.is_some() {
            let why = vault.failure.as_deref().and_then(|text| {
                serde_json::from_str::<holdfast_protocol::api::problem::Failure>(text).ok()
            });
            let title = format!("The repository of {} could not be made.", vault.name);
            let detail = why.map(|why| why.detail.unwrap_or(why.title));
            alerts.push(alert(
                "vault_not_ready",
                Severity::Bad,
                title,
                detail,
                "open_vault",
            ));
        }
        if vault.state == "ready" && vault.kit_shown_at.is_none() {
            let title = format!("The recovery kit of {} was never downloaded.", vault.name);
            let detail =
                Some("Without it nobody can open the vault when this server is lost.".to_owned());
            alerts.push(alert(
                "kit_not_shown",
                Severity::Info,
                title,
                detail,
                "download_kit",
            ));
        }
    }
    alerts.sort_by_key(|alert| (alert.severity, alert.opened_at));
    Ok(alerts)
}
