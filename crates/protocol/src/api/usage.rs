//! How full a vault is, how it grows, and when it will be full.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Time;

/// How full a vault is. What is not known is absent, never 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VaultFill {
    /// When it was measured last; absent: never. The maintenance of a vault does so once a day, and a test of its connection.
    pub measured_at: Option<Time>,
    /// Bytes of all its objects then.
    pub stored_bytes: Option<u64>,
    /// Bytes that it takes in all; absent: nobody said so.
    pub capacity_bytes: Option<u64>,
    /// Where that is known from.
    pub capacity_from: Option<CapacitySource>,
    /// Days on which it was measured, of the last 90.
    pub history_days: u32,
    /// Days that a forecast needs.
    pub history_days_needed: u32,
    /// How it grows; absent as long as the history is too short.
    pub growth: Option<VaultGrowth>,
}

/// Where a vault's capacity is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CapacitySource {
    /// Somebody set it.
    Quota,
    /// The file system that the directory lies on has so much room left.
    FreeSpace,
}

/// How a vault grows: the middle half of the rates of its last days. Bytes a day; less than zero: it shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VaultGrowth {
    /// A quarter of the rates is below.
    pub low_bytes_per_day: i64,
    /// The middle rate.
    pub bytes_per_day: i64,
    /// A quarter of the rates is above.
    pub high_bytes_per_day: i64,
    /// Days between the first and the last measurement that it was made from.
    pub over_days: u32,
    /// When it is full; absent: its capacity is not known, or it does not grow.
    pub full_in: Option<FullInDays>,
}

/// When a vault is full, in days from now; 3650 stands for that and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FullInDays {
    /// If it grows fast.
    pub soonest: u64,
    /// If it grows as usual; absent: then never.
    pub likely: Option<u64>,
    /// If it grows slowly; absent: then never.
    pub latest: Option<u64>,
}

/// How full a vault was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VaultUsageHistory {
    /// How full it is.
    pub fill: VaultFill,
    /// The days on which it was measured, of the last 90, oldest first.
    pub days: Vec<VaultUsageDay>,
}

/// How full a vault was on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VaultUsageDay {
    /// The day, `2026-11-24`.
    pub date: String,
    /// Bytes of all its objects.
    pub stored_bytes: u64,
}
