//! Channels of notifications.

use axum::{extract::State, http::StatusCode};
use holdfast_protocol::{
    Secret, Time,
    api::{
        common::Page,
        notifications::{
            ChannelCreate, ChannelCreated, ChannelPatch, ChannelTarget, Delivery, MailEncryption,
            MessageLanguage, NotificationChannel, NotificationRules, NotificationTest,
        },
    },
    errors::ErrorCode,
};
use uuid::Uuid;

use super::{
    ListParams,
    change::{finish, free, version_changed},
    input,
};
use crate::{
    app::{App, now},
    auth::{Caller, tokens},
    db::{
        self, ChannelRow, Txn,
        audit::Object,
        notification_channels::{ChannelChange, Fared, NewChannel},
    },
    extract::{Body, Id, IfMatch, Json, Params, page_of, page_request},
    live::{Change, What},
    notify::{Addressee, Envelope, Message, deliver, language, secret_place},
    problem::{ApiError, ApiResult},
    view::notifications::{channel, language_word, parse_language},
};

/// Most channels of a tenant.
const MOST_CHANNELS: u64 = 50;
const MOST_RECIPIENTS: usize = 20;
const MOST_JOBS: usize = 1000;
const LONGEST_TEXT: usize = 500;

/// Characters of a signing secret that the server chooses.
const SECRET_LENGTH: usize = 40;

async fn find(app: &App, caller: &Caller, id: Uuid) -> ApiResult<ChannelRow> {
    Ok(
        db::notification_channels::find(app.db.reader(), caller.scope, id)
            .await?
            .ok_or(ErrorCode::NotFound)?,
    )
}

async fn shown(app: &App, caller: &Caller, id: Uuid) -> ApiResult<NotificationChannel> {
    let row = find(app, caller, id).await?;
    let waiting = db::outbox::waiting(app.db.reader(), row.id).await?;
    channel(caller, &row, waiting)
}

async fn name_is_free(txn: &Txn, caller: &Caller, name: &str, own: Option<i64>) -> ApiResult<()> {
    let other = db::notification_channels::by_name(txn, caller.scope, name).await?;
    let detail = format!("There is a channel \"{name}\" already.");
    free(other, |row| Some(row.id) == own, "/name", detail)
}

/// Checks a target; answers it as it is stored.
fn check_target(target: &ChannelTarget) -> ApiResult<(&'static str, ChannelTarget)> {
    let wrong = |pointer: &str, code: &str, detail: &str| {
        Err(ApiError::field(format!("/target/{pointer}"), code, detail))
    };
    match target {
        ChannelTarget::Email {
            host,
            port,
            encryption,
            user,
            from,
            to,
        } => {
            let host = host.trim();
            let is_host = !host.is_empty()
                && host.len() <= 253
                && host
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || ".-:[]_".contains(letter));
            if !is_host {
                return wrong("host", "invalid", "is not the name of a host");
            }
            if *port == 0 {
                return wrong("port", "out_of_range", "must be 1 to 65535");
            }
            if user.len() > LONGEST_TEXT || user.chars().any(char::is_control) {
                return wrong("user", "invalid", "is not a name to sign in with");
            }
            if !user.is_empty() && *encryption == MailEncryption::None {
                let detail = "needs an encrypted connection";
                return wrong("user", "invalid", detail);
            }
            if to.is_empty() || to.len() > MOST_RECIPIENTS {
                let detail = format!("must name 1 to {MOST_RECIPIENTS} recipients");
                return wrong("to", "out_of_range", &detail);
            }
            let recipients = to
                .iter()
                .enumerate()
                .map(|(index, text)| mail_address(text, &format!("/target/to/{index}")));
            let target = ChannelTarget::Email {
                host: host.to_owned(),
                port: *port,
                encryption: *encryption,
                user: user.clone(),
                from: mail_address(from, "/target/from")?,
                to: recipients.collect::<ApiResult<_>>()?,
            };
            Ok(("email", target))
        }
        ChannelTarget::Webhook { url } => {
            let parsed = url.trim().parse::<reqwest::Url>();
            let Ok(parsed) = parsed else {
                return wrong("url", "invalid", "is not an address");
            };
            if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
                let detail = "must begin with http:// or https:// and name a host";
                return wrong("url", "invalid", detail);
            }
            if !parsed.username().is_empty() || parsed.password().is_some() {
                let detail = "must not hold a name or password; requests are signed";
                return wrong("url", "invalid", detail);
            }
            if parsed.as_str().len() > 2000 {
                return wrong("url", "too_long", "must have at most 2000 characters");
            }
            let url = parsed.to_string();
            Ok(("webhook", ChannelTarget::Webhook { url }))
        }
    }
}

/// An address that a mail can be sent to.
fn mail_address(text: &str, pointer: &str) -> ApiResult<String> {
    let address = input::email(text, pointer)?;
    match address.parse::<lettre::Address>() {
        Ok(_) => Ok(address),
        Err(_) => Err(ApiError::field(
            pointer,
            "invalid",
            "is not an e-mail address",
        )),
    }
}

/// Whether a stored secret may be used for another target: it is not sent to a server that it was not given for.
fn is_same_server(stored: &ChannelTarget, new: &ChannelTarget) -> bool {
    match (stored, new) {
        (
            ChannelTarget::Email {
                host,
                port,
                encryption,
                user,
                ..
            },
            ChannelTarget::Email {
                host: new_host,
                port: new_port,
                encryption: new_encryption,
                user: new_user,
                ..
            },
        ) => (host, port, encryption, user) == (new_host, new_port, new_encryption, new_user),
        // Nothing but a signature is sent.
        (ChannelTarget::Webhook { .. }, ChannelTarget::Webhook { .. }) => true,
        _ => false,
    }
}

fn needs_secret(target: &ChannelTarget) -> bool {
    match target {
        ChannelTarget::Email { user, .. } => !user.is_empty(),
        ChannelTarget::Webhook { .. } => true,
    }
}

fn check_secret(secret: Option<&Secret>) -> ApiResult<Option<&Secret>> {
    match secret {
        Some(secret) if secret.is_empty() => Ok(None),
        Some(secret) if secret.expose().len() > LONGEST_TEXT => {
            let detail = format!("must have at most {LONGEST_TEXT} bytes");
            Err(ApiError::field("/secret", "too_long", detail))
        }
        other => Ok(other),
    }
}

fn missing_secret() -> ApiError {
    ApiError::field("/secret", "missing", "must be given for this server")
}

async fn check_rules(txn: &Txn, caller: &Caller, rules: &NotificationRules) -> ApiResult<String> {
    if rules.job_ids.len() > MOST_JOBS {
        let detail = format!("must be at most {MOST_JOBS} jobs");
        return Err(ApiError::field("/rules/job_ids", "out_of_range", detail));
    }
    for (index, id) in rules.job_ids.iter().enumerate() {
        if db::jobs::find(txn, caller.scope, id.0).await?.is_none() {
            let pointer = format!("/rules/job_ids/{index}");
            return Err(ApiError::unknown(&pointer, "there is no such job"));
        }
    }
    let mut rules = rules.clone();
    rules.runs.sort();
    rules.runs.dedup();
    Ok(serde_json::to_string(&rules)?)
}

/// The tenant's channels.
#[utoipa::path(get, path = "/notification-channels", tag = "notifications",
    params(("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<NotificationChannel>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> ApiResult<Json<Page<NotificationChannel>>> {
    let page = page_request(params.limit, params.cursor.as_deref())?;
    let slice = db::notification_channels::list(app.db.reader(), caller.scope, page).await?;
    let mut items = Vec::with_capacity(slice.rows.len());
    for row in &slice.rows {
        let waiting = db::outbox::waiting(app.db.reader(), row.id).await?;
        items.push(channel(&caller, row, waiting)?);
    }
    Ok(Json(page_of(slice, items)))
}

/// One channel.
#[utoipa::path(get, path = "/notification-channels/{id}", tag = "notifications", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = NotificationChannel)))]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<NotificationChannel>> {
    Ok(Json(shown(&app, &caller, id).await?))
}

/// Makes a channel.
#[utoipa::path(post, path = "/notification-channels", tag = "notifications", request_body = ChannelCreate,
    responses((status = 201, body = ChannelCreated)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<ChannelCreate>,
) -> ApiResult<(StatusCode, Json<ChannelCreated>)> {
    let name = input::name(&request.name, "/name")?;
    let (kind, target) = check_target(&request.target)?;
    let given = check_secret(request.secret.as_ref())?;
    let chosen =
        (given.is_none() && kind == "webhook").then(|| tokens::new_password(SECRET_LENGTH));
    let secret = given.or(chosen.as_ref());
    if needs_secret(&target) && secret.is_none() {
        return Err(missing_secret());
    }
    let uuid = Uuid::now_v7();
    let txn = app.db.begin().await?;
    name_is_free(&txn, &caller, &name, None).await?;
    if db::notification_channels::count(&txn, caller.scope).await? >= MOST_CHANNELS {
        let detail = format!("There are {MOST_CHANNELS} channels already. Delete one first.");
        return Err(ApiError::from(ErrorCode::Conflict).detail(detail));
    }
    let new = NewChannel {
        uuid,
        name: name.clone(),
        kind,
        enabled: request.enabled.unwrap_or(true),
        language: language_word(request.language.unwrap_or_default()),
        target: serde_json::to_string(&target)?,
        sealed_secret: secret.map(|secret| seal(&app, uuid, secret)),
        rules: check_rules(&txn, &caller, &request.rules).await?,
    };
    let row = db::notification_channels::insert(&txn, caller.scope, new, now()).await?;
    let object = Object::of("notification_channels", uuid, &name);
    let change = Change::of(row.tenant_id, What::Channel { uuid });
    finish(
        &app,
        txn,
        &caller,
        "notification_channels.create",
        object,
        [change],
    )
    .await?;
    let created = ChannelCreated {
        channel: shown(&app, &caller, uuid).await?,
        signing_secret: chosen,
    };
    Ok((StatusCode::CREATED, Json(created)))
}

fn seal(app: &App, channel: Uuid, secret: &Secret) -> Vec<u8> {
    app.sealer
        .seal(secret_place(channel), secret.expose().as_bytes())
}

/// Changes a channel. What waits is tried at once.
#[utoipa::path(patch, path = "/notification-channels/{id}", tag = "notifications", params(("id" = uuid::Uuid, Path)),
    request_body = ChannelPatch, responses((status = 200, body = NotificationChannel)))]
pub(crate) async fn update(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    IfMatch(version): IfMatch,
    Body(patch): Body<ChannelPatch>,
) -> ApiResult<Json<NotificationChannel>> {
    let row = find(&app, &caller, id).await?;
    let secret = check_secret(patch.secret.as_ref())?;
    let mut change = ChannelChange {
        enabled: patch.enabled,
        language: patch.language.map(language_word),
        sealed_secret: secret.map(|secret| Some(seal(&app, row.uuid, secret))),
        ..ChannelChange::default()
    };
    if let Some(name) = &patch.name {
        change.name = Some(input::name(name, "/name")?);
    }
    if let Some(target) = &patch.target {
        let (kind, target) = check_target(target)?;
        let stored: ChannelTarget = serde_json::from_str(&row.target)?;
        if secret.is_none() {
            if !needs_secret(&target) {
                change.sealed_secret = Some(None);
            } else if row.sealed_secret.is_none() || !is_same_server(&stored, &target) {
                return Err(missing_secret());
            }
        }
        change.target = Some((kind, serde_json::to_string(&target)?));
    }
    let txn = app.db.begin().await?;
    if let Some(name) = &change.name {
        name_is_free(&txn, &caller, name, Some(row.id)).await?;
    }
    if let Some(rules) = &patch.rules {
        change.rules = Some(check_rules(&txn, &caller, rules).await?);
    }
    if !db::notification_channels::update(&txn, caller.scope, row.id, version, change).await? {
        return Err(version_changed(&shown(&app, &caller, id).await?));
    }
    let object = Object::of("notification_channels", row.uuid, &row.name);
    let change = Change::of(row.tenant_id, What::Channel { uuid: row.uuid });
    finish(
        &app,
        txn,
        &caller,
        "notification_channels.update",
        object,
        [change],
    )
    .await?;
    Ok(Json(shown(&app, &caller, id).await?))
}

/// Deletes a channel; what waits for it is not sent.
#[utoipa::path(delete, path = "/notification-channels/{id}", tag = "notifications", params(("id" = uuid::Uuid, Path)),
    responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    IfMatch(version): IfMatch,
) -> ApiResult<StatusCode> {
    let row = find(&app, &caller, id).await?;
    let txn = app.db.begin().await?;
    if !db::notification_channels::delete(&txn, caller.scope, row.id, version).await? {
        return Err(version_changed(&shown(&app, &caller, id).await?));
    }
    let object = Object::of("notification_channels", row.uuid, &row.name);
    let change = Change::of(row.tenant_id, What::Channel { uuid: row.uuid });
    finish(
        &app,
        txn,
        &caller,
        "notification_channels.delete",
        object,
        [change],
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a test message by a channel, and tells how it fared.
#[utoipa::path(post, path = "/notification-channels/{id}/test", tag = "notifications", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Delivery)))]
pub(crate) async fn test(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<Delivery>> {
    let row = find(&app, &caller, id).await?;
    let target = serde_json::from_str(&row.target)?;
    let to = Addressee::new(&app, target, stored_secret(&app, &row)?);
    let delivery = try_out(&app, &caller, &to, &row.name, parse_language(&row.language)).await?;
    let at = delivery.at.as_millis();
    let fared = match &delivery.error {
        None => Fared::Ok {
            at,
            is_whole: !db::outbox::any_tried(app.db.reader(), row.id, 0).await?,
        },
        Some(error) => Fared::Failed {
            at,
            error: error.clone(),
            counts: false,
            pause: None,
        },
    };
    db::notification_channels::fared(app.db.writer(), &row, fared).await?;
    app.tell(row.tenant_id, What::Channel { uuid: row.uuid });
    Ok(Json(delivery))
}

fn stored_secret(app: &App, row: &ChannelRow) -> ApiResult<Option<Secret>> {
    let Some(sealed) = &row.sealed_secret else {
        return Ok(None);
    };
    let text = app.sealer.open_text(secret_place(row.uuid), sealed)?;
    Ok(Some(Secret::new(text)))
}

/// Sends a test message to where a channel that is not saved yet would send, and tells how it fared.
#[utoipa::path(post, path = "/notification-tests", tag = "notifications", request_body = NotificationTest,
    responses((status = 200, body = Delivery)))]
pub(crate) async fn test_unsaved(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<NotificationTest>,
) -> ApiResult<Json<Delivery>> {
    let (_, target) = check_target(&request.target)?;
    let mut secret = check_secret(request.secret.as_ref())?.cloned();
    let mut name = String::new();
    if let Some(id) = request.channel_id {
        let row = db::notification_channels::find(app.db.reader(), caller.scope, id.0).await?;
        let row =
            row.ok_or_else(|| ApiError::unknown("/channel_id", "there is no such channel"))?;
        let stored: ChannelTarget = serde_json::from_str(&row.target)?;
        if secret.is_none() && is_same_server(&stored, &target) {
            secret = stored_secret(&app, &row)?;
        }
        name.clone_from(&row.name);
    }
    if secret.is_none() && matches!(target, ChannelTarget::Email { .. }) && needs_secret(&target) {
        return Err(missing_secret());
    }
    let to = Addressee::new(&app, target, secret);
    let language = request.language.unwrap_or_default();
    Ok(Json(try_out(&app, &caller, &to, &name, language).await?))
}

async fn try_out(
    app: &App,
    caller: &Caller,
    to: &Addressee,
    name: &str,
    in_language: MessageLanguage,
) -> ApiResult<Delivery> {
    let tenant = db::tenants::get(app.db.reader(), caller.scope).await?;
    let public_url = app.settings().public_url();
    let at = Time::from_millis(app.clock.now().as_millisecond());
    let envelope = Envelope {
        id: Uuid::now_v7(),
        created_at: at,
        tenant: &tenant.name,
        public_url: &public_url,
        language: language(in_language),
    };
    let message = Message::Test {
        channel: name.to_owned(),
    };
    let result = deliver(to, &message, &envelope).await;
    Ok(Delivery {
        ok: result.is_ok(),
        at,
        error: result.err().map(|error| error.text().to_owned()),
    })
}
