//! Reads the facts of a tenant.

use std::collections::{HashMap, HashSet};

use holdfast_protocol::{agent::failures, alerts::AlertKind, api::problem::Failure};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{
    facts::{
        AgentFacts, ChannelFacts, End, EndResult, Facts, JobFacts, Object, Unopenable, Upkeep,
        VaultFacts, VaultState,
    },
    limits::Limits,
};
use crate::{
    app::{App, now},
    commands::executor::is_online,
    db::{
        self, AccessRow, AgentRow, AlertRow, JobRow, Scope, TenantRow, VaultRow,
        alert_facts::{EndedRun, JobMarks},
    },
    maintenance,
    problem::ApiResult,
};

/// Everything about a tenant now. Schedules go by the clock of schedules; what was stamped with the time of the system is
/// aged by that. `open` are the alerts that are open.
pub(super) async fn facts(
    app: &App,
    conn: &impl ConnectionTrait,
    tenant: &TenantRow,
    limits: &mut Limits,
    open: &[AlertRow],
) -> ApiResult<Facts> {
    let scope = Scope::tenant(tenant.id);
    let agents = db::agents::all(conn, scope).await?;
    let vaults = db::vaults::all(conn, scope).await?;
    let jobs = db::jobs::all(conn, scope).await?;
    let channels = db::notification_channels::enabled(conn, scope).await?;
    let job_marks = db::alert_facts::of_jobs(conn, scope).await?;
    let failing = db::vault_access::failing(conn, scope).await?;
    let ids: Vec<i64> = job_marks
        .values()
        .filter_map(|marks| marks.ended_run)
        .collect();
    let runs = db::alert_facts::ended_runs(conn, ids).await?;
    let system = now();
    let now = app.clock.now().as_millisecond();
    // What was stamped by the system is as old here as there.
    let of_system = |at: i64| at.saturating_add(now - system);
    let by_id: HashMap<i64, &AgentRow> = agents.iter().map(|agent| (agent.id, agent)).collect();
    let mut open_kinds: HashMap<Uuid, Vec<AlertKind>> = HashMap::new();
    for row in open {
        let kinds = open_kinds.entry(row.object_uuid).or_default();
        kinds.extend(AlertKind::parse(&row.kind));
    }
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
                    retention_waits_since: job.retention_waits_since.map(of_system),
                    ..of_job(job, marks, &runs)
                })
            })
            .collect(),
        agents: agents
            .iter()
            .filter(|agent| !agent.disabled)
            .map(|agent| AgentFacts {
                open: open_kinds.get(&agent.uuid).cloned().unwrap_or_default(),
                ..of_agent(app, agent, with_jobs.contains(&agent.id), system)
            })
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
                let own = failing.iter().filter(|access| access.vault_id == vault.id);
                let machines = own
                    .filter_map(|access| Some((access, *by_id.get(&access.agent_id)?)))
                    .filter(|(_, agent)| needs(vault, agent, &jobs));
                upkeep(vault, of_system).map(|upkeep| VaultFacts {
                    upkeep,
                    ..of_vault(vault, machines)
                })
            })
            .collect::<ApiResult<_>>()?,
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
        retention_waits_since: None,
    }
}

fn of_agent(app: &App, agent: &AgentRow, has_jobs: bool, now: i64) -> AgentFacts {
    let up_for = app.clock.monotonic().saturating_sub(app.started_steady);
    let heard = agent.last_seen_at.unwrap_or(agent.created_at);
    AgentFacts {
        object: Object {
            uuid: agent.uuid,
            name: agent.name.clone(),
        },
        has_jobs,
        silent_for: (now - heard).max(0),
        server_up_for: i64::try_from(up_for.as_millis()).unwrap_or(i64::MAX),
        cloned_for: agent.cloned_at.map(|at| (now - at).max(0)),
        clock_offset: agent.clock_offset_ms,
        open: Vec::new(),
    }
}

/// Whether a machine needs a vault: it has a job there that may run, maintains it, or has it in a directory of its own.
fn needs(vault: &VaultRow, agent: &AgentRow, jobs: &[JobRow]) -> bool {
    let has_job = || {
        jobs.iter()
            .any(|job| job.enabled && job.vault_id == vault.id && job.agent_id == agent.id)
    };
    let own = [vault.agent_id, vault.maintenance_agent_id];
    !agent.disabled && (own.contains(&Some(agent.id)) || has_job())
}

fn of_vault<'a>(
    vault: &VaultRow,
    failing: impl Iterator<Item = (&'a AccessRow, &'a AgentRow)>,
) -> VaultFacts {
    let state = match (vault.state.as_str(), &vault.failure) {
        ("ready", _) => VaultState::Ready,
        ("new", Some(text)) => {
            let code = serde_json::from_str::<Failure>(text).map(|why| why.code);
            VaultState::Failed(code.unwrap_or_default())
        }
        _ => VaultState::New,
    };
    let unopenable = failing.map(|(access, agent)| Unopenable {
        machine: agent.name.clone(),
        since: access.failed_since.unwrap_or(access.told_at),
        code: access.code.clone(),
    });
    VaultFacts {
        object: Object {
            uuid: vault.uuid,
            name: vault.name.clone(),
        },
        made_at: vault.created_at,
        state,
        unopenable: unopenable.collect(),
        kit_shown: vault.kit_shown_at.is_some(),
        listed_at: vault.listed_at.unwrap_or(vault.created_at),
        upkeep: Upkeep::default(),
    }
}

fn upkeep(vault: &VaultRow, of_system: impl Fn(i64) -> i64) -> ApiResult<Upkeep> {
    let state = maintenance::State::of(vault)?;
    let failing = state.failure.as_ref().map(|why| why.code.clone());
    let damaged = state.coverage.as_ref().map_or(0, |found| found.damaged);
    Ok(Upkeep {
        full_due_at: state.full_due(vault).map(&of_system),
        read_due_at: Some(of_system(state.read_due(vault))),
        locks_due_at: state.locks_due_at.map(&of_system),
        damaged: state
            .coverage_at
            .filter(|_| damaged > 0)
            .map(|at| (of_system(at), damaged)),
        locks_failing_since: state
            .failing_since
            .filter(|_| failing.as_deref() == Some(failures::LOCK_NOT_EXTENDED))
            .map(&of_system),
        failing,
    })
}
