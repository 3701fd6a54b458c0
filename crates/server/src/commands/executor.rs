//! Which agent does what is asked about a vault: the server never opens one itself.

use std::collections::HashSet;

use holdfast_protocol::errors::ErrorCode;
use sea_orm::ConnectionTrait;

use crate::{
    app::{OFFLINE_AFTER_MS, now},
    db::{self, AgentRow, JobRow, Scope, VaultRow},
    problem::{ApiError, ApiResult},
};

/// Whether an agent was heard from lately and may work.
pub(crate) fn is_online(agent: &AgentRow, now: i64) -> bool {
    !agent.disabled
        && agent
            .last_seen_at
            .is_some_and(|seen| now - seen < OFFLINE_AFTER_MS)
}

/// The agent that works for a vault when somebody asks: a directory's own one; else one that has a job there; else any that
/// is online.
pub(crate) fn choose<'a>(
    vault: &VaultRow,
    agents: &'a [AgentRow],
    jobs: &[JobRow],
    now: i64,
) -> Option<&'a AgentRow> {
    let chosen = choose_with_access(vault, agents, jobs, now);
    if chosen.is_some() || vault.agent_id.is_some() {
        return chosen;
    }
    agents.iter().find(|agent| is_online(agent, now))
}

/// The agent that works for a vault without being asked: only one that has its keys anyway, because it maintains the vault or
/// has a job there.
pub(crate) fn choose_with_access<'a>(
    vault: &VaultRow,
    agents: &'a [AgentRow],
    jobs: &[JobRow],
    now: i64,
) -> Option<&'a AgentRow> {
    let mut online = agents.iter().filter(|agent| is_online(agent, now));
    if let Some(own) = vault.agent_id {
        return online.find(|agent| agent.id == own);
    }
    let mut users: HashSet<i64> = jobs
        .iter()
        .filter(|job| job.vault_id == vault.id)
        .map(|job| job.agent_id)
        .collect();
    users.extend(vault.maintenance_agent_id);
    online.find(|agent| users.contains(&agent.id))
}

/// The agent that works for a vault now.
///
/// # Errors
/// `no_agent_online`, in words.
pub(crate) async fn of_vault(
    conn: &impl ConnectionTrait,
    scope: Scope,
    vault: &VaultRow,
) -> ApiResult<AgentRow> {
    let agents = db::agents::all(conn, scope).await?;
    let jobs = db::jobs::all(conn, scope).await?;
    if let Some(agent) = choose(vault, &agents, &jobs, now()) {
        return Ok(agent.clone());
    }
    let detail = match vault
        .agent_id
        .and_then(|own| agents.iter().find(|agent| agent.id == own))
    {
        Some(own) => format!(
            "The vault lies on \"{}\", and that machine is not connected.",
            own.name
        ),
        None => format!(
            "No machine that reaches the vault \"{}\" is connected.",
            vault.name
        ),
    };
    Err(ApiError::from(ErrorCode::NoAgentOnline).detail(detail))
}
