//! Jobs.

use axum::{extract::State, http::StatusCode};
use holdfast_protocol::{
    api::{
        common::Page,
        jobs::{Job, JobCreate, JobPatch, RunStart},
        retention::Retention,
        runs::Run,
        schedules::Schedule,
    },
    errors::ErrorCode,
};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    change::{finish, free, version_changed},
    input,
    runs::shown as shown_run,
    selection::{check_paths, check_policy},
};
use crate::{
    app::{App, now},
    auth::Caller,
    db::{
        self, JobRow, Txn,
        audit::Object,
        jobs::{JobChange, JobFilter, NewJob},
        runs::RunFilter,
    },
    extract::{Body, Id, IfMatch, Json, Params, page_request, try_to_page},
    live::{Change, What},
    problem::{ApiError, ApiResult},
    retention,
    runs::start::{Started, start_job},
    schedules,
    view::{self, catalog::Catalog, jobs::JobFigures},
};

const SMALLEST_UPLOAD_LIMIT: u64 = 1024;
const SHORTEST_MAX_AGE_SECONDS: u64 = 3600;

/// Parameters of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobParams {
    limit: Option<u64>,
    cursor: Option<String>,
    agent_id: Option<Uuid>,
    vault_id: Option<Uuid>,
    enabled: Option<bool>,
}

async fn find(app: &App, caller: &Caller, id: Uuid) -> ApiResult<JobRow> {
    Ok(db::jobs::find(app.db.reader(), caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?)
}

async fn shown(app: &App, caller: &Caller, id: Uuid) -> ApiResult<Job> {
    let row = find(app, caller, id).await?;
    let catalog = Catalog::load(app.db.reader(), caller.scope).await?;
    let figures = JobFigures::load(app.db.reader(), caller.scope, &catalog, &[row.id]).await?;
    view::jobs::job(app, &catalog, caller, &figures, &row)
}

async fn name_is_free(txn: &Txn, caller: &Caller, name: &str, own: Option<i64>) -> ApiResult<()> {
    let other = db::jobs::by_name(txn, caller.scope, name).await?;
    let detail = format!("There is a job \"{name}\" already.");
    free(other, |job| Some(job.id) == own, "/name", detail)
}

/// A limit that must have a least value; `Some(None)` lifts it.
fn limit(value: Option<u64>, least: u64, pointer: &str) -> ApiResult<Option<Option<i64>>> {
    match value {
        None => Ok(None),
        Some(0) => Ok(Some(None)),
        Some(value) if value < least => Err(ApiError::field(
            pointer,
            "out_of_range",
            format!("must be at least {least}"),
        )),
        Some(value) => Ok(Some(Some(i64::try_from(value).unwrap_or(i64::MAX)))),
    }
}

/// The tenant's jobs.
#[utoipa::path(get, path = "/jobs", tag = "jobs",
    params(("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query), ("agent_id" = Option<Uuid>, Query),
        ("vault_id" = Option<Uuid>, Query), ("enabled" = Option<bool>, Query)),
    responses((status = 200, body = Page<Job>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<JobParams>,
) -> ApiResult<Json<Page<Job>>> {
    let page = page_request(params.limit, params.cursor.as_deref())?;
    let mut filter = JobFilter {
        enabled: params.enabled,
        ..JobFilter::default()
    };
    if let Some(id) = params.agent_id {
        let agent = db::agents::find(app.db.reader(), caller.scope, id)
            .await?
            .ok_or(ErrorCode::NotFound)?;
        filter.agent_id = Some(agent.id);
    }
    if let Some(id) = params.vault_id {
        let vault = db::vaults::find(app.db.reader(), caller.scope, id)
            .await?
            .ok_or(ErrorCode::NotFound)?;
        filter.vault_id = Some(vault.id);
    }
    let slice = db::jobs::list(app.db.reader(), caller.scope, filter, page).await?;
    let catalog = Catalog::load(app.db.reader(), caller.scope).await?;
    let ids: Vec<i64> = slice.rows.iter().map(|row| row.id).collect();
    let figures = JobFigures::load(app.db.reader(), caller.scope, &catalog, &ids).await?;
    let page = try_to_page(slice, |row| {
        view::jobs::job(&app, &catalog, &caller, &figures, &row)
    })?;
    Ok(Json(page))
}

/// One job.
#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Job)))]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<Job>> {
    Ok(Json(shown(&app, &caller, id).await?))
}

/// Makes a job.
#[utoipa::path(post, path = "/jobs", tag = "jobs", request_body = JobCreate, responses((status = 201, body = Job)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<JobCreate>,
) -> ApiResult<(StatusCode, Json<Job>)> {
    let name = input::name(&request.name, "/name")?;
    check_paths(&request.paths)?;
    check_policy(&request.policy)?;
    let kept = request.retention.unwrap_or(Retention::STANDARD);
    retention::check(&kept)?;
    let upload_limit = limit(
        request.upload_limit_bytes_per_second,
        SMALLEST_UPLOAD_LIMIT,
        "/upload_limit_bytes_per_second",
    )?;
    let max_age = limit(
        request.max_age_seconds,
        SHORTEST_MAX_AGE_SECONDS,
        "/max_age_seconds",
    )?;
    let txn = app.db.begin().await?;
    let agent = db::agents::find(&txn, caller.scope, request.agent_id.0).await?;
    let agent = agent.ok_or_else(|| ApiError::unknown("/agent_id", "there is no such machine"))?;
    if agent.disabled {
        return Err(ApiError::field(
            "/agent_id",
            "disabled",
            "the machine is disabled",
        ));
    }
    let vault = db::vaults::find(&txn, caller.scope, request.vault_id.0).await?;
    let vault = vault.ok_or_else(|| ApiError::unknown("/vault_id", "there is no such vault"))?;
    if vault.agent_id.is_some_and(|own| own != agent.id) {
        return Err(ApiError::field(
            "/vault_id",
            "other_machine",
            "the vault is a directory on another machine",
        ));
    }
    name_is_free(&txn, &caller, &name, None).await?;
    let tenant = db::tenants::get(&txn, caller.scope).await?;
    let uuid = Uuid::now_v7();
    let new = NewJob {
        uuid,
        agent_id: agent.id,
        vault_id: vault.id,
        name: name.clone(),
        kind: "files".to_owned(),
        enabled: request.enabled.unwrap_or(true),
        paths: serde_json::to_string(&request.paths)?,
        policy: serde_json::to_string(&request.policy)?,
        schedule: serde_json::to_string(&request.schedule)?,
        upload_limit: upload_limit.flatten(),
        max_age_seconds: max_age.flatten(),
        offline_start: request.offline_start.unwrap_or(false),
        retention: serde_json::to_string(&kept)?,
        next: schedules::next_of(&request.schedule, &tenant, uuid, app.clock.now())?,
    };
    let row = db::jobs::insert(&txn, caller.scope, new, now()).await?;
    let object = Object::of("jobs", row.uuid, &name);
    finish(
        &app,
        txn,
        &caller,
        "jobs.create",
        object,
        [Change::of(row.tenant_id, What::Job { uuid: row.uuid })],
    )
    .await?;
    app.wake.ring(row.agent_id);
    Ok((
        StatusCode::CREATED,
        Json(shown(&app, &caller, row.uuid).await?),
    ))
}

/// Changes a job. A run that waits keeps the settings of its start.
#[utoipa::path(patch, path = "/jobs/{id}", tag = "jobs", params(("id" = uuid::Uuid, Path)),
    request_body = JobPatch, responses((status = 200, body = Job)))]
pub(crate) async fn update(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    IfMatch(version): IfMatch,
    Body(patch): Body<JobPatch>,
) -> ApiResult<Json<Job>> {
    let row = find(&app, &caller, id).await?;
    let mut change = JobChange {
        enabled: patch.enabled,
        offline_start: patch.offline_start,
        upload_limit: limit(
            patch.upload_limit_bytes_per_second,
            SMALLEST_UPLOAD_LIMIT,
            "/upload_limit_bytes_per_second",
        )?,
        max_age_seconds: limit(
            patch.max_age_seconds,
            SHORTEST_MAX_AGE_SECONDS,
            "/max_age_seconds",
        )?,
        ..JobChange::default()
    };
    if let Some(name) = &patch.name {
        change.name = Some(input::name(name, "/name")?);
    }
    if let Some(paths) = &patch.paths {
        check_paths(paths)?;
        change.paths = Some(serde_json::to_string(paths)?);
    }
    if let Some(policy) = &patch.policy {
        check_policy(policy)?;
        change.policy = Some(serde_json::to_string(policy)?);
    }
    if let Some(kept) = &patch.retention {
        retention::check(kept)?;
        change.retention = Some(serde_json::to_string(kept)?);
    }
    let stored: Schedule = serde_json::from_str(&row.schedule)?;
    let schedule = patch.schedule.as_ref().unwrap_or(&stored);
    let is_switched = patch.enabled.is_some_and(|enabled| enabled != row.enabled);
    let starts_otherwise = *schedule != stored || is_switched;
    // What was due while the job was disabled is not made up for.
    if starts_otherwise {
        let tenant = db::tenants::get(app.db.reader(), caller.scope).await?;
        let next = schedules::next_of(schedule, &tenant, row.uuid, app.clock.now())?;
        change.next = Some(next);
        change.schedule = Some(serde_json::to_string(schedule)?);
    }
    let txn = app.db.begin().await?;
    if let Some(name) = &change.name {
        name_is_free(&txn, &caller, name, Some(row.id)).await?;
    }
    if !db::jobs::update(&txn, caller.scope, row.id, version, change).await? {
        return Err(version_changed(&shown(&app, &caller, id).await?));
    }
    let mut changes = vec![Change::of(row.tenant_id, What::Job { uuid: row.uuid })];
    if starts_otherwise && let Some(after) = db::jobs::by_id(&txn, caller.scope, row.id).await? {
        changes.extend(schedules::carry_over(&app, &txn, &row, &after).await?);
    }
    let object = Object::of("jobs", row.uuid, &row.name);
    finish(&app, txn, &caller, "jobs.update", object, changes).await?;
    app.wake.ring(row.agent_id);
    Ok(Json(shown(&app, &caller, id).await?))
}

/// Deletes a job. Its runs stay listed and its restore points stay in the vault.
#[utoipa::path(delete, path = "/jobs/{id}", tag = "jobs", params(("id" = uuid::Uuid, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    IfMatch(version): IfMatch,
) -> ApiResult<StatusCode> {
    let row = find(&app, &caller, id).await?;
    let txn = app.db.begin().await?;
    let filter = RunFilter {
        job_id: Some(row.id),
        ..RunFilter::default()
    };
    if db::runs::any_active(&txn, caller.scope, &filter).await? {
        return Err(
            ApiError::from(ErrorCode::InUse).detail("A run of it is not over. Cancel it first.")
        );
    }
    if !db::jobs::delete(&txn, caller.scope, row.id, version).await? {
        return Err(version_changed(&shown(&app, &caller, id).await?));
    }
    let object = Object::of("jobs", row.uuid, &row.name);
    finish(
        &app,
        txn,
        &caller,
        "jobs.delete",
        object,
        [Change::of(row.tenant_id, What::Job { uuid: row.uuid })],
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts a run of a job now. When one waits already, the answer is that one.
#[utoipa::path(post, path = "/jobs/{id}/runs", tag = "jobs", params(("id" = uuid::Uuid, Path)),
    request_body = RunStart,
    responses((status = 201, description = "A new run waits for its agent.", body = Run),
        (status = 200, description = "A run waited already.", body = Run)))]
pub(crate) async fn run(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(_start): Body<RunStart>,
) -> ApiResult<(StatusCode, Json<Run>)> {
    let txn = app.db.begin().await?;
    let job = db::jobs::find(&txn, caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let agents = db::agents::by_ids(&txn, caller.scope, [job.agent_id]).await?;
    let agent = agents.first().ok_or(ErrorCode::NotFound)?;
    let vault = db::vaults::by_id(&txn, caller.scope, job.vault_id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    let (started, changes) = start_job(&app, &txn, &job, agent, &vault, "manual").await?;
    let (status, run) = match started {
        Started::New(run) => {
            let object = Object::of("jobs", job.uuid, &job.name);
            finish(&app, txn, &caller, "jobs.run", object, changes).await?;
            (StatusCode::CREATED, run)
        }
        Started::Joined(run) => {
            txn.commit().await?;
            app.tell_all(changes);
            (StatusCode::OK, run)
        }
    };
    app.wake.ring(agent.id);
    Ok((status, Json(shown_run(&app, &caller, &run).await?)))
}
