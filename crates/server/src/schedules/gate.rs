//! Whether a run that waits may begin now.

use jiff::Timestamp;
use sea_orm::ConnectionTrait;

use super::document::timetable_of;
use crate::{
    app::App,
    db::{self, JobRow, RunRow, Scope, TenantRow},
    problem::ApiResult,
};

/// Whether a queued run may be handed out: what a schedule started does not begin inside its forbidden windows, nor after
/// the time at which it would have to stop, nor when its job does not start by itself any more. What somebody started by
/// hand begins at any time.
pub(crate) async fn may_begin(
    app: &App,
    conn: &impl ConnectionTrait,
    run: &RunRow,
) -> ApiResult<bool> {
    let now = app.clock.now().as_millisecond();
    if run.stop_at.is_some_and(|stop| stop <= now) {
        return Ok(false);
    }
    let scope = Scope::tenant(run.tenant_id);
    let job = match run.job_id {
        Some(job) => db::jobs::by_id(conn, scope, job).await?,
        None => None,
    };
    let Some(job) = job else {
        return Ok(true);
    };
    let tenant = db::tenants::get(conn, scope).await?;
    if run.trigger_kind == "schedule" && (!job.enabled || timetable_of(&job, &tenant)?.is_none()) {
        return Ok(false);
    }
    Ok(held_until(app, run, &job, &tenant)?.is_none())
}

/// Until when a run is held back by a forbidden window of its job's schedule; `None` when it is not.
pub(crate) fn held_until(
    app: &App,
    run: &RunRow,
    job: &JobRow,
    tenant: &TenantRow,
) -> ApiResult<Option<Timestamp>> {
    if run.trigger_kind != "schedule" {
        return Ok(None);
    }
    let now = app.clock.now();
    Ok(timetable_of(job, tenant)?.and_then(|timetable| {
        let from = timetable.not_between.allowed_from(now, &timetable.zone);
        (from > now).then_some(from)
    }))
}
