//! Queues commands, hands them out, and carries their end through: what a result says about a vault, a run, the
//! catalogue.

use std::time::Duration;

use holdfast_protocol::{
    agent::{
        CommandDelivery, CommandId, CommandOutcome, CommandOutcomeStatus, CommandPayload,
        CommandType, VaultContext,
        commands::{DeletePoints, Pin, PinResult, TestVaultResult},
        failures,
    },
    api::{commands::CommandStatus, problem::Failure},
    errors::ErrorCode,
};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use super::{
    search,
    state::{self, CommandInput, CommandState, as_str},
    vault_context,
};
use crate::{
    access,
    app::{App, now},
    catalogue,
    db::{self, AgentRow, CommandRow, Scope, VaultRow, commands::NewCommand},
    live::{Change, What},
    maintenance, points,
    problem::{ApiError, ApiResult},
    retention, runs,
    sealing::Place,
    usage,
    view::failures::failure,
};

/// Somebody waits for these: they are of no use later.
const INTERACTIVE_MS: i64 = 2 * 60 * 1000;

/// These may wait for the agent to come back.
const PATIENT_MS: i64 = 24 * 3600 * 1000;

/// What was planned this long ago is planned anew, perhaps for another agent.
const REPLANNED_MS: i64 = 3600 * 1000;

/// A command that is to be queued.
pub(crate) struct Order<'a> {
    payload: CommandPayload,
    agent: &'a AgentRow,
    vault_id: Option<i64>,
    /// A place that is no vault yet, with its secrets.
    unsaved_vault: Option<VaultContext>,
    pub(crate) run_id: Option<i64>,
}

impl<'a> Order<'a> {
    /// About a vault, whose secrets are added when it is handed out.
    pub(crate) fn about_vault(
        payload: CommandPayload,
        agent: &'a AgentRow,
        vault: &VaultRow,
    ) -> Self {
        Self {
            payload,
            agent,
            vault_id: Some(vault.id),
            unsaved_vault: None,
            run_id: None,
        }
    }

    /// About a place that is no vault yet.
    pub(crate) fn about_place(
        payload: CommandPayload,
        agent: &'a AgentRow,
        place: VaultContext,
    ) -> Self {
        Self {
            payload,
            agent,
            vault_id: None,
            unsaved_vault: Some(place),
            run_id: None,
        }
    }

    /// About the machine itself.
    pub(crate) fn about_machine(payload: CommandPayload, agent: &'a AgentRow) -> Self {
        Self {
            payload,
            agent,
            vault_id: None,
            unsaved_vault: None,
            run_id: None,
        }
    }
}

/// What is sealed of a command until it is over.
#[derive(Serialize, Deserialize)]
struct StoredPayload {
    payload: Value,
    vault: Option<VaultContext>,
}

/// What a command that is not over was asked to do.
pub(crate) fn payload(app: &App, command: &CommandRow) -> ApiResult<Value> {
    Ok(stored_payload(app, command)?.payload)
}

fn payload_place(uuid: Uuid) -> Place<'static> {
    Place::new("commands", "sealed_payload", uuid)
}

fn result_place(uuid: Uuid) -> Place<'static> {
    Place::new("commands", "sealed_result", uuid)
}

/// What decides about a stored command's next state.
pub(crate) fn state_of(row: &CommandRow) -> CommandState {
    CommandState {
        status: state::parse(&row.status),
        lease_until: row.lease_until,
        deliveries: row.deliveries,
    }
}

/// That a command changed.
pub(crate) fn told(row: &CommandRow) -> Change {
    Change {
        tenant_id: row.tenant_id,
        what: What::Command { uuid: row.uuid },
    }
}

/// Queues a command. The agent is woken once the transaction is committed: [`wake`].
pub(crate) async fn insert(
    app: &App,
    conn: &impl ConnectionTrait,
    order: Order<'_>,
) -> ApiResult<CommandRow> {
    let kind = order.payload.command_type();
    let stored = StoredPayload {
        payload: order.payload.to_value()?,
        vault: order.unsaved_vault,
    };
    let uuid = Uuid::now_v7();
    let now = now();
    let patience = match kind {
        CommandType::Restore | CommandType::CreateRepository => PATIENT_MS,
        CommandType::DeletePoints
        | CommandType::MaintenanceQuick
        | CommandType::MaintenanceFull => REPLANNED_MS,
        _ => INTERACTIVE_MS,
    };
    let new = NewCommand {
        uuid,
        agent_id: order.agent.id,
        run_id: order.run_id,
        vault_id: order.vault_id,
        kind: kind.as_str().to_owned(),
        sealed_payload: app
            .sealer
            .seal(payload_place(uuid), &serde_json::to_vec(&stored)?),
        expires_at: now + patience,
    };
    Ok(db::commands::insert(conn, Scope::tenant(order.agent.tenant_id), new, now).await?)
}

/// Queues a single command and wakes its agent.
pub(crate) async fn send(app: &App, order: Order<'_>) -> ApiResult<CommandRow> {
    let command = insert(app, app.db.writer(), order).await?;
    app.wake.ring(command.agent_id);
    app.tell_all([told(&command)]);
    Ok(command)
}

fn stored_payload(app: &App, command: &CommandRow) -> ApiResult<StoredPayload> {
    let stored = app
        .sealer
        .open(payload_place(command.uuid), &command.sealed_payload)?;
    Ok(serde_json::from_slice(&stored)?)
}

/// What a command that is not over asks for; `None` when that cannot be read.
fn ordered<T: DeserializeOwned>(app: &App, command: &CommandRow) -> Option<T> {
    let stored = stored_payload(app, command).ok()?;
    serde_json::from_value(stored.payload).ok()
}

/// Hands a command out: its lease begins, and its vault's secrets are added.
pub(crate) async fn deliver(
    app: &App,
    conn: &impl ConnectionTrait,
    mut command: CommandRow,
    now: i64,
) -> ApiResult<Option<CommandDelivery>> {
    let Some(next) = state::apply(state_of(&command), CommandInput::Deliver { now }) else {
        return Ok(None);
    };
    let mut stored = stored_payload(app, &command)?;
    if command.kind == CommandType::DeletePoints.as_str() {
        let order = serde_json::from_value(stored.payload)?;
        let order = retention::still_condemned(conn, &command, order).await?;
        stored.payload = serde_json::to_value(order)?;
    }
    let vault = match command.vault_id {
        Some(id) => {
            let vault = db::vaults::by_id(conn, Scope::tenant(command.tenant_id), id).await?;
            Some(vault_context::of_vault(
                app,
                &vault.ok_or(ErrorCode::NotFound)?,
            )?)
        }
        None => stored.vault,
    };
    command.status = as_str(next.status).to_owned();
    command.lease_until = next.lease_until;
    command.deliveries = next.deliveries;
    let command = db::commands::save(conn, command).await?;
    Ok(Some(CommandDelivery {
        command_id: CommandId(command.id),
        kind: command.kind,
        payload: stored.payload,
        vault,
    }))
}

/// Takes how a command ended at its agent. Repeating it changes nothing.
pub(crate) async fn complete(
    app: &App,
    agent: &AgentRow,
    id: i64,
    outcome: CommandOutcome,
) -> ApiResult<()> {
    let now = now();
    let known = db::commands::of_agent(app.db.reader(), agent.id, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let result = match outcome.result {
        Some(result) => Some(search::with_points(app, &known, result).await?),
        None => None,
    };
    let txn = app.db.begin().await?;
    let command = db::commands::lock_of_agent(&txn, agent.id, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let input = match outcome.status {
        CommandOutcomeStatus::Completed => CommandInput::Complete,
        CommandOutcomeStatus::Failed => CommandInput::Fail,
    };
    let Some(next) = state::apply(state_of(&command), input) else {
        return Ok(());
    };
    let why = (outcome.status == CommandOutcomeStatus::Failed).then(|| {
        failure(
            outcome.code.as_deref().unwrap_or(failures::INTERNAL),
            outcome.message,
        )
    });
    let changes = end(app, &txn, command, next, result, why, now).await?;
    txn.commit().await?;
    app.tell_all(changes);
    Ok(())
}

/// Withdraws a command, with all that its end means.
pub(crate) async fn withdraw(
    app: &App,
    conn: &impl ConnectionTrait,
    command: CommandRow,
    why: Failure,
    now: i64,
) -> ApiResult<Vec<Change>> {
    let Some(next) = state::apply(state_of(&command), CommandInput::Cancel) else {
        return Ok(Vec::new());
    };
    end(app, conn, command, next, None, Some(why), now).await
}

/// Ends a command that cannot be handed out: what it is about is gone, or cannot be read.
pub(crate) async fn undeliverable(
    app: &App,
    conn: &impl ConnectionTrait,
    command: CommandRow,
    now: i64,
) -> ApiResult<Vec<Change>> {
    let Some(next) = state::apply(state_of(&command), CommandInput::Fail) else {
        return Ok(Vec::new());
    };
    let why = failure(
        failures::INTERNAL,
        Some("the command could not be handed out; the server's log says why".to_owned()),
    );
    end(app, conn, command, next, None, Some(why), now).await
}

fn write(
    app: &App,
    command: &mut CommandRow,
    next: CommandState,
    result: Option<&Value>,
    why: Option<Failure>,
    now: i64,
) -> ApiResult<()> {
    command.status = as_str(next.status).to_owned();
    command.lease_until = next.lease_until;
    command.finished_at = Some(now);
    // What a machine says about a failure names files as well.
    let (why, detail) = match why {
        Some(mut why) => {
            let detail = why.detail.take().map(Value::String);
            (Some(why), detail)
        }
        None => (None, None),
    };
    command.failure = why.map(|why| serde_json::to_string(&why)).transpose()?;
    let sealed = |value: &Value| -> ApiResult<Vec<u8>> {
        let place = result_place(command.uuid);
        Ok(app.sealer.seal(place, &serde_json::to_vec(value)?))
    };
    let kept = match &detail {
        Some(detail) => Some(detail),
        None => result,
    };
    command.sealed_result = kept.map(sealed).transpose()?;
    // What was asked may hold keys and paths; nobody needs it any more.
    command.sealed_payload = app.sealer.seal(
        payload_place(command.uuid),
        b"{\"payload\":null,\"vault\":null}",
    );
    Ok(())
}

/// Ends a command and carries through what that means.
pub(crate) async fn end(
    app: &App,
    conn: &impl ConnectionTrait,
    mut command: CommandRow,
    next: CommandState,
    mut result: Option<Value>,
    mut why: Option<Failure>,
    now: i64,
) -> ApiResult<Vec<Change>> {
    let mut next = next;
    let scope = Scope::tenant(command.tenant_id);
    let mut changes = Vec::new();
    let vault = match command.vault_id {
        Some(id) => db::vaults::by_id(conn, scope, id).await?,
        None => None,
    };
    access::of_command(
        conn,
        &command,
        next.status,
        result.as_ref(),
        why.as_ref(),
        now,
    )
    .await?;
    match (CommandType::parse(&command.kind), vault) {
        (Some(CommandType::TestVault), Some(vault)) => {
            let found = result
                .clone()
                .and_then(|result| serde_json::from_value::<TestVaultResult>(result).ok());
            if let Some(usage) = found.as_ref().and_then(|found| found.usage) {
                usage::note(conn, &vault, &usage, now).await?;
            }
            db::vaults::tested(
                conn,
                scope,
                vault.id,
                found.is_some_and(|found| found.ok),
                now,
            )
            .await?;
            changes.push(Change {
                tenant_id: vault.tenant_id,
                what: What::Vault { uuid: vault.uuid },
            });
        }
        (Some(CommandType::CreateRepository), Some(vault)) => {
            changes.extend(repository_made(app, conn, &vault, next.status, why.as_ref()).await?);
        }
        (Some(CommandType::ListPoints), Some(vault)) if next.status == CommandStatus::Completed => {
            let ended = catalogue::listed(app, conn, &command, &vault, result.take(), now).await?;
            match ended {
                Ok((summary, more)) => {
                    result = Some(serde_json::to_value(summary)?);
                    changes.extend(more);
                }
                Err(failed) => {
                    next.status = CommandStatus::Failed;
                    why = Some(failed);
                }
            }
        }
        (Some(CommandType::DeletePoints), Some(vault)) => {
            // What cannot be read must end as well.
            let ordered = ordered::<DeletePoints>(app, &command);
            let ending = retention::Ending {
                by_hand: ordered.is_some_and(|ordered| ordered.job_uuid.is_none()),
                result: result.as_ref(),
                why: why.as_ref(),
                now,
            };
            changes.extend(retention::ended(app, conn, &command, &vault, ending).await?);
        }
        (Some(CommandType::Pin), Some(vault)) if next.status == CommandStatus::Completed => {
            let pinned = result.take().map(serde_json::from_value::<PinResult>);
            match (ordered::<Pin>(app, &command), pinned) {
                (Some(ordered), Some(Ok(pinned))) => {
                    let state = points::pins::ended(conn, &command, &ordered, &pinned).await?;
                    result = Some(serde_json::to_value(state)?);
                    changes.push(Change::of(
                        vault.tenant_id,
                        What::Points { vault: vault.uuid },
                    ));
                }
                _ => {
                    next.status = CommandStatus::Failed;
                    why = Some(failure(
                        failures::INTERNAL,
                        Some("what the agent pinned cannot be read".to_owned()),
                    ));
                }
            }
        }
        (Some(CommandType::MaintenanceQuick | CommandType::MaintenanceFull), Some(vault)) => {
            let ending = maintenance::Ending {
                status: next.status,
                result: result.as_ref(),
                why: why.as_ref(),
                now,
            };
            changes.extend(maintenance::ended(app, conn, &command, &vault, ending).await?);
        }
        (Some(CommandType::ReadFile), _) if next.status != CommandStatus::Completed => {
            app.transfers.command_failed(command.uuid, why.clone());
        }
        (Some(CommandType::Restore), _) if next.status != CommandStatus::Completed => {
            if let Some(run) = command.run_id
                && let Some(run) = db::runs::lock(conn, scope, run).await?
            {
                let why = why
                    .clone()
                    .unwrap_or_else(|| failure(failures::INTERNAL, None));
                changes.extend(
                    runs::start::fail(app, conn, run, &why.code, why.detail.as_deref()).await?,
                );
            }
        }
        _ => {}
    }
    write(app, &mut command, next, result.as_ref(), why, now)?;
    let command = db::commands::save(conn, command).await?;
    changes.push(told(&command));
    Ok(changes)
}

/// A vault's repository was made, or could not be: runs that waited for it go on, or fail.
async fn repository_made(
    app: &App,
    conn: &impl ConnectionTrait,
    vault: &VaultRow,
    status: CommandStatus,
    why: Option<&Failure>,
) -> ApiResult<Vec<Change>> {
    let scope = Scope::tenant(vault.tenant_id);
    let mut changes = vec![Change {
        tenant_id: vault.tenant_id,
        what: What::Vault { uuid: vault.uuid },
    }];
    if vault.state == "ready" {
        return Ok(changes);
    }
    let waiting = db::runs::queued_for_vault(conn, vault.id).await?;
    if status == CommandStatus::Completed {
        db::vaults::set_state(conn, scope, vault.id, "ready", None, vault.creator_agent_id).await?;
        for run in waiting {
            if let Some(agent_id) = run.agent_id {
                app.wake.ring_soon(agent_id);
            }
        }
        return Ok(changes);
    }
    let text = why.map(serde_json::to_string).transpose()?;
    db::vaults::set_state(conn, scope, vault.id, "new", text, None).await?;
    // Nothing orders the repository again by itself: runs left waiting for it would wait for ever.
    let (code, detail) = why.map_or((failures::INTERNAL, None), |why| {
        (why.code.as_str(), why.detail.as_deref())
    });
    for run in waiting {
        changes.extend(runs::start::fail(app, conn, run, code, detail).await?);
    }
    Ok(changes)
}

/// The answer of a command, or why there is none.
pub(crate) fn outcome(
    app: &App,
    command: &CommandRow,
) -> ApiResult<(Option<Value>, Option<Failure>)> {
    let sealed = match &command.sealed_result {
        Some(sealed) => {
            let bytes = app.sealer.open(result_place(command.uuid), sealed)?;
            Some(serde_json::from_slice(&bytes)?)
        }
        None => None,
    };
    let Some(why) = &command.failure else {
        return Ok((sealed, None));
    };
    let mut why: Failure = serde_json::from_str(why)?;
    if let Some(Value::String(detail)) = sealed {
        why.detail = Some(detail);
    }
    Ok((None, Some(why)))
}

/// Waits until a command is over, at most so long; what it is then is returned in any case.
pub(crate) async fn wait(
    app: &App,
    scope: Scope,
    uuid: Uuid,
    longest: Duration,
) -> ApiResult<CommandRow> {
    let mut changes = app.live.listen();
    let deadline = tokio::time::Instant::now() + longest;
    loop {
        let command = db::commands::find(app.db.reader(), scope, uuid)
            .await?
            .ok_or(ErrorCode::NotFound)?;
        if state::parse(&command.status).is_terminal() {
            return Ok(command);
        }
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => return Ok(command),
                () = app.stopping.cancelled() => return Err(ApiError::from(ErrorCode::Unavailable)),
                change = changes.recv() => match change {
                    Ok(change) if matches!(change.what, What::Command { uuid: other } if other == uuid) => break,
                    Ok(_) => {}
                    // Fallen behind: look again.
                    Err(_) => break,
                },
            }
        }
    }
}
