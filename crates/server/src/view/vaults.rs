//! Vaults as the client API shows them.

use std::collections::HashMap;

use holdfast_protocol::{
    Time,
    api::{
        common::Reference,
        session::Role,
        vaults::{MaintenanceMode, Storage, Vault, VaultMaintenance, VaultState, VaultTestSummary},
    },
    ids::VaultId,
};
use sea_orm::ConnectionTrait;

use super::catalog::Catalog;
use crate::{
    auth::Caller,
    commands::executor,
    db::{self, Scope, VaultRow, points::PointFigures},
    maintenance,
    problem::ApiResult,
};

/// Figures of a tenant's vaults.
pub(crate) struct VaultFigures {
    points: HashMap<i64, PointFigures>,
    sent: HashMap<i64, i64>,
    maintained: HashMap<i64, MaintenanceMode>,
}

impl VaultFigures {
    pub(crate) async fn load(conn: &impl ConnectionTrait, scope: Scope) -> ApiResult<Self> {
        let points = db::points::figures_by_vault(conn, scope).await?;
        Ok(Self {
            points: points
                .into_iter()
                .map(|figures| (figures.owner, figures))
                .collect(),
            sent: db::runs::sent_bytes_by_vault(conn, scope)
                .await?
                .into_iter()
                .collect(),
            maintained: maintenance::under_way(conn, scope).await?,
        })
    }

    pub(crate) fn points(&self, vault: i64) -> PointFigures {
        self.points.get(&vault).copied().unwrap_or_default()
    }

    pub(crate) fn sent(&self, vault: i64) -> u64 {
        self.sent.get(&vault).copied().unwrap_or(0).max(0) as u64
    }
}

/// The state of a word in the database.
pub(crate) fn state(word: &str) -> VaultState {
    match word {
        "new" => VaultState::New,
        "creating" => VaultState::Creating,
        _ => VaultState::Ready,
    }
}

/// Where a vault lies, without secrets.
pub(crate) fn storage(catalog: &Catalog, row: &VaultRow) -> Storage {
    match row.agent_id.and_then(|id| catalog.agent(id)) {
        Some(agent) => Storage::Directory {
            agent: catalog.agent_reference(agent),
            path: row.path.clone(),
        },
        None => Storage::S3 {
            endpoint: row.endpoint.clone(),
            region: row.region.clone(),
            bucket: row.bucket.clone(),
            prefix: row.prefix.clone(),
            access_key_id: row.access_key_id.clone(),
        },
    }
}

/// A vault. `protected` are the bytes that the newest point of each of its jobs protects.
pub(crate) fn vault(
    catalog: &Catalog,
    caller: &Caller,
    figures: &VaultFigures,
    protected: i64,
    row: &VaultRow,
) -> ApiResult<Vault> {
    let executor = executor::choose(row, &catalog.agents, &catalog.jobs, catalog.now);
    let nobody = executor
        .is_none()
        .then_some("No machine that reaches it is connected.");
    let jobs: Vec<Reference> = catalog
        .jobs
        .iter()
        .filter(|job| job.vault_id == row.id)
        .map(|job| Reference {
            id: job.uuid,
            name: job.name.clone(),
        })
        .collect();
    let state = state(&row.state);
    let made = match state {
        VaultState::New => nobody,
        VaultState::Creating => Some("A machine is making it."),
        VaultState::Ready => Some("It exists already."),
    };
    let not_ready = if state == VaultState::Ready {
        nobody
    } else {
        Some("Its repository does not exist yet.")
    };
    let points = figures.points(row.id);
    Ok(Vault {
        id: VaultId(row.uuid),
        name: row.name.clone(),
        state,
        failure: row
            .failure
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok()),
        storage: storage(catalog, row),
        executor: executor.map(|agent| catalog.agent_reference(agent)),
        points: points.count.max(0) as u64,
        stored_bytes: figures.sent(row.id),
        protected_bytes: protected.max(0) as u64,
        quota_bytes: row.quota_bytes.and_then(|quota| u64::try_from(quota).ok()),
        latest_point_at: points.latest.map(Time::from_millis),
        last_test: row
            .last_test_ok
            .zip(row.last_test_at)
            .map(|(ok, at)| VaultTestSummary {
                ok,
                at: Time::from_millis(at),
            }),
        maintenance: maintenance_of(catalog, figures, row)?,
        kit_shown_at: row.kit_shown_at.map(Time::from_millis),
        created_at: Time::from_millis(row.created_at),
        version: row.version,
        actions: vec![
            caller.action("update", Role::Admin),
            caller.action_unless("test", Role::Operator, nobody),
            caller.action_unless("create_repository", Role::Admin, made),
            caller.action_unless("refresh_points", Role::Operator, not_ready),
            caller.action_unless("maintain", Role::Operator, not_ready),
            caller.action("kit", Role::Admin),
            caller.action_unless(
                "delete",
                Role::Admin,
                (!jobs.is_empty()).then_some("Jobs still write to it. Delete them first."),
            ),
        ],
        jobs,
    })
}

/// How a vault is kept in order.
fn maintenance_of(
    catalog: &Catalog,
    figures: &VaultFigures,
    row: &VaultRow,
) -> ApiResult<VaultMaintenance> {
    let state = maintenance::State::of(row)?;
    let next = |mode| (row.state == "ready").then(|| Time::from_millis(state.next(mode, row)));
    let agent = row.maintenance_agent_id.and_then(|id| catalog.agent(id));
    Ok(VaultMaintenance {
        agent: agent.map(|agent| catalog.agent_reference(agent)),
        running: figures.maintained.get(&row.id).copied(),
        next_quick_at: next(MaintenanceMode::Quick),
        next_full_at: next(MaintenanceMode::Full),
        failing_since: state.failing_since.map(Time::from_millis),
        quick: state.quick,
        full: state.full,
        foreign_owner: state.foreign_owner,
        failure: state.failure,
        coverage: state.coverage,
        coverage_at: state.coverage_at.map(Time::from_millis),
    })
}
