//! The audit log.

use axum::extract::State;
use holdfast_protocol::{
    Time,
    api::{audit::AuditEntry, common::Page},
    ids::AuditId,
};

use super::ListParams;
use crate::{
    app::App,
    auth::Caller,
    db,
    extract::{Json, Params, page_request, to_page},
    problem::ApiResult,
};

/// The tenant's audit log, newest first.
#[utoipa::path(get, path = "/audit", tag = "audit",
    params(("limit" = Option<u64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<AuditEntry>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> ApiResult<Json<Page<AuditEntry>>> {
    let page = page_request(params.limit, params.cursor.as_deref())?;
    let slice = db::audit::list(app.db.reader(), caller.scope, page).await?;
    Ok(Json(to_page(slice, |row| AuditEntry {
        id: AuditId(row.uuid),
        time: Time::from_millis(row.time),
        actor: row.actor,
        action: row.action,
        object_type: row.object_type,
        object_id: row.object_uuid,
        object_name: row.object_name,
        address: row.address,
    })))
}
