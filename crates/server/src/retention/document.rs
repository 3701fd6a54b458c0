//! What the document of a retention means, and what is wrong with it.

use holdfast_planning::retention::Keep;
use holdfast_protocol::api::retention::{MOST_POINTS, Retention};

use crate::{
    db::JobRow,
    problem::{ApiError, ApiResult},
};

/// Refuses a rule that keeps more than it may.
///
/// # Errors
/// The first field that is out of range, below `/retention`.
pub(crate) fn check(retention: &Retention) -> ApiResult<()> {
    let fields = [
        ("keep_latest", retention.keep_latest),
        ("hourly", retention.hourly),
        ("daily", retention.daily),
        ("weekly", retention.weekly),
        ("monthly", retention.monthly),
        ("annual", retention.annual),
    ];
    match fields.into_iter().find(|(_, count)| *count > MOST_POINTS) {
        Some((field, _)) => Err(ApiError::field(
            format!("/retention/{field}"),
            "out_of_range",
            format!("must be 0 to {MOST_POINTS}"),
        )),
        None => Ok(()),
    }
}

/// The retention of a stored job.
pub(crate) fn of_job(job: &JobRow) -> ApiResult<Retention> {
    Ok(serde_json::from_str(&job.retention)?)
}

/// The rules. All of them are set, so that nothing is taken over from elsewhere.
pub(super) fn keep(retention: &Retention) -> Keep {
    let count = |count: u32| Some(i64::from(count));
    Keep {
        latest: count(retention.keep_latest),
        hourly: count(retention.hourly),
        daily: count(retention.daily),
        weekly: count(retention.weekly),
        monthly: count(retention.monthly),
        annual: count(retention.annual),
    }
}
