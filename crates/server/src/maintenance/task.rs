//! The task that assigns vaults to machines and starts what is due.

use std::collections::{HashMap, HashSet};

use holdfast_protocol::{
    agent::{CommandPayload, SourceIdentity, commands::Maintain},
    api::vaults::MaintenanceMode,
    errors::ErrorCode,
};
use sea_orm::ConnectionTrait;

use super::{
    KINDS,
    owner::owner,
    plan::{Step, step},
    state::State,
};
use crate::{
    app::{App, now},
    commands::queue::{self, Order},
    db::{self, AgentRow, CommandRow, JobRow, Scope, VaultRow},
    live::{Change, What},
    problem::ApiResult,
    usage,
};

/// One look at all vaults. What fails is logged and comes again; one bad vault does not keep the others from their turn.
pub(crate) async fn look(app: &App) -> ApiResult<()> {
    for tenant in db::tenants::all(app.db.reader()).await? {
        let scope = Scope::tenant(tenant.id);
        let vaults = db::vaults::all(app.db.reader(), scope).await?;
        let ready: Vec<VaultRow> = vaults
            .into_iter()
            .filter(|vault| vault.state == "ready")
            .collect();
        if !ready.is_empty()
            && let Err(error) = look_at(app, scope, ready).await
        {
            tracing::error!(tenant = %tenant.uuid, code = error.code().code(), "the maintenance of a tenant's vaults could not be looked at; it is tried again: {}", error.cause());
        }
    }
    Ok(())
}

async fn look_at(app: &App, scope: Scope, vaults: Vec<VaultRow>) -> ApiResult<()> {
    let conn = app.db.reader();
    let agents = db::agents::all(conn, scope).await?;
    let jobs = db::jobs::all(conn, scope).await?;
    let open = open(conn, scope, None).await?;
    // A machine maintains one vault at a time.
    let mut busy: HashSet<i64> = open.iter().map(|command| command.agent_id).collect();
    for vault in vaults {
        let under_way = open
            .iter()
            .find(|command| command.vault_id == Some(vault.id));
        match settle(app, &vault, &agents, &jobs, under_way, &busy).await {
            Ok(began) => busy.extend(began),
            Err(error) => {
                tracing::error!(vault = %vault.uuid, code = error.code().code(), "the maintenance of a vault could not be looked at; it is tried again: {}", error.cause());
            }
        }
    }
    Ok(())
}

/// Does what is to be done for one vault; answers with the machine at which something was begun.
async fn settle(
    app: &App,
    vault: &VaultRow,
    agents: &[AgentRow],
    jobs: &[JobRow],
    under_way: Option<&CommandRow>,
    busy: &HashSet<i64>,
) -> ApiResult<Option<i64>> {
    let now = now();
    let scope = Scope::tenant(vault.tenant_id);
    let owner = owner(vault, agents, jobs, now);
    let told = Change::of(vault.tenant_id, What::Vault { uuid: vault.uuid });
    let owner_id = owner.map(|owner| owner.id);
    if owner_id != vault.maintenance_agent_id {
        db::vaults::set_maintenance_agent(app.db.writer(), scope, vault.id, owner_id).await?;
        app.tell_all([told.clone()]);
    }
    let state = State::of(vault)?;
    let under_way_at = under_way.map(|command| command.agent_id);
    match (
        step(vault, &state, owner, under_way_at, now),
        owner,
        under_way,
    ) {
        (Step::Start(mode), Some(owner), _) if !busy.contains(&owner.id) => {
            let txn = app.db.begin().await?;
            let command = order(app, &txn, vault, owner, agents, mode).await?;
            txn.commit().await?;
            app.wake.ring(owner.id);
            app.tell_all([told, queue::told(&command)]);
            Ok(Some(owner.id))
        }
        (Step::Withdraw, _, Some(command)) => {
            withdraw(app, scope, vault, command.id, now).await?;
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// Takes a maintenance from a machine that does not own the vault any more; it is due at once at the next one.
async fn withdraw(
    app: &App,
    scope: Scope,
    vault: &VaultRow,
    command: i64,
    now: i64,
) -> ApiResult<()> {
    let txn = app.db.begin().await?;
    let Some(command) = db::commands::lock(&txn, scope, command).await? else {
        return Ok(());
    };
    let agent = command.agent_id;
    let mode = mode_of(&command.kind);
    let why = ErrorCode::CommandWithdrawn.failure(None);
    let changes = queue::withdraw(app, &txn, command, why, now).await?;
    if let Some(vault) = db::vaults::by_id(&txn, scope, vault.id).await? {
        let mut state = State::of(&vault)?;
        state.put_off(mode, now);
        let text = serde_json::to_string(&state)?;
        db::vaults::set_maintenance(&txn, scope, vault.id, text).await?;
    }
    txn.commit().await?;
    app.tell_all(changes);
    app.wake.ring(agent);
    Ok(())
}

/// The kind of a command of maintenance.
pub(super) fn mode_of(kind: &str) -> MaintenanceMode {
    if kind == KINDS[0].as_str() {
        MaintenanceMode::Quick
    } else {
        MaintenanceMode::Full
    }
}

/// Open commands of maintenance of a tenant, or of one vault.
async fn open(
    conn: &impl ConnectionTrait,
    scope: Scope,
    vault: Option<i64>,
) -> ApiResult<Vec<CommandRow>> {
    let mut open = Vec::new();
    for kind in KINDS {
        open.extend(db::commands::open_of(conn, scope, kind.as_str(), None, vault).await?);
    }
    Ok(open)
}

/// What is under way in the vaults of a tenant.
pub(crate) async fn under_way(
    conn: &impl ConnectionTrait,
    scope: Scope,
) -> ApiResult<HashMap<i64, MaintenanceMode>> {
    let open = open(conn, scope, None).await?.into_iter();
    Ok(open
        .filter_map(|command| Some((command.vault_id?, mode_of(&command.kind))))
        .collect())
}

/// The maintenance that is under way in a vault.
pub(crate) async fn find_open(
    conn: &impl ConnectionTrait,
    scope: Scope,
    vault: i64,
) -> ApiResult<Option<CommandRow>> {
    Ok(open(conn, scope, Some(vault)).await?.into_iter().next())
}

/// Asks a machine to maintain a vault. The caller commits and wakes it.
pub(crate) async fn order(
    app: &App,
    conn: &impl ConnectionTrait,
    vault: &VaultRow,
    agent: &AgentRow,
    agents: &[AgentRow],
    mode: MaintenanceMode,
) -> ApiResult<CommandRow> {
    // Who owns it in the repository may be known by the host's whole name.
    let known = agents.iter().flat_map(|agent| {
        let names = [&agent.source_host, &agent.host];
        names.map(|host| format!("{}@{host}", agent.source_user))
    });
    let maintain = Maintain {
        measure: !usage::is_measured_today(conn, vault, now()).await?,
        identity: SourceIdentity {
            user: agent.source_user.clone(),
            host: agent.source_host.clone(),
        },
        take_over_from: known.collect(),
    };
    let payload = match mode {
        MaintenanceMode::Quick => CommandPayload::MaintenanceQuick(maintain),
        MaintenanceMode::Full => CommandPayload::MaintenanceFull(maintain),
    };
    queue::insert(app, conn, Order::about_vault(payload, agent, vault)).await
}
