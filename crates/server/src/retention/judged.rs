//! A job's points and what its retention makes of them: the one function behind preview and deletion.

use std::collections::HashSet;

use holdfast_planning::retention::{JobPoint, JobVerdict, judge};
use holdfast_protocol::api::retention::{Retention, Spared};
use jiff::tz::TimeZone;
use sea_orm::ConnectionTrait;

use super::document::keep;
use crate::{
    db::{self, JobRow, PointRow, Scope},
    problem::ApiResult,
};

const NANOS_OF_MILLI: i64 = 1_000_000;

/// A point and what becomes of it.
pub(super) struct Judged {
    pub(super) row: PointRow,
    pub(super) point: JobPoint,
    pub(super) verdict: JobVerdict,
    /// Something is being restored from it.
    pub(super) restoring: bool,
}

impl Judged {
    /// Whether it is deleted when the retention is applied.
    pub(super) fn is_deleted(&self) -> bool {
        self.verdict.delete && !self.restoring
    }

    /// Why it stays although no rule keeps it.
    pub(super) fn spared(&self) -> Option<Spared> {
        if !self.verdict.reasons.is_empty() {
            None
        } else if self.row.pinned {
            Some(Spared::Pinned)
        } else if self.verdict.newest_whole {
            Some(Spared::NewestComplete)
        } else {
            self.restoring.then_some(Spared::Restoring)
        }
    }
}

/// The points of a job that its retention judges, with what `retention` makes of them; the first entered first.
pub(super) async fn load(
    conn: &impl ConnectionTrait,
    job: &JobRow,
    retention: &Retention,
) -> ApiResult<Vec<Judged>> {
    let scope = Scope::tenant(job.tenant_id);
    let zone = zone(&db::tenants::get(conn, scope).await?.zone);
    let rows = db::points::judged_of_job(conn, scope, job.id).await?;
    let active = db::runs::active(conn, scope).await?;
    let restored: HashSet<i64> = active
        .iter()
        .filter_map(|run| run.source_point_id)
        .collect();
    let points: Vec<JobPoint> = rows.iter().map(job_point).collect();
    let verdicts = judge(&points, &keep(retention), &zone);
    let judged = rows.into_iter().zip(points).zip(verdicts);
    Ok(judged
        .map(|((row, point), verdict)| Judged {
            restoring: restored.contains(&row.id),
            row,
            point,
            verdict,
        })
        .collect())
}

/// A tenant's zone; one that is not known reads as UTC.
pub(super) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

fn job_point(row: &PointRow) -> JobPoint {
    JobPoint {
        stamp: nanos(row.stamped_at.unwrap_or(row.created_at)),
        sequence: row.id,
        whole: row.problem_count == 0,
        pinned: row.pinned,
        by_server: row.by_server,
    }
}

/// Nanoseconds of milliseconds since 1970.
pub(super) fn nanos(millis: i64) -> i64 {
    millis.saturating_mul(NANOS_OF_MILLI)
}

/// Milliseconds of nanoseconds since 1970.
pub(super) fn millis(nanos: i64) -> i64 {
    nanos.div_euclid(NANOS_OF_MILLI)
}
