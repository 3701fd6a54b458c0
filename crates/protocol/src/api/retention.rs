//! Retention: how long restore points of a job are kept, and what that means.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{problem::Failure, schedules::Schedule};
use crate::{
    Time,
    ids::{JobId, PointId},
};

/// Most points that one rule may keep.
pub const MOST_POINTS: u32 = 1_000;

/// Most days that a preview looks ahead.
pub const MOST_DAYS: u32 = 3_660;

/// How many restore points are kept. A point stays while at least one rule wants it; the newest complete one always does.
/// When every number is 0, everything is kept. Periods are those of UTC, weeks begin on Monday in the tenant's zone; each
/// rule counts back from the newest point, so that a job that does not run any more loses nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// The newest points, 0 to 1,000.
    pub keep_latest: u32,
    /// The newest point of each hour, 0 to 1,000.
    pub hourly: u32,
    /// The newest point of each day, 0 to 1,000.
    pub daily: u32,
    /// The newest point of each week, 0 to 1,000.
    pub weekly: u32,
    /// The newest point of each month, 0 to 1,000.
    pub monthly: u32,
    /// The newest point of each year, 0 to 1,000.
    pub annual: u32,
}

impl Retention {
    /// What a new job has unless told otherwise.
    pub const STANDARD: Self = Self {
        keep_latest: 10,
        hourly: 48,
        daily: 7,
        weekly: 4,
        monthly: 24,
        annual: 3,
    };
}

/// What the last application of a job's retention did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RetentionApplied {
    /// When it ended.
    pub at: Time,
    /// Points that were deleted.
    pub deleted: u64,
    /// Points that no rule keeps and that stay: they are pinned, or are not what the server takes them for.
    pub refused: u64,
    /// Why it could not be applied; it is tried again within an hour.
    pub failure: Option<Failure>,
}

/// Asks what a retention would keep.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionPreviewRequest {
    /// The retention.
    pub retention: Retention,
    /// The job whose points are judged; absent: one that has none yet.
    pub job_id: Option<JobId>,
    /// When runs are expected; absent: the job's own schedule.
    pub schedule: Option<Schedule>,
    /// How many days to look ahead, 0 to 3,660; default 365.
    pub days: Option<u32>,
}

/// What a retention would keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetentionPreview {
    /// The zone whose days are named.
    pub zone: String,
    /// The job's points if the retention was applied now, newest first, at most 1,000.
    pub now: Vec<JudgedPoint>,
    /// How many of all of them would stay.
    pub kept: u64,
    /// How many would be deleted.
    pub deleted: u64,
    /// What would be there later, if each run succeeds; absent when nothing starts by itself.
    pub later: Option<RetentionLater>,
}

/// A restore point of today.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JudgedPoint {
    /// The point.
    pub point_id: PointId,
    /// When its data was read.
    pub time: Time,
    /// The rules that keep it.
    pub rules: Vec<KeptBy>,
    /// Whether it would be deleted.
    pub deleted: bool,
    /// It stays, although no rule keeps it, because of this.
    pub spared: Option<Spared>,
}

/// A rule that keeps a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptBy {
    /// The rule.
    pub rule: RetentionRule,
    /// Its place under that rule, counted from the newest, which is 1.
    pub number: u64,
}

/// The rules, from the one that keeps a point longest.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RetentionRule {
    /// One of the newest of each year.
    Annual,
    /// Of each month.
    Monthly,
    /// Of each week.
    Weekly,
    /// Of each day.
    Daily,
    /// Of each hour.
    Hourly,
    /// One of the newest.
    Latest,
}

/// Why a point stays that no rule keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spared {
    /// It is pinned.
    Pinned,
    /// It is the newest one in which nothing is missing.
    NewestComplete,
    /// Something is being restored from it.
    Restoring,
    /// The server's clock was wrong when its run began, so that its age is not known.
    ClockWrong,
}

/// What would be there on a later day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetentionLater {
    /// The moment for which it is reckoned: the day that was asked for, or an earlier one where that would take too long.
    pub at: Time,
    /// The day of that moment, `2027-11-22`.
    pub date: String,
    /// Points that would be there.
    pub points: u64,
    /// Time of the oldest one.
    pub oldest: Option<Time>,
    /// The days on which they were made, oldest first.
    pub days: Vec<KeptDay>,
}

/// Points of one day that would be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptDay {
    /// The day, `2027-11-22`.
    pub date: String,
    /// How many.
    pub points: u32,
    /// The rule that keeps one of them longest; absent when only a pin does.
    pub rule: Option<RetentionRule>,
}
