//! Alerts.

use axum::extract::State;
use holdfast_protocol::{
    api::{
        alerts::{Alert, Severity},
        common::Page,
    },
    errors::ErrorCode,
};
use serde::Deserialize;

use super::change::finish;
use crate::{
    app::App,
    auth::Caller,
    db::{self, AlertRow, alerts::AlertFilter, audit::Object},
    extract::{Id, Json, Params, page_request, to_page, words},
    live::{Change, What},
    problem::{ApiError, ApiResult},
    view::alerts::alert,
};

/// Parameters of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertParams {
    limit: Option<u64>,
    cursor: Option<String>,
    state: Option<String>,
    severity: Option<String>,
    kind: Option<String>,
}

async fn find(app: &App, caller: &Caller, id: uuid::Uuid) -> ApiResult<AlertRow> {
    Ok(db::alerts::find(app.db.reader(), caller.scope, id)
        .await?
        .ok_or(ErrorCode::NotFound)?)
}

/// The tenant's alerts, newest first.
#[utoipa::path(get, path = "/alerts", tag = "alerts",
    params(("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query),
        ("state" = Option<String>, Query, description = "open or closed; absent: both."),
        ("severity" = Option<String>, Query, description = "By commas: bad, warning, info."),
        ("kind" = Option<String>, Query, description = "By commas.")),
    responses((status = 200, body = Page<Alert>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<AlertParams>,
) -> ApiResult<Json<Page<Alert>>> {
    let page = page_request(params.limit, params.cursor.as_deref())?;
    let open = match params.state.as_deref() {
        None | Some("") => None,
        Some("open") => Some(true),
        Some("closed") => Some(false),
        Some(_) => {
            return Err(ApiError::field(
                "?state",
                "invalid",
                "must be open or closed",
            ));
        }
    };
    let severities = words(params.severity.as_deref());
    if severities
        .iter()
        .any(|word| Severity::parse(word).is_none())
    {
        let detail = "must be some of bad, warning, info";
        return Err(ApiError::field("?severity", "invalid", detail));
    }
    let filter = AlertFilter {
        open,
        severities,
        kinds: words(params.kind.as_deref()),
    };
    let slice = db::alerts::list(app.db.reader(), caller.scope, &filter, page).await?;
    Ok(Json(to_page(slice, |row| alert(&caller, row))))
}

/// One alert.
#[utoipa::path(get, path = "/alerts/{id}", tag = "alerts", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Alert)))]
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<Alert>> {
    Ok(Json(alert(&caller, find(&app, &caller, id).await?)))
}

/// Takes note of an open alert: it stays open until its cause is gone, and is not counted any more.
#[utoipa::path(post, path = "/alerts/{id}/acknowledge", tag = "alerts", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Alert)))]
pub(crate) async fn acknowledge(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<Json<Alert>> {
    let row = find(&app, &caller, id).await?;
    let txn = app.db.begin().await?;
    let now = app.clock.now().as_millisecond();
    let by = &caller.user.email;
    if db::alerts::acknowledge(&txn, caller.scope, row.id, by, now).await? {
        let object = Object::of("alerts", row.uuid, &row.object_name);
        let change = Change::of(row.tenant_id, What::Alerts);
        finish(&app, txn, &caller, "alerts.acknowledge", object, [change]).await?;
    }
    Ok(Json(alert(&caller, find(&app, &caller, id).await?)))
}
