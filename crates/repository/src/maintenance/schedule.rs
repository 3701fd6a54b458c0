//! The blob that remembers when maintenance is due and what earlier runs did (format 1 §9.3).

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use ring::aead::AES_256_GCM;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::blob_names::{self, MAINTENANCE};
use crate::crypto;
use crate::repository::Repository;
use crate::{Error, Result};

/// Runs that are remembered for each task.
const RUNS_PER_TASK: usize = 50;
/// Longest schedule that is read, in bytes; fifty runs of every task take about 200 KiB.
const MAX_LENGTH: u64 = 16 << 20;
const AAD: &[u8] = b"maintenance";

/// A step of maintenance; the names are those under which every client records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Marks contents that no snapshot needs as deleted.
    SnapshotGc,
    /// Moves contents out of short packs.
    FullRewriteContents,
    /// Moves contents out of short packs of metadata.
    QuickRewriteContents,
    /// Makes contents that were deleted long ago vanish from the index.
    FullDropDeletedContent,
    /// Deletes packs without references.
    FullDeleteBlobs,
    /// Deletes packs of metadata without references.
    QuickDeleteBlobs,
    /// Merges the index blobs of one epoch.
    CompactSingleEpoch,
    /// Begins a new epoch.
    AdvanceEpoch,
    /// Merges the index blobs of many epochs.
    GenerateEpochRangeIndex,
    /// Deletes markers of past epochs and old watermarks.
    CleanupEpochMarkers,
    /// Deletes index blobs that were merged.
    DeleteSupersededEpochIndexes,
    /// Merges index blobs outside epochs.
    IndexCompaction,
    /// Deletes old diagnostic logs.
    CleanupLogs,
    /// Extends the locks of blobs that are needed.
    ExtendBlobRetentionTime,
}

impl Task {
    /// Key in the history.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SnapshotGc => "snapshot-gc",
            Self::FullRewriteContents => "full-rewrite-contents",
            Self::QuickRewriteContents => "quick-rewrite-contents",
            Self::FullDropDeletedContent => "full-drop-deleted-content",
            Self::FullDeleteBlobs => "full-delete-blobs",
            Self::QuickDeleteBlobs => "quick-delete-blobs",
            Self::CompactSingleEpoch => "compact-single-epoch",
            Self::AdvanceEpoch => "advance-epoch",
            Self::GenerateEpochRangeIndex => "generate-epoch-range-index",
            Self::CleanupEpochMarkers => "cleanup-epoch-markers",
            Self::DeleteSupersededEpochIndexes => "delete-superseded-epoch-indexes",
            Self::IndexCompaction => "index-compaction",
            Self::CleanupLogs => "cleanup-logs",
            Self::ExtendBlobRetentionTime => "extend-blob-retention-time",
        }
    }
}

/// When maintenance is due, and its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// When the next full run is due; a time long past before the first one.
    #[serde(default = "never", deserialize_with = "time")]
    pub next_full_maintenance: Timestamp,
    /// When the next quick run is due.
    #[serde(default = "never", deserialize_with = "time")]
    pub next_quick_maintenance: Timestamp,
    /// For each task the last runs, the newest first.
    #[serde(default, deserialize_with = "runs")]
    pub runs: BTreeMap<String, Vec<TaskRun>>,
}

/// One run of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskRun {
    /// When it began.
    #[serde(default = "never", deserialize_with = "time")]
    pub start: Timestamp,
    /// When it ended.
    #[serde(default = "never", deserialize_with = "time")]
    pub end: Timestamp,
    /// Whether it did what it should.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub success: bool,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// Statistics.
    #[serde(
        default,
        deserialize_with = "null_is_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub extra: Vec<TaskStatistics>,
}

impl TaskRun {
    /// The record of a run that ended so.
    pub(super) fn ended(start: Timestamp, end: Timestamp, result: &Result<TaskStatistics>) -> Self {
        let error = result.as_ref().err().map(Error::to_string);
        Self {
            start,
            end,
            success: result.is_ok(),
            error: error.unwrap_or_default(),
            extra: result.as_ref().ok().cloned().into_iter().collect(),
        }
    }
}

/// Figures of a run; the kinds are those of the reference implementation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskStatistics {
    /// Which figures.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The figures.
    #[serde(default, skip_serializing_if = "Figures::is_null")]
    pub data: Figures,
}

/// The JSON of figures, kept as text: as values they would take a hundred times as much.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Figures(Box<RawValue>);

impl Figures {
    /// The figures one by one; `null` for what is nested too deeply to be read.
    #[must_use]
    pub fn to_value(&self) -> Value {
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }

    fn is_null(&self) -> bool {
        self.0.get() == RawValue::NULL.get()
    }
}

impl Default for Figures {
    fn default() -> Self {
        Self(RawValue::NULL.to_owned())
    }
}

impl From<Value> for Figures {
    fn from(value: Value) -> Self {
        RawValue::from_string(value.to_string()).map_or_else(|_| Self::default(), Self)
    }
}

impl PartialEq for Figures {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

/// The newest runs of a task; older ones in the text are passed over, as they are when a run is added.
#[derive(Default)]
struct NewestRuns(Vec<TaskRun>);

impl<'de> Deserialize<'de> for NewestRuns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = NewestRuns;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of runs")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<NewestRuns, A::Error> {
                let mut runs = Vec::new();
                while runs.len() < RUNS_PER_TASK {
                    match list.next_element()? {
                        Some(run) => runs.push(run),
                        None => break,
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                runs.shrink_to_fit();
                Ok(NewestRuns(runs))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

fn runs<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Vec<TaskRun>>, D::Error> {
    let runs: Option<BTreeMap<String, Option<NewestRuns>>> = Option::deserialize(deserializer)?;
    let runs = runs.unwrap_or_default().into_iter();
    Ok(runs
        .map(|(task, runs)| (task, runs.unwrap_or_default().0))
        .collect())
}

/// The zero time of the format, 0001-01-01.
fn never() -> Timestamp {
    const SECONDS: i64 = -62_135_596_800;
    Timestamp::from_second(SECONDS)
        .unwrap_or_else(|_| unreachable!("the year 1 is within the range of times"))
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(never))
}

fn null_is_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Default for Schedule {
    /// The schedule of a repository without maintenance so far: everything is due.
    fn default() -> Self {
        Self {
            next_full_maintenance: never(),
            next_quick_maintenance: never(),
            runs: BTreeMap::new(),
        }
    }
}

impl Schedule {
    /// The runs of a task, the newest first.
    #[must_use]
    pub fn runs_of(&self, task: Task) -> &[TaskRun] {
        self.runs.get(task.name()).map_or(&[], Vec::as_slice)
    }

    /// When the last successful run of any of these tasks ended.
    #[must_use]
    pub fn last_success(&self, tasks: &[Task]) -> Option<Timestamp> {
        tasks
            .iter()
            .flat_map(|task| self.runs_of(*task))
            .filter(|run| run.success)
            .map(|run| run.end)
            .max()
    }

    /// Adds a run in front of the others of its task.
    pub(super) fn record(&mut self, task: Task, run: TaskRun) {
        let runs = self.runs.entry(task.name().to_owned()).or_default();
        runs.insert(0, run);
        runs.truncate(RUNS_PER_TASK);
    }
}

impl Repository {
    /// When maintenance is due and what earlier runs did.
    ///
    /// # Errors
    /// [`Error::Damaged`] for a blob that cannot be read, and those of the store.
    pub fn maintenance_schedule(&self) -> Result<Schedule> {
        let id = blob_names::blob_id(MAINTENANCE.to_owned())?;
        let damaged = |reason: &dyn std::fmt::Display| Error::damaged(MAINTENANCE, reason);
        let sealed = match self.store().stat(&id) {
            Ok(info) if info.length > MAX_LENGTH => return Err(damaged(&"it is far too long")),
            Ok(_) => self.store().get(&id),
            Err(e) => Err(e),
        };
        let mut sealed = match sealed {
            Ok(sealed) => Vec::from(sealed),
            Err(e) if e.is_not_found() => return Ok(Schedule::default()),
            Err(e) => return Err(e.into()),
        };
        let key = crypto::less_safe_key(&AES_256_GCM, self.maintenance_schedule_key().expose());
        let json = crypto::open(&key, AAD, &mut sealed).map_err(|e| damaged(&e))?;
        serde_json::from_slice(json).map_err(|e| damaged(&e))
    }

    /// Stores the schedule.
    pub(super) fn put_maintenance_schedule(&self, schedule: &Schedule) -> Result<()> {
        let id = blob_names::blob_id(MAINTENANCE.to_owned())?;
        let json = serde_json::to_vec(schedule)
            .unwrap_or_else(|_| unreachable!("times, texts and figures always become JSON"));
        let key = crypto::less_safe_key(&AES_256_GCM, self.maintenance_schedule_key().expose());
        let sealed = crypto::seal_to_vec(&key, AAD, &json)?;
        let options = self.put_options(&id)?;
        Ok(self.store().put(&id, Bytes::from(sealed), &options)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOCK: &str = r#"{"nextFullMaintenance":"2026-11-26T04:14:02.9+01:00","nextQuickMaintenance":"0001-01-01T00:00:00Z","runs":{"cleanup-logs":[{"start":"2026-11-25T03:14:02.5Z","end":"2026-11-25T03:14:02.9Z","success":true,"extra":[{"kind":"cleanupLogsStats","data":{"deletedBlobCount":1}}]}],"advance-epoch":[{"start":"2026-11-25T03:14:02Z","end":"2026-11-25T03:14:02Z","error":"no"}]}}"#;

    #[test]
    fn a_stock_schedule_is_read_and_written() {
        let schedule: Schedule = serde_json::from_str(STOCK).unwrap();
        assert_eq!(
            schedule.next_full_maintenance,
            "2026-11-26T03:14:02.9Z".parse().unwrap()
        );
        assert_eq!(schedule.next_quick_maintenance, never());
        assert_eq!(
            schedule.last_success(&[Task::CleanupLogs, Task::AdvanceEpoch]),
            Some("2026-11-25T03:14:02.9Z".parse().unwrap())
        );
        assert_eq!(schedule.last_success(&[Task::AdvanceEpoch]), None);
        let again = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&again).unwrap(), schedule);
        assert!(again.contains(r#""nextQuickMaintenance":"0001-01-01T00:00:00Z""#));
    }

    #[test]
    fn nothing_and_null_are_an_empty_schedule() {
        for text in ["{}", r#"{"nextFullMaintenance":null,"runs":null}"#] {
            let schedule: Schedule = serde_json::from_str(text).unwrap();
            assert_eq!(schedule, Schedule::default());
        }
    }

    #[test]
    fn old_runs_are_forgotten() {
        let mut schedule = Schedule::default();
        for second in 0..60 {
            let start = Timestamp::from_second(second).unwrap();
            schedule.record(
                Task::CleanupLogs,
                TaskRun {
                    start,
                    end: start,
                    success: true,
                    error: String::new(),
                    extra: Vec::new(),
                },
            );
        }
        let runs = schedule.runs_of(Task::CleanupLogs);
        assert_eq!((runs.len(), runs[0].start.as_second()), (50, 59));
    }
}
