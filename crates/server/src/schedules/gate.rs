//! Whether a run that waits may begin now.

use sea_orm::ConnectionTrait;

use super::document::timetable_of;
use crate::{
    app::App,
    db::{self, RunRow, Scope},
    problem::ApiResult,
};

/// Whether a queued run may be handed out: what a schedule started does not begin inside its forbidden windows, nor after
/// the time at which it would have to stop. What somebody started by hand begins at any time.
pub(crate) async fn may_begin(
    app: &App,
    conn: &impl ConnectionTrait,
    run: &RunRow,
) -> ApiResult<bool> {
    let now = app.clock.now();
    let Some(job) = run.job_id.filter(|_| run.trigger_kind == "schedule") else {
        return Ok(true);
    };
    if run.stop_at.is_some_and(|stop| stop <= now.as_millisecond()) {
        return Ok(false);
    }
    let scope = Scope::tenant(run.tenant_id);
    let Some(job) = db::jobs::by_id(conn, scope, job).await? else {
        return Ok(true);
    };
    let tenant = db::tenants::get(conn, scope).await?;
    let timetable = timetable_of(&job, &tenant)?;
    Ok(timetable
        .is_none_or(|timetable| timetable.not_between.allowed_from(now, &timetable.zone) == now))
}
