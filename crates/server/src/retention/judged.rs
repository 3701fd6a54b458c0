//! A job's points and what its retention makes of them: the one function behind preview and deletion.

use std::collections::HashSet;

use holdfast_planning::retention::{JobPoint, JobVerdict, impossible_times, judge};
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
    /// Its stamp cannot be: it decides nothing and is not judged.
    pub(super) clock_wrong: bool,
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
        } else if self.clock_wrong {
            Some(Spared::ClockWrong)
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
    let endings = db::runs::endings(conn, scope, rows.iter().filter_map(|row| row.run_id)).await?;
    let ending = |row: &PointRow| {
        row.run_id
            .and_then(|run| endings.get(&run))
            .map(String::as_str)
    };
    let points: Vec<JobPoint> = rows.iter().map(|row| job_point(row, ending(row))).collect();
    let wrong = wrong_clocks(&rows, nanos(crate::app::now()));
    let believed: Vec<JobPoint> = points
        .iter()
        .zip(&wrong)
        .filter_map(|(point, wrong)| (!wrong).then_some(*point))
        .collect();
    let mut verdicts = judge(&believed, &keep(retention), &zone).into_iter();
    let judged = rows.into_iter().zip(points).zip(wrong);
    Ok(judged
        .map(|((row, point), clock_wrong)| Judged {
            restoring: restored.contains(&row.id),
            row,
            point,
            verdict: match clock_wrong {
                true => JobVerdict::default(),
                false => verdicts.next().unwrap_or_default(),
            },
            clock_wrong,
        })
        .collect())
}

/// Which points have a stamp that cannot be. Runs are numbered in the order in which they were made, and those of one job that
/// the server started follow each other; what agents started by themselves comes whenever it is told.
fn wrong_clocks(rows: &[PointRow], now: i64) -> Vec<bool> {
    let stamp = |row: &PointRow| nanos(row.stamped_at.unwrap_or(row.created_at));
    let mut in_order: Vec<usize> = (0..rows.len()).filter(|&at| rows[at].by_server).collect();
    in_order.sort_by_key(|&at| rows[at].run_id);
    let stamps: Vec<i64> = in_order.iter().map(|&at| stamp(&rows[at])).collect();
    let mut wrong = vec![false; rows.len()];
    for (&at, impossible) in in_order.iter().zip(impossible_times(&stamps, now)) {
        wrong[at] = impossible;
    }
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| !row.by_server) {
        wrong[at] = impossible_times(&[stamp(row)], now) == [true];
    }
    wrong
}

/// A tenant's zone; one that is not known reads as UTC.
pub(super) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// A point as retention sees it. What a run left that was cancelled, failed or is still at work may lack whole paths: it takes
/// no other point's place.
fn job_point(row: &PointRow, ending: Option<&str>) -> JobPoint {
    JobPoint {
        stamp: nanos(row.stamped_at.unwrap_or(row.created_at)),
        sequence: row.id,
        whole: row.problem_count == 0 && ending == Some("success"),
        pinned: row.pinned,
        by_server: row.by_server && matches!(ending, Some("success" | "partial_success")),
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
