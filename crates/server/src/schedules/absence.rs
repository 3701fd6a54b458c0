//! What an agent may start by itself while this server is away.

use std::collections::HashMap;

use holdfast_protocol::agent::{Attempt, OfflineJob, OfflinePlan, RunId, RunSettings};
use ring::digest::{Context, SHA256};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::document::timetable_of;
use crate::{
    agent_api::{WorkOrder, work},
    app::App,
    db::{self, AgentRow, JobRow, Scope, TenantRow, VaultRow},
    problem::ApiResult,
    runs::start::policy_snapshot,
};

/// Jobs of one plan.
const MOST_JOBS: u64 = 200;

/// The plan of an agent, unless it has that one. Its digest speaks of versions only, so nothing can be learnt from it.
pub(crate) async fn new_plan(
    app: &App,
    conn: &impl ConnectionTrait,
    agent: &AgentRow,
    has: &str,
) -> ApiResult<Option<OfflinePlan>> {
    let scope = Scope::tenant(agent.tenant_id);
    let jobs = db::jobs::offline_of_agent(conn, scope, agent.id, MOST_JOBS).await?;
    if jobs.is_empty() {
        let is_taken_back = !has.is_empty();
        return Ok(is_taken_back.then(|| OfflinePlan {
            digest: String::new(),
            jobs: Vec::new(),
        }));
    }
    let tenant = db::tenants::get(conn, scope).await?;
    let mut vaults = HashMap::new();
    for job in &jobs {
        if !vaults.contains_key(&job.vault_id)
            && let Some(vault) = db::vaults::by_id(conn, scope, job.vault_id).await?
        {
            vaults.insert(vault.id, vault);
        }
    }
    if digest(agent, &tenant, &jobs, &vaults) == has {
        return Ok(None);
    }
    // One that cannot be planned now may be later, although nothing about it changes: it is no part of what was given.
    let mut given = Vec::new();
    let mut planned = Vec::new();
    let mut failed = Vec::new();
    for job in jobs {
        let Some(vault) = vaults.get(&job.vault_id) else {
            continue;
        };
        match plan(app, agent, &tenant, &job, vault) {
            Ok(Some(plan)) => {
                planned.push(plan);
                given.push(job);
            }
            Ok(None) => {}
            Err(error) => failed.push((job.uuid, error)),
        }
    }
    let digest = match &given[..] {
        [] => String::new(),
        given => digest(agent, &tenant, given, &vaults),
    };
    if digest == has {
        return Ok(None);
    }
    for (job, error) in failed {
        tracing::error!(%job, code = error.code().code(), "a job cannot be started without the server: {}", error.cause());
    }
    Ok(Some(OfflinePlan {
        digest,
        jobs: planned,
    }))
}

fn plan(
    app: &App,
    agent: &AgentRow,
    tenant: &TenantRow,
    job: &JobRow,
    vault: &VaultRow,
) -> ApiResult<Option<OfflineJob>> {
    let Some(timetable) = timetable_of(job, tenant)?.filter(|_| vault.state == "ready") else {
        return Ok(None);
    };
    let policy = policy_snapshot(job)?;
    let order = WorkOrder {
        run_id: RunId(0),
        run_uuid: Uuid::nil(),
        attempt: Attempt(1),
        job_id: Some(job.id),
        job_uuid: job.uuid,
        job_name: &job.name,
        paths: &job.paths,
        policy: &policy,
        cancel_requested: false,
        started_at: None,
        due_at: None,
    };
    let settings = RunSettings {
        job_name: job.name.clone(),
        paths: serde_json::from_str(&job.paths)?,
        policy: serde_json::from_str(&policy)?,
    };
    Ok(Some(OfflineJob {
        timetable: serde_json::to_value(&timetable)?,
        work: work(app, agent, vault, order)?,
        settings: Some(settings),
    }))
}

fn digest(
    agent: &AgentRow,
    tenant: &TenantRow,
    jobs: &[JobRow],
    vaults: &HashMap<i64, VaultRow>,
) -> String {
    let mut context = Context::new(&SHA256);
    let mut add = |text: String| {
        context.update(text.as_bytes());
        context.update(b"\n");
    };
    add(format!(
        "{} {} {}",
        tenant.zone, agent.source_user, agent.source_host
    ));
    for job in jobs {
        add(format!("{} {}", job.uuid, job.version));
        if let Some(vault) = vaults.get(&job.vault_id) {
            add(format!("{} {} {}", vault.uuid, vault.version, vault.state));
        }
    }
    hex::encode(context.finish())
}
