//! Machines with an agent.

use axum::{extract::State, http::StatusCode};
use holdfast_protocol::{
    agent::{
        CommandPayload,
        commands::{BrowseDirectory, BrowseListing},
    },
    api::{
        agents::{Agent, AgentPatch, BrowseRequest},
        commands::Command,
        common::Page,
    },
    errors::ErrorCode,
};
use serde::Deserialize;

use super::{
    change::{finish, version_changed},
    commands::answer,
    input,
};
use crate::{
    app::{App, OFFLINE_AFTER_MS, now},
    auth::{Caller, tokens},
    commands::{
        executor::is_online,
        queue::{self, Order},
    },
    db::{self, AgentRow, Scope, Txn, agents::StateFilter, audit::Object, jobs::JobFilter},
    extract::{Body, Id, IfMatch, Json, Params, page_request, to_page, words},
    live::{Change, What},
    problem::{ApiError, ApiResult},
    runs,
    view::{self, catalog::Catalog},
};

/// Parameters of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentParams {
    limit: Option<u64>,
    cursor: Option<String>,
    state: Option<String>,
}

async fn find(app: &App, caller: &Caller, id: uuid::Uuid) -> ApiResult<AgentRow> {
    Ok(db::agents::find(app.db.reader(), caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?)
}

async fn shown(app: &App, caller: &Caller, id: uuid::Uuid) -> ApiResult<Agent> {
    let row = find(app, caller, id).await?;
    let catalog = Catalog::load(app.db.reader(), caller.scope).await?;
    let active = db::runs::active(app.db.reader(), caller.scope).await?;
    Ok(view::agents::agent(&catalog, caller, &active, &row))
}

/// The tenant's machines.
#[utoipa::path(get, path = "/agents", tag = "agents",
    params(("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
        ("state" = Option<String>, Query, description = "online, unreachable, disabled; several by commas")),
    responses((status = 200, body = Page<Agent>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<AgentParams>,
) -> ApiResult<Json<Page<Agent>>> {
    let page = page_request(params.limit, params.cursor.as_deref())?;
    let limit = now() - OFFLINE_AFTER_MS;
    let mut states = Vec::new();
    for word in words(params.state.as_deref()) {
        states.push(match word.as_str() {
            "online" => StateFilter::Online(limit),
            "unreachable" => StateFilter::Unreachable(limit),
            "disabled" => StateFilter::Disabled,
            _ => {
                return Err(ApiError::field(
                    "?state",
                    "invalid",
                    format!("{word} is not online, unreachable or disabled"),
                ));
            }
        });
    }
    let slice = db::agents::list(app.db.reader(), caller.scope, &states, page).await?;
    let catalog = Catalog::load(app.db.reader(), caller.scope).await?;
    let active = db::runs::active(app.db.reader(), caller.scope).await?;
    Ok(Json(to_page(slice, |row| {
        view::agents::agent(&catalog, &caller, &active, &row)
    })))
}

/// One machine.
#[utoipa::path(get, path = "/agents/{id}", tag = "agents", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Agent)))]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<Agent>> {
    Ok(Json(shown(&app, &caller, id).await?))
}

/// Renames a machine.
#[utoipa::path(patch, path = "/agents/{id}", tag = "agents", params(("id" = uuid::Uuid, Path)),
    request_body = AgentPatch, responses((status = 200, body = Agent)))]
pub(crate) async fn update(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    IfMatch(version): IfMatch,
    Body(patch): Body<AgentPatch>,
) -> ApiResult<Json<Agent>> {
    let agent = find(&app, &caller, id).await?;
    let name = match &patch.name {
        Some(name) => input::name(name, "/name")?,
        None => agent.name.clone(),
    };
    let txn = app.db.begin().await?;
    if !db::agents::rename(&txn, caller.scope, agent.id, version, &name).await? {
        return Err(version_changed(&shown(&app, &caller, id).await?));
    }
    let object = Object::of("agents", agent.uuid, &name);
    finish(
        &app,
        txn,
        &caller,
        "agents.update",
        object,
        [Change::of(
            agent.tenant_id,
            What::Agent { uuid: agent.uuid },
        )],
    )
    .await?;
    Ok(Json(shown(&app, &caller, id).await?))
}

/// Deletes a machine that has no jobs and holds no vault. Its restore points stay in their vaults.
#[utoipa::path(delete, path = "/agents/{id}", tag = "agents", params(("id" = uuid::Uuid, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    IfMatch(version): IfMatch,
) -> ApiResult<StatusCode> {
    let agent = find(&app, &caller, id).await?;
    let txn = app.db.begin().await?;
    let filter = JobFilter {
        agent_id: Some(agent.id),
        ..JobFilter::default()
    };
    let jobs = db::jobs::some_names(&txn, caller.scope, filter).await?;
    if !jobs.is_empty() {
        let detail = format!("\"{}\" still has the jobs {}.", agent.name, jobs.join(", "));
        return Err(ApiError::from(ErrorCode::InUse).detail(detail));
    }
    if let Some(vault) = db::vaults::on_agent(&txn, caller.scope, agent.id).await? {
        return Err(ApiError::from(ErrorCode::InUse)
            .detail(format!("The vault \"{}\" lies on it.", vault.name)));
    }
    let mut changes = end_work(&app, &txn, &agent).await?;
    if !db::agents::delete(&txn, caller.scope, agent.id, version).await? {
        return Err(version_changed(&shown(&app, &caller, id).await?));
    }
    changes.push(Change::of(
        agent.tenant_id,
        What::AgentDeleted { uuid: agent.uuid },
    ));
    let object = Object::of("agents", agent.uuid, &agent.name);
    finish(&app, txn, &caller, "agents.delete", object, changes).await?;
    app.presence.forget(agent.id);
    app.wake.ring(agent.id);
    Ok(StatusCode::NO_CONTENT)
}

/// Ends what a machine was still to do: nobody will.
async fn end_work(app: &App, txn: &Txn, agent: &AgentRow) -> ApiResult<Vec<Change>> {
    let scope = Scope::tenant(agent.tenant_id);
    let why = ErrorCode::CommandWithdrawn;
    let detail = format!("The machine \"{}\" was deleted.", agent.name);
    let mut changes = Vec::new();
    for command in db::commands::open_of_agent(txn, scope, agent.id).await? {
        let why = why.failure(Some(detail.clone()));
        changes.extend(queue::withdraw(app, txn, command, why, now()).await?);
    }
    for run in db::runs::active_of_agent(txn, agent.id).await? {
        changes.extend(runs::start::fail(app, txn, run, why.code(), Some(&detail)).await?);
    }
    Ok(changes)
}

/// Disables a machine: its token stops working at once.
#[utoipa::path(post, path = "/agents/{id}/disable", tag = "agents", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Agent)))]
pub(crate) async fn disable(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<Agent>> {
    switch(&app, &caller, id, true).await
}

/// Enables a machine again; it must enrol anew, because its token was withdrawn.
#[utoipa::path(post, path = "/agents/{id}/enable", tag = "agents", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Agent)))]
pub(crate) async fn enable(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<Agent>> {
    switch(&app, &caller, id, false).await
}

async fn switch(
    app: &App,
    caller: &Caller,
    id: uuid::Uuid,
    disabled: bool,
) -> ApiResult<Json<Agent>> {
    let agent = find(app, caller, id).await?;
    if agent.disabled != disabled {
        let nobody_has_it = disabled.then(|| tokens::hash(tokens::new_token("hfa_").expose()));
        let txn = app.db.begin().await?;
        db::agents::set_disabled(&txn, caller.scope, agent.id, nobody_has_it).await?;
        let action = if disabled {
            "agents.disable"
        } else {
            "agents.enable"
        };
        let object = Object::of("agents", agent.uuid, &agent.name);
        let change = Change::of(agent.tenant_id, What::Agent { uuid: agent.uuid });
        finish(app, txn, caller, action, object, [change]).await?;
        app.wake.ring(agent.id);
    }
    Ok(Json(shown(app, caller, id).await?))
}

/// Lists a folder on a machine.
#[utoipa::path(post, path = "/agents/{id}/browse", tag = "agents", params(("id" = uuid::Uuid, Path)),
    request_body = BrowseRequest,
    responses((status = 200, body = Command<BrowseListing>), (status = 202, body = Command<BrowseListing>)))]
pub(crate) async fn browse(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<BrowseRequest>,
) -> ApiResult<(StatusCode, Json<Command<BrowseListing>>)> {
    let agent = find(&app, &caller, id).await?;
    let wait = input::wait(request.wait_seconds)?;
    if !request.path.is_empty() {
        input::absolute_path(&request.path, "/path")?;
    }
    if !is_online(&agent, now()) {
        return Err(ApiError::from(ErrorCode::NoAgentOnline)
            .detail(format!("\"{}\" is not connected.", agent.name)));
    }
    let payload = CommandPayload::BrowseDirectory(BrowseDirectory {
        path: request.path,
        raw_path: None,
        cursor: request.cursor,
        limit: None,
        folders_only: request.folders_only,
    });
    let command = queue::send(&app, Order::about_machine(payload, &agent)).await?;
    answer(&app, &caller, command, wait).await
}
