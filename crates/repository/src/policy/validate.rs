//! What may be stored as a policy (format 2 §7.1).

use super::{Policy, PolicyTarget};
use crate::source::is_valid_policy_path;

/// Why a policy is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// `manual` together with a schedule.
    #[error("manual cannot be combined with any other scheduling setting")]
    ManualWithSchedule,
    /// The number of snapshots at a time is a matter of the whole user.
    #[error("the number of parallel snapshots cannot be set for a path")]
    ParallelSnapshotsOfPath,
    /// A path with a final separator.
    #[error("a policy cannot be stored for the path {0:?}: remove the separator at its end")]
    Path(String),
    /// A value that makes the reference implementation fail.
    #[error("the part size for parallel uploads must not be 0")]
    ZeroPartSize,
}

/// Checks a policy before it is stored for a target.
pub fn validate(target: &PolicyTarget, policy: &Policy) -> Result<(), InvalidPolicy> {
    let schedule = &policy.scheduling;
    let scheduled = schedule.interval_seconds != 0
        || !schedule.time_of_day.is_empty()
        || schedule.no_parent_time_of_day
        || !schedule.cron.is_empty()
        || schedule.run_missed.is_some();
    if schedule.manual && scheduled {
        return Err(InvalidPolicy::ManualWithSchedule);
    }
    if !target.path.is_empty() && policy.upload.max_parallel_snapshots.is_some() {
        return Err(InvalidPolicy::ParallelSnapshotsOfPath);
    }
    if !target.path.is_empty() && !is_valid_policy_path(&target.path) {
        return Err(InvalidPolicy::Path(target.path.clone()));
    }
    if policy.upload.parallel_upload_above_size == Some(0) {
        return Err(InvalidPolicy::ZeroPartSize);
    }
    Ok(())
}
