//! What the end of a maintenance means: what the vault says of it, and a new listing of its points.

use holdfast_protocol::{
    agent::{
        CommandPayload,
        commands::{ListPoints, MaintainResult},
        failures,
    },
    api::{commands::CommandStatus, problem::Failure, vaults::MaintenanceMode},
};
use sea_orm::ConnectionTrait;
use serde_json::Value;

use super::{state::State, task::mode_of};
use crate::{
    app::App,
    commands::queue::{self, Order},
    db::{self, CommandRow, Scope, VaultRow},
    live::{Change, What},
    problem::ApiResult,
    usage,
    view::failures::failure,
};

/// One that was withdrawn is due again in so many milliseconds.
const WITHDRAWN_MS: i64 = 10 * 60 * 1000;

/// How a command of maintenance ended.
pub(crate) struct Ending<'a> {
    pub(crate) status: CommandStatus,
    /// What the agent did.
    pub(crate) result: Option<&'a Value>,
    /// What went wrong.
    pub(crate) why: Option<&'a Failure>,
    /// When, in milliseconds since 1970.
    pub(crate) now: i64,
}

/// Takes how a maintenance ended.
pub(crate) async fn ended(
    app: &App,
    conn: &impl ConnectionTrait,
    command: &CommandRow,
    vault: &VaultRow,
    ending: Ending<'_>,
) -> ApiResult<Vec<Change>> {
    let Ending {
        status,
        result,
        why,
        now,
    } = ending;
    let scope = Scope::tenant(command.tenant_id);
    let mode = mode_of(&command.kind);
    let mut state = State::of(vault)?;
    let mut changes = vec![Change::of(
        vault.tenant_id,
        What::Vault { uuid: vault.uuid },
    )];
    let result: Option<MaintainResult> = result
        .filter(|_| status == CommandStatus::Completed)
        .and_then(|result| serde_json::from_value(result.clone()).ok());
    if let Some(coverage) = result.as_ref().and_then(|result| result.coverage.clone()) {
        state.cover(coverage, vault, now);
    }
    if let Some(usage) = result.as_ref().and_then(|result| result.usage) {
        usage::note(conn, vault, &usage, now).await?;
    }
    match (status, result) {
        (
            _,
            Some(MaintainResult {
                done: Some(done), ..
            }),
        ) => {
            state.note(mode, &done, now);
            if mode == MaintenanceMode::Full {
                changes.extend(list_points(app, conn, command, vault).await?);
            }
        }
        (
            _,
            Some(MaintainResult {
                owner, done: None, ..
            }),
        ) => state.leave_to(owner, now),
        (CommandStatus::Cancelled, None) => state.put_off(mode, now + WITHDRAWN_MS),
        (_, None) => {
            let why = why
                .cloned()
                .unwrap_or_else(|| failure(failures::INTERNAL, None));
            state.fail(mode, why, now);
        }
    }
    let text = serde_json::to_string(&state)?;
    db::vaults::set_maintenance(conn, scope, vault.id, text).await?;
    Ok(changes)
}

/// Once a day the catalogue is compared with what the vault holds.
async fn list_points(
    app: &App,
    conn: &impl ConnectionTrait,
    command: &CommandRow,
    vault: &VaultRow,
) -> ApiResult<Vec<Change>> {
    let scope = Scope::tenant(command.tenant_id);
    let agents = db::agents::by_ids(conn, scope, [command.agent_id]).await?;
    let Some(agent) = agents.first().filter(|agent| !agent.disabled) else {
        return Ok(Vec::new());
    };
    let payload = CommandPayload::ListPoints(ListPoints::default());
    let listing = queue::insert(app, conn, Order::about_vault(payload, agent, vault)).await?;
    app.wake.ring_soon(agent.id);
    Ok(vec![queue::told(&listing)])
}
