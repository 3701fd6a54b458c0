//! What a retention means, before it is saved.

use axum::extract::State;
use holdfast_protocol::{
    api::retention::{MOST_DAYS, RetentionPreview, RetentionPreviewRequest},
    errors::ErrorCode,
};
use uuid::Uuid;

use crate::{
    app::App,
    auth::Caller,
    db,
    extract::{Body, Json},
    problem::{ApiError, ApiResult},
    retention, schedules,
};

/// Days that a preview looks ahead unless told otherwise.
const DAYS: u32 = 365;

/// What a retention would keep: of a job's points now, and of those that its schedule makes until a later day.
#[utoipa::path(post, path = "/retention-previews", tag = "jobs", request_body = RetentionPreviewRequest,
    responses((status = 200, body = RetentionPreview)))]
pub(crate) async fn preview(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<RetentionPreviewRequest>,
) -> ApiResult<Json<RetentionPreview>> {
    retention::check(&request.retention)?;
    let days = request.days.unwrap_or(DAYS);
    if days > MOST_DAYS {
        let detail = format!("must be 0 to {MOST_DAYS}");
        return Err(ApiError::field("/days", "out_of_range", detail));
    }
    let conn = app.db.reader();
    let job = match request.job_id {
        Some(id) => Some(
            db::jobs::find(conn, caller.scope, id.0)
                .await?
                .ok_or(ErrorCode::NotFound)?,
        ),
        None => None,
    };
    let tenant = db::tenants::get(conn, caller.scope).await?;
    let own = job.as_ref().map_or(Uuid::nil(), |job| job.uuid);
    let timetable = match (&request.schedule, &job) {
        (Some(schedule), _) => schedules::timetable(schedule, &tenant.zone, own)?,
        (None, Some(job)) => schedules::timetable_of(job, &tenant)?,
        (None, None) => None,
    };
    let preview = retention::preview(
        &app,
        job.as_ref(),
        request.retention,
        timetable,
        &tenant.zone,
        days,
    );
    Ok(Json(preview.await?))
}
