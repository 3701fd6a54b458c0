//! Schedules: when a job starts by itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Time,
    ids::{AgentId, JobId},
};

/// How often a job starts by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleType {
    /// Never; somebody starts it.
    #[default]
    Manual,
    /// Each hour, at `minute`.
    Hourly,
    /// Each day, at `time`.
    Daily,
    /// On `weekdays`, at `time`.
    Weekly,
    /// On `day` of each month, at `time`.
    Monthly,
    /// By the expression `cron`.
    Cron,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are the days")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A day of a month: 1 to 31, where a shorter month takes its last day, or `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum MonthDay {
    /// 1 to 31.
    Number(u8),
    /// The last day.
    Last(LastDay),
}

/// The last day of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LastDay {
    /// Whichever that is.
    Last,
}

/// A stretch of each day, over midnight when `to` is before `from`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DayWindow {
    /// Its beginning, `08:00`.
    pub from: String,
    /// Its end, `18:00`.
    pub to: String,
}

/// When a job starts. Times of day are those of `zone`. One that a change of the clock skips is due right after it, one
/// that occurs twice is due once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: ScheduleType,
    /// `hourly`: the minute, 0 to 59; default 0.
    #[serde(default)]
    pub minute: Option<u8>,
    /// `daily`, `weekly`, `monthly`: the time of day, `22:00`.
    #[serde(default)]
    pub time: Option<String>,
    /// `weekly`: the days, at least one.
    #[serde(default)]
    pub weekdays: Vec<Weekday>,
    /// `monthly`: the day.
    #[serde(default)]
    pub day: Option<MonthDay>,
    /// `cron`: minute, hour, day of month, month and day of week.
    #[serde(default)]
    pub cron: Option<String>,
    /// IANA time zone; absent: the tenant's.
    #[serde(default)]
    pub zone: Option<String>,
    /// Starts are spread over so many minutes, 0 to 720; a job has always the same share. Absent: not spread.
    #[serde(default)]
    pub spread_minutes: Option<u32>,
    /// When nothing starts, at most 10 windows; what is due inside one starts at its end.
    #[serde(default)]
    pub not_between: Vec<DayWindow>,
    /// Time of day at which a run that the schedule started is stopped; the next one goes on from what was uploaded.
    #[serde(default)]
    pub stop_at: Option<String>,
    /// The newest of the runs that were missed is made up for; default true.
    #[serde(default = "yes")]
    pub catch_up: bool,
}

fn yes() -> bool {
    true
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            kind: ScheduleType::Manual,
            minute: None,
            time: None,
            weekdays: Vec::new(),
            day: None,
            cron: None,
            zone: None,
            spread_minutes: None,
            not_between: Vec::new(),
            stop_at: None,
            catch_up: true,
        }
    }
}

/// Asks what a schedule means.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SchedulePreviewRequest {
    /// The schedule.
    pub schedule: Schedule,
    /// The job that has it, for its share of the spread.
    #[serde(default)]
    pub job_id: Option<JobId>,
    /// The machine of a job that is to be made, for clashes with its other jobs.
    #[serde(default)]
    pub agent_id: Option<AgentId>,
}

/// What a schedule means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchedulePreview {
    /// Whose wall clock counts.
    pub zone: String,
    /// The next ten runs; fewer when there are no more.
    pub next_runs: Vec<NextRun>,
}

/// A run that is to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextRun {
    /// When it is due.
    pub due_at: Time,
    /// When it starts: later by the job's share of the spread.
    pub start_at: Time,
    /// It would be due inside a forbidden window and was moved to its end.
    pub moved: bool,
    /// Names of the same machine's other jobs that start within five minutes of it; a machine works on one at a time.
    pub clashes_with: Vec<String>,
}
