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
    problem::ApiResult,
    schedules,
};

/// Runs of a preview.
const RUNS: usize = 10;

/// Starts of one machine that lie no further apart clash.
const CLASH: SignedDuration = SignedDuration::from_mins(5);

/// The timetables of a machine's other jobs, with their names.
async fn others(
    conn: &impl ConnectionTrait,
    scope: Scope,
    tenant: &TenantRow,
    agent: i64,
    own: Uuid,
) -> ApiResult<Vec<(String, Timetable)>> {
    let jobs = db::jobs::all(conn, scope).await?;
    let mut others = Vec::new();
    for job in jobs {
        if job.agent_id == agent
            && job.uuid != own
            && job.enabled
            && let Some(timetable) = schedules::timetable_of(&job, tenant)?
        {
            others.push((job.name, timetable));
        }
    }
    Ok(others)
}

/// Whether a timetable starts something close to a moment.
fn starts_near(timetable: &Timetable, moment: Timestamp) -> bool {
    let (Ok(from), Ok(to)) = (
        moment.checked_sub(CLASH + timetable.spread),
        moment.checked_add(CLASH),
    ) else {
        return false;
    };
    timetable
        .upcoming(from)
        .take_while(|other| other.due <= to)
        .any(|other| other.start.duration_since(moment).abs() <= CLASH)
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
    let next_runs = timetable.map_or(Vec::new(), |timetable| {
        let next = timetable.upcoming(app.clock.now()).take(RUNS);
        next.map(|occurrence| {
            // Without a job nobody knows its share of the spread.
            let start = job.as_ref().map_or(occurrence.due, |_| occurrence.start);
            let clashing = others.iter().filter(|(_, other)| starts_near(other, start));
            NextRun {
                due_at: Time::from(occurrence.due),
                start_at: Time::from(start),
                moved: timetable.is_moved(occurrence),
                clashes_with: clashing.map(|(name, _)| name.clone()).collect(),
            }
        })
        .collect()
    });
    Ok(Json(SchedulePreview {
        zone: schedules::zone_of(schedule, &tenant).to_owned(),
        next_runs,
    }))
}
