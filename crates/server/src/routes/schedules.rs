//! What a schedule means, before it is saved.

use axum::extract::State;
use holdfast_planning::occurrences::Timetable;
use holdfast_protocol::{
    Time,
    api::schedules::{NextRun, SchedulePreview, SchedulePreviewRequest},
    errors::ErrorCode,
};
use jiff::{SignedDuration, Timestamp};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{
    app::App,
    auth::Caller,
    db::{self, Scope, TenantRow},
    extract::{Body, Json},
    problem::{ApiError, ApiResult},
    schedules,
};

/// Runs of a preview.
const RUNS: usize = 10;

/// Starts of one machine that lie no further apart clash.
const CLASH: SignedDuration = SignedDuration::from_mins(5);

/// Other jobs of a machine that are looked at for clashes.
const MOST_OTHERS: usize = 200;

/// The timetables of a machine's other jobs, with their names. One that cannot be read is left out.
async fn others(
    conn: &impl ConnectionTrait,
    scope: Scope,
    tenant: &TenantRow,
    agent: i64,
    own: Uuid,
) -> ApiResult<Vec<(String, Timetable)>> {
    let jobs = db::jobs::enabled_of_agent(conn, scope, agent, MOST_OTHERS as u64 + 1).await?;
    let mut others = Vec::new();
    for job in jobs.into_iter().filter(|job| job.uuid != own) {
        match schedules::timetable_of(&job, tenant) {
            Ok(Some(timetable)) => others.push((job.name, timetable)),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(job = %job.uuid, code = error.code().code(), "the schedule of a job cannot be read: {}", error.cause());
            }
        }
    }
    others.truncate(MOST_OTHERS);
    Ok(others)
}

/// Whether a timetable starts something close to a moment.
fn starts_near(timetable: &Timetable, moment: Timestamp) -> bool {
    match (moment.checked_sub(CLASH), moment.checked_add(CLASH)) {
        (Ok(from), Ok(to)) => timetable.starts_between(from, to),
        _ => false,
    }
}

/// The next runs of a timetable, and what they clash with. `knows_share` is false where nobody knows the job's share of the
/// spread yet.
fn next_runs(
    timetable: &Timetable,
    now: Timestamp,
    knows_share: bool,
    others: &[(String, Timetable)],
) -> Vec<NextRun> {
    let next = timetable.upcoming(now).take(RUNS);
    next.map(|occurrence| {
        let start = if knows_share {
            occurrence.start
        } else {
            occurrence.due
        };
        let clashing = others.iter().filter(|(_, other)| starts_near(other, start));
        NextRun {
            due_at: Time::from(occurrence.due),
            start_at: Time::from(start),
            moved: timetable.is_moved(occurrence),
            clashes_with: clashing.map(|(name, _)| name.clone()).collect(),
        }
    })
    .collect()
}

/// The next runs that a schedule would start.
#[utoipa::path(post, path = "/schedule-previews", tag = "jobs", request_body = SchedulePreviewRequest,
    responses((status = 200, body = SchedulePreview)))]
pub(crate) async fn preview(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<SchedulePreviewRequest>,
) -> ApiResult<Json<SchedulePreview>> {
    let schedule = &request.schedule;
    let conn = app.db.reader();
    let job = match request.job_id {
        Some(id) => Some(
            db::jobs::find(conn, caller.scope, id.0)
                .await?
                .ok_or(ErrorCode::NotFound)?,
        ),
        None => None,
    };
    let agent = match (&job, request.agent_id) {
        (Some(job), _) => Some(job.agent_id),
        (None, Some(id)) => {
            let agent = db::agents::find(conn, caller.scope, id.0).await?;
            Some(agent.ok_or(ErrorCode::NotFound)?.id)
        }
        (None, None) => None,
    };
    let tenant = db::tenants::get(conn, caller.scope).await?;
    let own = job.as_ref().map_or(Uuid::nil(), |job| job.uuid);
    let timetable = schedules::timetable(schedule, &tenant.zone, own)?;
    let others = match agent {
        Some(agent) => others(conn, caller.scope, &tenant, agent, own).await?,
        None => Vec::new(),
    };
    let (now, knows_share) = (app.clock.now(), job.is_some());
    let next_runs = match timetable {
        Some(timetable) => {
            let reckon = move || next_runs(&timetable, now, knows_share, &others);
            let reckoned = tokio::task::spawn_blocking(reckon).await;
            reckoned.map_err(ApiError::internal)?
        }
        None => Vec::new(),
    };
    Ok(Json(SchedulePreview {
        zone: schedules::zone_of(schedule, &tenant).to_owned(),
        next_runs,
    }))
}
