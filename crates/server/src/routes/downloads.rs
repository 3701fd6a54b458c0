//! Downloads of files and folders in the browser.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use holdfast_protocol::{
    agent::{
        CommandPayload,
        commands::{ReadFile, TransferForm},
    },
    api::downloads::{Download, DownloadCreate, DownloadState},
    errors::ErrorCode,
    ids::DownloadId,
};
use uuid::Uuid;

use super::{
    change::finish,
    input,
    points::{executor_of, inner_path, readable, snapshot_of},
};
use crate::{
    app::App,
    auth::Caller,
    commands::queue::{self, Order, told},
    db::audit::Object,
    extract::{Body as JsonBody, Id, Json},
    problem::{ApiError, ApiResult},
    transfers::{NewTransfer, Transfer, stream},
    view::catalog::Catalog,
};

/// Asks a machine for a file or a folder. It is fetched, once, from `GET /downloads/{id}/content` as soon as it is ready.
#[utoipa::path(post, path = "/points/{id}/downloads", tag = "downloads", params(("id" = uuid::Uuid, Path)),
    request_body = DownloadCreate,
    responses((status = 201, body = Download), (status = 202, body = Download)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    JsonBody(request): JsonBody<DownloadCreate>,
) -> ApiResult<(StatusCode, Json<Download>)> {
    let wait = input::wait(request.wait_seconds)?;
    let point = readable(&app, &caller, id).await?;
    inner_path(&request.path)?;
    if request.form == TransferForm::File && request.path.is_empty() {
        let detail = "must name a file; a folder comes as tar or zip";
        return Err(ApiError::field("/path", "missing", detail));
    }
    let snapshot = snapshot_of(&app, &point, request.snapshot_id).await?;
    let (agent, vault) = executor_of(&app, &caller, &point).await?;
    let name = file_name(&request.path, &snapshot.path, request.form);
    let uuid = Uuid::new_v4();
    let payload = CommandPayload::ReadFile(ReadFile {
        transfer: uuid,
        manifest_id: snapshot.manifest_id,
        path: request.path,
        form: request.form,
    });
    let txn = app.db.begin().await?;
    let command = queue::insert(&app, &txn, Order::about_vault(payload, &agent, &vault)).await?;
    let transfer = app.transfers.open(NewTransfer {
        uuid,
        scope: caller.scope,
        user_id: caller.user.id,
        agent: &agent,
        command: command.uuid,
        name,
        form: request.form,
    })?;
    // Who downloaded from what is on record; names of files are not.
    let object = Object::of("points", point.uuid, &snapshot.path);
    let changes = [told(&command)];
    if let Err(error) = finish(&app, txn, &caller, "points.download", object, changes).await {
        // The machine will never hear of it.
        app.transfers.command_failed(command.uuid, None);
        return Err(error);
    }
    app.wake.ring(agent.id);
    transfer.prepared(wait).await;
    let shown = view(&app, &caller, &transfer).await?;
    let status = match shown.state {
        DownloadState::Preparing => StatusCode::ACCEPTED,
        _ => StatusCode::CREATED,
    };
    Ok((status, Json(shown)))
}

/// Where a download stands.
#[utoipa::path(get, path = "/downloads/{id}", tag = "downloads", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Download)))]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<Download>> {
    let transfer = find(&app, &caller, id)?;
    Ok(Json(view(&app, &caller, &transfer).await?))
}

/// The bytes, straight from the machine. When they end early, the connection is broken off.
#[utoipa::path(get, path = "/downloads/{id}/content", tag = "downloads", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "The file.", content_type = "application/octet-stream", body = String)))]
pub(crate) async fn content(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Response> {
    let transfer = find(&app, &caller, id)?;
    let (size, pieces) = transfer.take()?;
    let mut headers = HeaderMap::new();
    let fixed = [
        // Whatever it is, it is never shown as a page of this server.
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Proxies must not hold it back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    let disposition = HeaderValue::from_str(&disposition(&transfer.name));
    let disposition = disposition.map_err(|_| ErrorCode::Internal)?;
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    if let Some(size) = size {
        headers.insert(header::CONTENT_LENGTH, size.into());
    }
    Ok((headers, Body::from_stream(stream(pieces))).into_response())
}

fn find(app: &App, caller: &Caller, id: Uuid) -> ApiResult<std::sync::Arc<Transfer>> {
    let transfer = app.transfers.of_user(caller.scope, caller.user.id, id);
    transfer.ok_or_else(|| ErrorCode::NotFound.into())
}

async fn view(app: &App, caller: &Caller, transfer: &Transfer) -> ApiResult<Download> {
    let catalog = Catalog::load(app.db.reader(), caller.scope).await?;
    let agent = catalog
        .agent(transfer.agent_id)
        .ok_or(ErrorCode::NotFound)?;
    let present = transfer.present();
    Ok(Download {
        id: DownloadId(transfer.uuid),
        name: transfer.name.clone(),
        form: transfer.form,
        state: present.state,
        size: present.size,
        agent: catalog.agent_reference(agent),
        failure: present.failure,
    })
}

/// What the browser calls the file.
fn file_name(path: &str, source_path: &str, form: TransferForm) -> String {
    let last = match path.is_empty() {
        false => path.rsplit('/').next(),
        true => source_path
            .rsplit(['/', '\\'])
            .map(|part| part.trim_end_matches(':'))
            .find(|part| !part.is_empty()),
    };
    let last = last.filter(|name| !name.is_empty()).unwrap_or("files");
    match form {
        TransferForm::File => last.to_owned(),
        TransferForm::Tar => format!("{last}.tar"),
        TransferForm::Zip => format!("{last}.zip"),
    }
}

/// The header that names a file: for old browsers in ASCII, and as it is (RFC 6266, RFC 8187).
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|letter| match letter {
            ' '..='~' if !matches!(letter, '"' | '\\' | '%') => letter,
            _ => '_',
        })
        .collect();
    let mut exact = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            exact.push(char::from(byte));
        } else {
            exact.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_what_they_are() {
        for (path, source, form, name) in [
            ("docs/a.txt", "/srv", TransferForm::File, "a.txt"),
            ("docs", "/srv", TransferForm::Zip, "docs.zip"),
            ("", "/srv/data/", TransferForm::Tar, "data.tar"),
            ("", "/", TransferForm::Zip, "files.zip"),
            ("", "C:\\", TransferForm::Zip, "C.zip"),
            ("", "D:\\Office", TransferForm::Zip, "Office.zip"),
        ] {
            assert_eq!(file_name(path, source, form), name);
        }
    }

    #[test]
    fn no_name_can_break_out_of_its_header() {
        assert_eq!(
            disposition("a b.txt"),
            "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt"
        );
        assert_eq!(
            disposition("\u{fc}\"; x=\r\n%"),
            "attachment; filename=\"__; x=___\"; filename*=UTF-8''%C3%BC%22%3B%20x%3D%0D%0A%25"
        );
    }
}
