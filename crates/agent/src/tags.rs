//! Tags of our snapshots, by which a lost server's catalogue is built anew.

/// UUID of the job.
pub const JOB_TAG: &str = "holdfast-job";

/// UUID of the run.
pub const RUN_TAG: &str = "holdfast-run";
