//! The names that other objects refer to: a tenant's agents, vaults and jobs.

use std::collections::HashMap;

use holdfast_protocol::{
    Time,
    api::common::{AgentReference, Reference},
};
use jiff::tz::TimeZone;
use sea_orm::ConnectionTrait;

use crate::{
    app::now,
    commands::executor::is_online,
    db::{self, AgentRow, JobRow, Scope, TenantRow, VaultRow},
    problem::ApiResult,
};

/// A tenant's agents, vaults and jobs by number.
pub(crate) struct Catalog {
    pub(crate) tenant: TenantRow,
    pub(crate) agents: Vec<AgentRow>,
    pub(crate) vaults: Vec<VaultRow>,
    pub(crate) jobs: Vec<JobRow>,
    agent_index: HashMap<i64, usize>,
    vault_index: HashMap<i64, usize>,
    job_index: HashMap<i64, usize>,
    /// The moment for which everything is shown.
    pub(crate) now: i64,
}

impl Catalog {
    /// Loads it.
    pub(crate) async fn load(conn: &impl ConnectionTrait, scope: Scope) -> ApiResult<Self> {
        let tenant = db::tenants::get(conn, scope).await?;
        let agents = db::agents::all(conn, scope).await?;
        let vaults = db::vaults::all(conn, scope).await?;
        let jobs = db::jobs::all(conn, scope).await?;
        Ok(Self {
            agent_index: agents
                .iter()
                .enumerate()
                .map(|(index, row)| (row.id, index))
                .collect(),
            vault_index: vaults
                .iter()
                .enumerate()
                .map(|(index, row)| (row.id, index))
                .collect(),
            job_index: jobs
                .iter()
                .enumerate()
                .map(|(index, row)| (row.id, index))
                .collect(),
            tenant,
            agents,
            vaults,
            jobs,
            now: now(),
        })
    }

    pub(crate) fn agent(&self, id: i64) -> Option<&AgentRow> {
        self.agent_index
            .get(&id)
            .and_then(|index| self.agents.get(*index))
    }

    pub(crate) fn vault(&self, id: i64) -> Option<&VaultRow> {
        self.vault_index
            .get(&id)
            .and_then(|index| self.vaults.get(*index))
    }

    pub(crate) fn job(&self, id: i64) -> Option<&JobRow> {
        self.job_index
            .get(&id)
            .and_then(|index| self.jobs.get(*index))
    }

    pub(crate) fn agent_reference(&self, agent: &AgentRow) -> AgentReference {
        AgentReference {
            id: agent.uuid,
            name: agent.name.clone(),
            online: is_online(agent, self.now),
            last_seen_at: agent.last_seen_at.map(Time::from_millis),
        }
    }

    pub(crate) fn vault_reference(&self, id: i64) -> Reference {
        self.vault(id).map_or_else(
            || Reference {
                id: uuid::Uuid::nil(),
                name: String::new(),
            },
            |vault| Reference {
                id: vault.uuid,
                name: vault.name.clone(),
            },
        )
    }

    pub(crate) fn job_reference(&self, id: i64) -> Option<Reference> {
        self.job(id).map(|job| Reference {
            id: job.uuid,
            name: job.name.clone(),
        })
    }

    /// The tenant's time zone; one that is not known reads as UTC.
    pub(crate) fn zone(&self) -> TimeZone {
        zone_of(&self.tenant)
    }
}

/// A tenant's time zone; one that is not known reads as UTC.
pub(crate) fn zone_of(tenant: &TenantRow) -> TimeZone {
    TimeZone::get(&tenant.zone).unwrap_or(TimeZone::UTC)
}
