//! Reads the facts of a tenant.

use std::collections::{HashMap, HashSet};

use holdfast_protocol::{agent::failures, api::problem::Failure};
use sea_orm::ConnectionTrait;

use super::{
    facts::{
        AgentFacts, ChannelFacts, End, EndResult, Facts, JobFacts, Object, Unopenable, VaultFacts,
        VaultState,
    },
    limits::Limits,
};
use crate::{
    app::{App, now},
    commands::executor::is_online,
    db::{
        self, AgentRow, JobRow, Scope, TenantRow, VaultRow,
        alert_facts::{EndedRun, JobMarks},
    },
    problem::ApiResult,
};

/// Codes with which a run fails because its vault cannot be opened.
const CLOSED_VAULT: &[&str] = &[
    failures::REPOSITORY_MISSING,
    failures::WRONG_PASSWORD,
    failures::REPOSITORY_TOO_NEW,
    failures::REPOSITORY_DAMAGED,
    failures::STORAGE_UNREACHABLE,
    failures::STORAGE_DENIED,
    failures::STORAGE_NOT_FOUND,
    failures::STORAGE_UNRELIABLE,
];

/// Everything about a tenant now. Schedules go by the clock of schedules; what was stamped with the time of the system is
/// aged by that.
pub(super) async fn facts(
    app: &App,
    conn: &impl ConnectionTrait,
    tenant: &TenantRow,
    limits: &mut Limits,
) -> ApiResult<Facts> {
    let scope = Scope::tenant(tenant.id);
    let agents = db::agents::all(conn, scope).await?;
    let vaults = db::vaults::all(conn, scope).await?;
    let jobs = db::jobs::all(conn, scope).await?;
    let channels = db::notification_channels::enabled(conn, scope).await?;
    let job_marks = db::alert_facts::of_jobs(conn, scope).await?;
    let vault_marks = db::alert_facts::of_vaults(conn, scope, CLOSED_VAULT).await?;
    let ids: HashSet<i64> = job_marks
        .values()
        .filter_map(|marks| marks.ended_run)
        .chain(vault_marks.values().filter_map(|marks| marks.telling_run))
        .collect();
    let runs = db::alert_facts::ended_runs(conn, ids.into_iter().collect()).await?;
    let system = now();
    let now = app.clock.now().as_millisecond();
    let by_id: HashMap<i64, &AgentRow> = agents.iter().map(|agent| (agent.id, agent)).collect();
    let active = || jobs.iter().filter(|job| job.enabled);
    let with_jobs: HashSet<i64> = active().map(|job| job.agent_id).collect();
    Ok(Facts {
        now,
        jobs: active()
            .filter_map(|job| {
                let agent = by_id.get(&job.agent_id).filter(|agent| !agent.disabled)?;
                let marks = job_marks.get(&job.id).copied().unwrap_or_default();
                let max_age = limits.of(job, tenant, now);
                let absent = !is_online(agent, system);
                Some(JobFacts {
                    absent_agent: absent.then_some(agent.uuid),
                    max_age,
                    ..of_job(job, marks, &runs)
                })
            })
            .collect(),
        agents: agents
            .iter()
            .filter(|agent| !agent.disabled)
            .map(|agent| of_agent(app, agent, with_jobs.contains(&agent.id), system))
            .collect(),
        channels: channels
            .into_iter()
            .map(|channel| ChannelFacts {
                object: Object {
                    uuid: channel.uuid,
                    name: channel.name,
                },
                failing_since: channel.failing_since,
            })
            .collect(),
        vaults: vaults
            .iter()
            .map(|vault| {
                let telling = vault_marks
                    .get(&vault.id)
                    .and_then(|marks| marks.telling_run);
                of_vault(vault, telling.and_then(|run| runs.get(&run)))
            })
            .collect(),
    })
}

fn of_job(job: &JobRow, marks: JobMarks, runs: &HashMap<i64, EndedRun>) -> JobFacts {
    let missed_due = marks.missed_due.filter(|due| {
        let is_passed = marks.started_due.is_some_and(|started| started > *due);
        let is_made_up = marks.run_at.is_some_and(|at| at >= *due);
        !is_passed && !is_made_up
    });
    let last_end = marks
        .ended_run
        .and_then(|run| runs.get(&run))
        .map(|run| End {
            run: run.uuid,
            at: run.finished_at.unwrap_or_default(),
            result: match run.status.as_str() {
                "success" => EndResult::Success,
                "partial_success" => EndResult::Partial(run.problem_count),
                _ => EndResult::Failed(run.error_code.clone().unwrap_or_default()),
            },
        });
    JobFacts {
        object: Object {
            uuid: job.uuid,
            name: job.name.clone(),
        },
        made_at: job.created_at,
        newest_point: marks.point_at,
        missed_due,
        last_end,
        absent_agent: None,
        max_age: None,
    }
}

fn of_agent(app: &App, agent: &AgentRow, has_jobs: bool, now: i64) -> AgentFacts {
    // While the server was away nobody could be heard.
    let up_for = app.clock.monotonic().saturating_sub(app.started_steady);
    let up_for = i64::try_from(up_for.as_millis()).unwrap_or(i64::MAX);
    let heard = agent.last_seen_at.unwrap_or(agent.created_at);
    AgentFacts {
        object: Object {
            uuid: agent.uuid,
            name: agent.name.clone(),
        },
        has_jobs,
        silent_for: (now - heard).clamp(0, up_for),
        cloned_for: agent.cloned_at.map(|at| (now - at).max(0)),
        clock_offset: agent.clock_offset_ms,
    }
}

fn of_vault(vault: &VaultRow, telling: Option<&EndedRun>) -> VaultFacts {
    let state = match (vault.state.as_str(), &vault.failure) {
        ("ready", _) => VaultState::Ready,
        ("new", Some(text)) => {
            let code = serde_json::from_str::<Failure>(text).map(|why| why.code);
            VaultState::Failed(code.unwrap_or_default())
        }
        _ => VaultState::New,
    };
    // What was tried last tells: a test, or a run.
    let test = vault.last_test_at.zip(vault.last_test_ok).map(|(at, ok)| {
        let failed = (!ok).then_some(Unopenable {
            since: at,
            code: None,
        });
        (at, failed)
    });
    let run = telling.map(|run| {
        let at = run.finished_at.unwrap_or_default();
        let failed = (run.status == "failed").then(|| Unopenable {
            since: at,
            code: run.error_code.clone(),
        });
        (at, failed)
    });
    let last = test.into_iter().chain(run).max_by_key(|(at, _)| *at);
    VaultFacts {
        object: Object {
            uuid: vault.uuid,
            name: vault.name.clone(),
        },
        made_at: vault.created_at,
        state,
        unopenable: last.and_then(|(_, failed)| failed),
        kit_shown: vault.kit_shown_at.is_some(),
        listed_at: vault.listed_at.unwrap_or(vault.created_at),
    }
}
