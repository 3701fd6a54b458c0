//! Vaults.

use axum::{extract::State, http::StatusCode};
use holdfast_protocol::{
    Secret,
    agent::{
        CommandPayload, DestinationType, EncryptionMode, VaultContext, VaultState,
        commands::{
            CreateRepositoryResult, ListPoints, MaintainResult, TestVault, TestVaultResult,
        },
    },
    api::{
        commands::Command,
        common::Page,
        usage::{VaultUsageDay, VaultUsageHistory},
        vaults::{
            CommandRequest, KitRequest, MaintenanceStart, PointsRefreshed, RecoveryKit, Storage,
            StorageInput, StorageTestRequest, Vault, VaultCreate, VaultPatch,
        },
    },
    errors::ErrorCode,
};
use uuid::Uuid;

use super::{
    ListParams,
    change::{finish, free, version_changed},
    commands::answer,
    input,
    session::confirm_password,
};
use crate::{
    app::{App, now},
    auth::{Caller, tokens},
    commands::{
        executor::{self, is_online},
        queue::{self, Order},
        vault_context::{self, literal_prefix, password_place, secret_key_place},
    },
    db::{
        self, AgentRow, Txn, VaultRow,
        audit::Object,
        jobs::JobFilter,
        vaults::{NewVault, VaultChange},
    },
    extract::{Body, Id, IfMatch, Json, Params, page_request, try_to_page},
    live::{Change, What},
    maintenance,
    problem::{ApiError, ApiResult},
    runs::start::order_repository,
    usage,
    view::{
        self,
        catalog::{Catalog, zone_of},
        vaults::VaultFigures,
    },
};

/// Characters of a generated repository password.
const PASSWORD_LENGTH: usize = 32;

async fn find(app: &App, caller: &Caller, id: Uuid) -> ApiResult<VaultRow> {
    Ok(db::vaults::find(app.db.reader(), caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?)
}

async fn shown(app: &App, caller: &Caller, id: Uuid) -> ApiResult<Vault> {
    let row = find(app, caller, id).await?;
    let catalog = Catalog::load(app.db.reader(), caller.scope).await?;
    let figures = VaultFigures::load(app.db.reader(), caller.scope).await?;
    let protected = db::points::protected_bytes(app.db.reader(), caller.scope, row.id).await?;
    view::vaults::vault(&catalog, caller, &figures, protected, &row)
}

async fn name_is_free(txn: &Txn, caller: &Caller, name: &str, own: Option<i64>) -> ApiResult<()> {
    let other = db::vaults::by_name(txn, caller.scope, name).await?;
    let detail = format!("There is a vault \"{name}\" already.");
    free(other, |vault| Some(vault.id) == own, "/name", detail)
}

/// A checked place: what a vault's row holds of it.
struct Place {
    kind: &'static str,
    endpoint: String,
    region: String,
    bucket: String,
    prefix: String,
    access_key_id: String,
    secret_key: Option<Secret>,
    agent: Option<AgentRow>,
    path: String,
}

async fn check_place(app: &App, caller: &Caller, storage: &StorageInput) -> ApiResult<Place> {
    match storage {
        StorageInput::S3 {
            endpoint,
            region,
            bucket,
            prefix,
            access_key_id,
            secret_access_key,
        } => {
            check_endpoint(endpoint)?;
            if bucket.is_empty() || bucket.len() > 255 || bucket.contains(['/', ' ']) {
                return Err(ApiError::field(
                    "/storage/bucket",
                    "invalid",
                    "is not the name of a bucket",
                ));
            }
            if access_key_id.is_empty() {
                return Err(ApiError::field(
                    "/storage/access_key_id",
                    "missing",
                    "must not be empty",
                ));
            }
            if secret_access_key.is_empty() {
                return Err(ApiError::field(
                    "/storage/secret_access_key",
                    "missing",
                    "must not be empty",
                ));
            }
            Ok(Place {
                kind: "s3",
                endpoint: endpoint.trim().trim_end_matches('/').to_owned(),
                region: region.trim().to_owned(),
                bucket: bucket.clone(),
                prefix: prefix.trim_matches('/').to_owned(),
                access_key_id: access_key_id.trim().to_owned(),
                secret_key: Some(secret_access_key.clone()),
                agent: None,
                path: String::new(),
            })
        }
        StorageInput::Directory { agent_id, path } => {
            input::absolute_path(path, "/storage/path")?;
            let agent = db::agents::find(app.db.reader(), caller.scope, agent_id.0).await?;
            let agent = agent.ok_or_else(|| {
                ApiError::unknown("/storage/agent_id", "there is no such machine")
            })?;
            if agent.disabled {
                return Err(ApiError::field(
                    "/storage/agent_id",
                    "disabled",
                    "the machine is disabled",
                ));
            }
            Ok(Place {
                kind: "directory",
                endpoint: String::new(),
                region: String::new(),
                bucket: String::new(),
                prefix: String::new(),
                access_key_id: String::new(),
                secret_key: None,
                agent: Some(agent),
                path: path.clone(),
            })
        }
    }
}

fn check_endpoint(endpoint: &str) -> ApiResult<()> {
    let wrong = |detail: &str| Err(ApiError::field("/storage/endpoint", "invalid", detail));
    let endpoint = endpoint.trim();
    let host = match endpoint.split_once("://") {
        Some(("http" | "https", host)) => host,
        Some(_) => return wrong("must begin with http:// or https://, or be a bare host"),
        None => endpoint,
    };
    let host = host.trim_end_matches('/');
    if host.is_empty() || host.contains(['/', ' ', '@', '?', '#']) {
        return wrong("must be a host with an optional port, without a path");
    }
    Ok(())
}

/// The tenant's vaults.
#[utoipa::path(get, path = "/vaults", tag = "vaults",
    params(("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<Vault>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> ApiResult<Json<Page<Vault>>> {
    let page = page_request(params.limit, params.cursor.as_deref())?;
    let slice = db::vaults::list(app.db.reader(), caller.scope, page).await?;
    let catalog = Catalog::load(app.db.reader(), caller.scope).await?;
    let figures = VaultFigures::load(app.db.reader(), caller.scope).await?;
    let mut protected = std::collections::HashMap::new();
    for row in &slice.rows {
        protected.insert(
            row.id,
            db::points::protected_bytes(app.db.reader(), caller.scope, row.id).await?,
        );
    }
    let page = try_to_page(slice, |row| {
        let bytes = protected.get(&row.id).copied().unwrap_or(0);
        view::vaults::vault(&catalog, &caller, &figures, bytes, &row)
    })?;
    Ok(Json(page))
}

/// One vault.
#[utoipa::path(get, path = "/vaults/{id}", tag = "vaults", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Vault)))]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<Vault>> {
    Ok(Json(shown(&app, &caller, id).await?))
}

/// How full a vault was on each of the last 90 days, and when it will be full.
#[utoipa::path(get, path = "/vaults/{id}/usage", tag = "vaults", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = VaultUsageHistory)))]
pub(crate) async fn usage(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<VaultUsageHistory>> {
    let row = find(&app, &caller, id).await?;
    let conn = app.db.reader();
    let tenant = db::tenants::get(conn, caller.scope).await?;
    let today = usage::day_of(now(), &zone_of(&tenant));
    let days = db::vault_usage::since(conn, [row.id], usage::since(today)).await?;
    Ok(Json(VaultUsageHistory {
        fill: usage::fill(&row, &days, today),
        days: days
            .iter()
            .map(|day| VaultUsageDay {
                date: usage::date_of(day.day).to_string(),
                stored_bytes: u64::try_from(day.stored_bytes).unwrap_or(0),
            })
            .collect(),
    }))
}

/// Makes a vault; an agent is asked to make its repository.
#[utoipa::path(post, path = "/vaults", tag = "vaults", request_body = VaultCreate,
    responses((status = 201, body = Vault)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<VaultCreate>,
) -> ApiResult<(StatusCode, Json<Vault>)> {
    let name = input::name(&request.name, "/name")?;
    let place = check_place(&app, &caller, &request.storage).await?;
    if request
        .repository_password
        .as_ref()
        .is_some_and(Secret::is_empty)
    {
        return Err(ApiError::field(
            "/repository_password",
            "missing",
            "must not be empty",
        ));
    }
    let password = request
        .repository_password
        .clone()
        .unwrap_or_else(|| tokens::new_password(PASSWORD_LENGTH));
    let uuid = Uuid::now_v7();
    let secret_key = place.secret_key.as_ref();
    let new = NewVault {
        uuid,
        name: name.clone(),
        kind: place.kind.to_owned(),
        endpoint: place.endpoint,
        region: place.region,
        bucket: place.bucket,
        prefix: place.prefix,
        access_key_id: place.access_key_id,
        sealed_secret_key: secret_key.map(|key| {
            app.sealer
                .seal(secret_key_place(uuid), key.expose().as_bytes())
        }),
        agent_id: place.agent.as_ref().map(|agent| agent.id),
        path: place.path,
        sealed_repository_password: app
            .sealer
            .seal(password_place(uuid), password.expose().as_bytes()),
    };
    let txn = app.db.begin().await?;
    name_is_free(&txn, &caller, &name, None).await?;
    let row = db::vaults::insert(&txn, caller.scope, new, now()).await?;
    let executor = executor::of_vault(&txn, caller.scope, &row).await.ok();
    let mut changes = Vec::new();
    if let Some(agent) = executor
        .as_ref()
        .filter(|_| request.create_repository.unwrap_or(true))
    {
        changes = order_repository(&app, &txn, &row, agent).await?;
    }
    changes.push(Change::of(row.tenant_id, What::Vault { uuid: row.uuid }));
    let object = Object::of("vaults", row.uuid, &name);
    finish(&app, txn, &caller, "vaults.create", object, changes).await?;
    if let Some(agent) = executor {
        app.wake.ring(agent.id);
    }
    Ok((StatusCode::CREATED, Json(shown(&app, &caller, uuid).await?)))
}

/// Renames a vault, gives it another storage key, or says how much it may hold.
#[utoipa::path(patch, path = "/vaults/{id}", tag = "vaults", params(("id" = uuid::Uuid, Path)),
    request_body = VaultPatch, responses((status = 200, body = Vault)))]
pub(crate) async fn update(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    IfMatch(version): IfMatch,
    Body(patch): Body<VaultPatch>,
) -> ApiResult<Json<Vault>> {
    let row = find(&app, &caller, id).await?;
    let mut change = VaultChange::default();
    if let Some(name) = &patch.name {
        change.name = Some(input::name(name, "/name")?);
    }
    if patch.access_key_id.is_some() || patch.secret_access_key.is_some() {
        if row.kind != "s3" {
            return Err(ApiError::field(
                "/access_key_id",
                "invalid",
                "a directory has no storage key",
            ));
        }
        // A new id with the old secret, or the other way round, is never what was meant.
        let (Some(access), Some(secret)) = (&patch.access_key_id, &patch.secret_access_key) else {
            let missing = if patch.access_key_id.is_none() {
                "/access_key_id"
            } else {
                "/secret_access_key"
            };
            return Err(ApiError::field(
                missing,
                "missing",
                "both parts of the key must be given",
            ));
        };
        if access.is_empty() || secret.is_empty() {
            return Err(ApiError::field(
                "/access_key_id",
                "missing",
                "must not be empty",
            ));
        }
        change.access_key_id = Some(access.clone());
        change.sealed_secret_key = Some(
            app.sealer
                .seal(secret_key_place(row.uuid), secret.expose().as_bytes()),
        );
    }
    change.quota_bytes = patch.quota_bytes.map(|quota| {
        let quota = i64::try_from(quota).unwrap_or(i64::MAX);
        Some(quota).filter(|quota| *quota > 0)
    });
    let txn = app.db.begin().await?;
    if let Some(name) = &change.name {
        name_is_free(&txn, &caller, name, Some(row.id)).await?;
    }
    if !db::vaults::update(&txn, caller.scope, row.id, version, change).await? {
        return Err(version_changed(&shown(&app, &caller, id).await?));
    }
    let object = Object::of("vaults", row.uuid, &row.name);
    finish(
        &app,
        txn,
        &caller,
        "vaults.update",
        object,
        [Change::of(row.tenant_id, What::Vault { uuid: row.uuid })],
    )
    .await?;
    Ok(Json(shown(&app, &caller, id).await?))
}

/// Removes the connection to a vault; its data stays where it is.
#[utoipa::path(delete, path = "/vaults/{id}", tag = "vaults", params(("id" = uuid::Uuid, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    IfMatch(version): IfMatch,
) -> ApiResult<StatusCode> {
    let row = find(&app, &caller, id).await?;
    let txn = app.db.begin().await?;
    let filter = JobFilter {
        vault_id: Some(row.id),
        ..JobFilter::default()
    };
    let names = db::jobs::some_names(&txn, caller.scope, filter).await?;
    if !names.is_empty() {
        let detail = format!(
            "\"{}\" is still written to by {}.",
            row.name,
            names.join(", ")
        );
        return Err(ApiError::from(ErrorCode::InUse).detail(detail));
    }
    let filter = db::runs::RunFilter {
        vault_id: Some(row.id),
        ..Default::default()
    };
    if db::runs::any_active(&txn, caller.scope, &filter).await? {
        return Err(ApiError::from(ErrorCode::InUse).detail("A run that uses it is not over."));
    }
    if !db::vaults::delete(&txn, caller.scope, row.id, version).await? {
        return Err(version_changed(&shown(&app, &caller, id).await?));
    }
    let object = Object::of("vaults", row.uuid, &row.name);
    finish(
        &app,
        txn,
        &caller,
        "vaults.delete",
        object,
        [Change::of(row.tenant_id, What::Vault { uuid: row.uuid })],
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tests a place before a vault is made of it: writes, reads back, deletes.
#[utoipa::path(post, path = "/storage-tests", tag = "vaults", request_body = StorageTestRequest,
    responses((status = 200, body = Command<TestVaultResult>), (status = 202, body = Command<TestVaultResult>)))]
pub(crate) async fn test_storage(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<StorageTestRequest>,
) -> ApiResult<(StatusCode, Json<Command<TestVaultResult>>)> {
    let wait = input::wait(request.wait_seconds)?;
    let place = check_place(&app, &caller, &request.storage).await?;
    let agent = match (&place.agent, request.agent_id) {
        (Some(own), _) => own.clone(),
        (None, Some(wanted)) => db::agents::find(app.db.reader(), caller.scope, wanted.0)
            .await?
            .ok_or_else(|| ApiError::unknown("/agent_id", "there is no such machine"))?,
        (None, None) => {
            let agents = db::agents::all(app.db.reader(), caller.scope).await?;
            agents
                .into_iter()
                .find(|agent| is_online(agent, now()))
                .ok_or(ErrorCode::NoAgentOnline)?
        }
    };
    if !is_online(&agent, now()) {
        return Err(ApiError::from(ErrorCode::NoAgentOnline)
            .detail(format!("\"{}\" is not connected.", agent.name)));
    }
    let s3 = place.kind == "s3";
    let context = VaultContext {
        vault_id: Uuid::now_v7(),
        vault_name: String::new(),
        vault_state: VaultState::New,
        dest_type: if s3 {
            DestinationType::S3
        } else {
            DestinationType::Local
        },
        dest_bucket: place.bucket,
        dest_prefix: literal_prefix(&place.prefix),
        dest_local_path: place.path,
        endpoint: place.endpoint,
        region: place.region,
        access_key: s3.then(|| Secret::new(place.access_key_id)),
        secret_key: place.secret_key,
        encryption_mode: EncryptionMode::Managed,
        repository_password: None,
    };
    let command = queue::send(
        &app,
        Order::about_place(CommandPayload::TestVault(TestVault {}), &agent, context),
    )
    .await?;
    answer(&app, &caller, command, wait).await
}

/// Tests the connection of a vault.
#[utoipa::path(post, path = "/vaults/{id}/test", tag = "vaults", params(("id" = uuid::Uuid, Path)),
    request_body = CommandRequest,
    responses((status = 200, body = Command<TestVaultResult>), (status = 202, body = Command<TestVaultResult>)))]
pub(crate) async fn test(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<CommandRequest>,
) -> ApiResult<(StatusCode, Json<Command<TestVaultResult>>)> {
    let wait = input::wait(request.wait_seconds)?;
    let vault = find(&app, &caller, id).await?;
    let agent = executor::of_vault(app.db.reader(), caller.scope, &vault).await?;
    let order = Order::about_vault(CommandPayload::TestVault(TestVault {}), &agent, &vault);
    let command = queue::send(&app, order).await?;
    answer(&app, &caller, command, wait).await
}

/// Has the repository of a vault made.
#[utoipa::path(post, path = "/vaults/{id}/create-repository", tag = "vaults", params(("id" = uuid::Uuid, Path)),
    request_body = CommandRequest,
    responses((status = 200, body = Command<CreateRepositoryResult>),
        (status = 202, body = Command<CreateRepositoryResult>)))]
pub(crate) async fn create_repository(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<CommandRequest>,
) -> ApiResult<(StatusCode, Json<Command<CreateRepositoryResult>>)> {
    let wait = input::wait(request.wait_seconds)?;
    let txn = app.db.begin().await?;
    let vault = db::vaults::find(&txn, caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    if vault.state == "ready" {
        return Err(ApiError::from(ErrorCode::Conflict)
            .detail("The vault's repository exists already; it is never made anew."));
    }
    let agent = executor::of_vault(&txn, caller.scope, &vault).await?;
    let changes = order_repository(&app, &txn, &vault, &agent).await?;
    let kind = holdfast_protocol::agent::CommandType::CreateRepository.as_str();
    let open = db::commands::open_of(&txn, caller.scope, kind, None, Some(vault.id)).await?;
    let object = Object::of("vaults", vault.uuid, &vault.name);
    finish(
        &app,
        txn,
        &caller,
        "vaults.create_repository",
        object,
        changes,
    )
    .await?;
    let command = open.into_iter().next().ok_or(ErrorCode::Internal)?;
    app.wake.ring(command.agent_id);
    answer(&app, &caller, command, wait).await
}

/// Lists the points that a vault holds and brings the catalogue up to date.
#[utoipa::path(post, path = "/vaults/{id}/refresh-points", tag = "vaults", params(("id" = uuid::Uuid, Path)),
    request_body = CommandRequest,
    responses((status = 200, body = Command<PointsRefreshed>), (status = 202, body = Command<PointsRefreshed>)))]
pub(crate) async fn refresh_points(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<CommandRequest>,
) -> ApiResult<(StatusCode, Json<Command<PointsRefreshed>>)> {
    let wait = input::wait(request.wait_seconds)?;
    let vault = find(&app, &caller, id).await?;
    if vault.state != "ready" {
        return Err(ErrorCode::VaultNotReady.into());
    }
    let agent = executor::of_vault(app.db.reader(), caller.scope, &vault).await?;
    let order = Order::about_vault(
        CommandPayload::ListPoints(ListPoints::default()),
        &agent,
        &vault,
    );
    let command = queue::send(&app, order).await?;
    answer(&app, &caller, command, wait).await
}

/// Maintains a vault now. When that is under way already, the answer is that one.
#[utoipa::path(post, path = "/vaults/{id}/maintenance", tag = "vaults", params(("id" = uuid::Uuid, Path)),
    request_body = MaintenanceStart,
    responses((status = 200, body = Command<MaintainResult>), (status = 202, body = Command<MaintainResult>)))]
pub(crate) async fn maintain(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<MaintenanceStart>,
) -> ApiResult<(StatusCode, Json<Command<MaintainResult>>)> {
    let wait = input::wait(request.wait_seconds)?;
    let txn = app.db.begin().await?;
    let vault = db::vaults::find(&txn, caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?;
    if vault.state != "ready" {
        return Err(ErrorCode::VaultNotReady.into());
    }
    if let Some(command) = maintenance::find_open(&txn, caller.scope, vault.id).await? {
        drop(txn);
        return answer(&app, &caller, command, wait).await;
    }
    let agents = db::agents::all(&txn, caller.scope).await?;
    let jobs = db::jobs::all(&txn, caller.scope).await?;
    let owner = maintenance::owner(&vault, &agents, &jobs, now());
    let Some(owner) = owner.filter(|owner| is_online(owner, now())) else {
        let detail = match owner {
            Some(owner) => format!(
                "\"{}\" maintains the vault, and that machine is not connected.",
                owner.name
            ),
            None => format!(
                "No machine that could maintain the vault \"{}\" is connected.",
                vault.name
            ),
        };
        return Err(ApiError::from(ErrorCode::NoAgentOnline).detail(detail));
    };
    db::vaults::set_maintenance_agent(&txn, caller.scope, vault.id, Some(owner.id)).await?;
    let command = maintenance::order(&app, &txn, &vault, owner, &agents, request.mode).await?;
    let changes = [
        Change::of(vault.tenant_id, What::Vault { uuid: vault.uuid }),
        queue::told(&command),
    ];
    let object = Object::of("vaults", vault.uuid, &vault.name);
    finish(&app, txn, &caller, "vaults.maintain", object, changes).await?;
    app.wake.ring(command.agent_id);
    answer(&app, &caller, command, wait).await
}

/// Shows everything that is needed to get the data back without this server. The password is asked again, and the
/// audit log tells of it.
#[utoipa::path(post, path = "/vaults/{id}/kit", tag = "vaults", params(("id" = uuid::Uuid, Path)),
    request_body = KitRequest, responses((status = 200, body = RecoveryKit)))]
pub(crate) async fn kit(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<KitRequest>,
) -> ApiResult<Json<RecoveryKit>> {
    let vault = find(&app, &caller, id).await?;
    confirm_password(&app, &caller, Some(&request.password), "/password").await?;
    let context = vault_context::of_vault(&app, &vault)?;
    let catalog = Catalog::load(app.db.reader(), caller.scope).await?;
    let storage = view::vaults::storage(&catalog, &vault);
    let now = now();
    let txn = app.db.begin().await?;
    db::vaults::kit_shown(&txn, caller.scope, vault.id, now).await?;
    let object = Object::of("vaults", vault.uuid, &vault.name);
    finish(
        &app,
        txn,
        &caller,
        "vaults.kit",
        object,
        [Change::of(
            vault.tenant_id,
            What::Vault { uuid: vault.uuid },
        )],
    )
    .await?;
    Ok(Json(RecoveryKit {
        vault: vault.name.clone(),
        made_at: holdfast_protocol::Time::from_millis(now),
        commands: kit_commands(&storage),
        storage,
        secret_access_key: context.secret_key.filter(|_| request.include_storage_keys),
        repository_password: context.repository_password.ok_or(ErrorCode::Internal)?,
    }))
}

/// Commands that open the repository without this server.
fn kit_commands(storage: &Storage) -> Vec<String> {
    match storage {
        Storage::S3 {
            endpoint,
            region,
            bucket,
            prefix,
            access_key_id,
        } => {
            let url = format!("s3://{bucket}/{prefix}?endpoint={endpoint}&region={region}");
            vec![
                format!(
                    "export AWS_ACCESS_KEY_ID={access_key_id} AWS_SECRET_ACCESS_KEY=<secret key>"
                ),
                format!("holdfast snapshot list --all --repo '{url}'"),
                format!("holdfast snapshot restore <id> <folder> --repo '{url}'"),
            ]
        }
        Storage::Directory { path, .. } => vec![
            format!("holdfast snapshot list --all --repo 'file://{path}'"),
            format!("holdfast snapshot restore <id> <folder> --repo 'file://{path}'"),
        ],
    }
}
