//! What to read, merge and delete, decided from listings alone.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use holdfast_storage::{BlobId, BlobInfo};
use jiff::Timestamp;

use super::documents::{CleanupEntry, CompactionLog};

/// With fewer index blobs than this nothing is compacted.
const MIN_BLOBS: usize = 8;
/// An index blob is very small when it is shorter than the pack size divided by this.
const VERY_SMALL_FRACTION: u64 = 20;

/// The index blobs that count: all of the listing, minus the inputs of every log whose outputs are all there.
#[must_use]
pub fn active_set<'a>(indexes: &'a [BlobInfo], logs: &[CompactionLog]) -> Vec<&'a BlobInfo> {
    let listed: HashSet<&str> = indexes.iter().map(|blob| blob.id.as_str()).collect();
    let mut replaced: HashSet<&str> = HashSet::new();
    for log in logs {
        if log.outputs().all(|output| listed.contains(output)) {
            replaced.extend(log.inputs());
        }
    }
    indexes
        .iter()
        .filter(|blob| !replaced.contains(blob.id.as_str()))
        .collect()
}

/// What a compaction merges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactionPlan {
    /// Index blobs to be merged; none when nothing is to be done.
    pub inputs: Vec<BlobInfo>,
}

/// Chooses the index blobs to merge. `dropping` says that entries are to be dropped, for which all of them are
/// needed; otherwise many small ones become one.
#[must_use]
pub fn plan_compaction(active: &[&BlobInfo], max_pack_size: u64, dropping: bool) -> CompactionPlan {
    let cloned = |blobs: Vec<&BlobInfo>| CompactionPlan {
        inputs: blobs.into_iter().cloned().collect(),
    };
    if dropping {
        return cloned(active.to_vec());
    }
    let candidates: Vec<&BlobInfo> = active
        .iter()
        .copied()
        .filter(|blob| blob.length <= max_pack_size)
        .collect();
    if candidates.len() < MIN_BLOBS {
        return CompactionPlan::default();
    }
    let very_small: Vec<&BlobInfo> = candidates
        .iter()
        .copied()
        .filter(|blob| blob.length < max_pack_size / VERY_SMALL_FRACTION)
        .collect();
    let others = candidates.len() - very_small.len();
    if very_small.len() > candidates.len() / 2 && others + 1 < MIN_BLOBS {
        cloned(very_small)
    } else {
        cloned(candidates)
    }
}

/// Blobs to be deleted. The first list goes first, because a log whose inputs still exist must not go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CleanupPlan {
    /// To be deleted first.
    pub first: Vec<BlobId>,
    /// To be deleted, or marked for deletion, after that.
    pub then: Vec<BlobId>,
}

/// What the logs allow to delete now: `first` the index blobs that were merged long enough ago, `then` the logs that
/// name them, which are to be named by a new `l` blob. `now` is the store's time of the newest log.
///
/// An index blob stays when it is the output of a younger log, or when an output of its own log is gone without
/// having been merged further: it may then be the last one with these entries.
#[must_use]
pub fn plan_removal(
    indexes: &[BlobInfo],
    logs: &[(BlobInfo, CompactionLog)],
    now: Timestamp,
    margin: Duration,
) -> CleanupPlan {
    let listed: HashSet<&str> = indexes.iter().map(|blob| blob.id.as_str()).collect();
    let merged: HashSet<&str> = logs.iter().flat_map(|(_, log)| log.inputs()).collect();
    let (old, young): (Vec<_>, Vec<_>) = logs
        .iter()
        .partition(|(blob, _)| is_older(blob.modified, now, margin));
    let needed: HashSet<&str> = young.iter().flat_map(|(_, log)| log.outputs()).collect();
    let mut inputs: BTreeSet<&str> = BTreeSet::new();
    let mut plan = CleanupPlan::default();
    for (blob, log) in old {
        let replaced = log
            .outputs()
            .all(|output| listed.contains(output) || merged.contains(output));
        if replaced {
            inputs.extend(log.inputs().filter(|id| !needed.contains(id)));
        }
        if replaced || !log.inputs().any(|input| listed.contains(input)) {
            plan.then.push(blob.id.clone());
        }
    }
    plan.first
        .extend(inputs.into_iter().filter_map(|id| BlobId::new(id).ok()));
    plan
}

/// What the clean-up entries allow to delete now: `first` the logs that they name, `then` the entries themselves.
/// `now` is the store's time of the newest entry.
#[must_use]
pub fn plan_cleanup(
    entries: &[(BlobInfo, CleanupEntry)],
    now: Timestamp,
    margin: Duration,
) -> CleanupPlan {
    let mut plan = CleanupPlan::default();
    for (blob, entry) in entries {
        if is_older(entry.cleanup_schedule_time, now, margin) {
            let logs = entry.blob_ids.iter().flatten();
            plan.first
                .extend(logs.filter_map(|id| BlobId::new(id.as_str()).ok()));
            plan.then.push(blob.id.clone());
        }
    }
    plan
}

/// Whether `time` lies at least `margin` before `now`.
fn is_older(time: Timestamp, now: Timestamp, margin: Duration) -> bool {
    now.as_nanosecond() - time.as_nanosecond() >= margin.as_nanos() as i128
}

#[cfg(test)]
mod tests {
    use super::super::documents::LoggedBlob;
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const PACK: u64 = 20 << 20;

    fn blob(id: &str, length: u64, second: i64) -> BlobInfo {
        BlobInfo {
            id: BlobId::new(id).unwrap(),
            length,
            modified: Timestamp::from_second(second).unwrap(),
        }
    }

    fn log(inputs: &[&str], outputs: &[&str]) -> CompactionLog {
        let named = |ids: &[&str]| {
            let blobs = ids.iter().map(|id| LoggedBlob {
                id: (*id).to_owned(),
                length: 1,
                timestamp: None,
            });
            Some(blobs.collect())
        };
        CompactionLog {
            inputs: named(inputs),
            outputs: named(outputs),
        }
    }

    fn ids<'a>(blobs: impl IntoIterator<Item = &'a BlobInfo>) -> Vec<&'a str> {
        blobs.into_iter().map(|blob| blob.id.as_str()).collect()
    }

    #[test]
    fn inputs_count_until_all_outputs_are_there() {
        let mut indexes = vec![blob("n1", 1, 0), blob("n2", 1, 0), blob("n3", 1, 0)];
        let logs = [log(&["n1", "n2"], &["n4", "n5"])];
        indexes.push(blob("n4", 1, 0));
        assert_eq!(ids(active_set(&indexes, &logs)), ["n1", "n2", "n3", "n4"]);
        indexes.push(blob("n5", 1, 0));
        assert_eq!(ids(active_set(&indexes, &logs)), ["n3", "n4", "n5"]);
        // An output may be merged again.
        let logs = [logs[0].clone(), log(&["n3", "n4", "n5"], &["n6"])];
        assert_eq!(ids(active_set(&indexes, &logs)), ["n3", "n4", "n5"]);
        indexes.push(blob("n6", 1, 0));
        assert_eq!(ids(active_set(&indexes, &logs)), ["n6"]);
        assert_eq!(active_set(&indexes, &[]).len(), 6);
    }

    #[test]
    fn few_blobs_are_left_alone_and_large_ones_too() {
        let seven: Vec<BlobInfo> = (0..7).map(|n| blob(&format!("n{n}"), 100, 0)).collect();
        let mut active: Vec<&BlobInfo> = seven.iter().collect();
        assert!(plan_compaction(&active, PACK, false).inputs.is_empty());
        let large = blob("large", PACK + 1, 0);
        active.push(&large);
        assert!(plan_compaction(&active, PACK, false).inputs.is_empty());
        let limit = blob("limit", PACK, 0);
        active.push(&limit);
        // Eight candidates, seven of them very small.
        assert_eq!(plan_compaction(&active, PACK, false).inputs.len(), 7);
        assert_eq!(plan_compaction(&active, PACK, true).inputs.len(), 9);
    }

    #[test]
    fn medium_blobs_are_merged_when_they_are_many() {
        let medium: Vec<BlobInfo> = (0..7)
            .map(|n| blob(&format!("m{n}"), PACK / 20, 0))
            .collect();
        let small: Vec<BlobInfo> = (0..8)
            .map(|n| blob(&format!("s{n}"), PACK / 20 - 1, 0))
            .collect();
        let all: Vec<&BlobInfo> = medium.iter().chain(&small).collect();
        assert_eq!(plan_compaction(&all, PACK, false).inputs.len(), 15);
        let all: Vec<&BlobInfo> = medium[..6].iter().chain(&small).collect();
        assert_eq!(plan_compaction(&all, PACK, false).inputs.len(), 8);
        // As many very small ones as others are not more than half.
        let all: Vec<&BlobInfo> = medium[..4].iter().chain(&small[..4]).collect();
        assert_eq!(plan_compaction(&all, PACK, false).inputs.len(), 8);
    }

    fn names(blobs: &[BlobId]) -> Vec<&str> {
        blobs.iter().map(BlobId::as_str).collect()
    }

    #[test]
    fn inputs_are_deleted_an_hour_after_their_log() {
        let indexes: Vec<BlobInfo> = (1..=6).map(|n| blob(&format!("n{n}"), 1, 0)).collect();
        let logs = [
            (blob("m1", 1, 0), log(&["n1", "n2"], &["n3"])),
            (blob("m2", 1, 1), log(&["n4"], &["n5"])),
            (blob("m3", 1, 3600), log(&["n3", "n5"], &["n6"])),
        ];
        let now = Timestamp::from_second(3600).unwrap();
        let plan = plan_removal(&indexes, &logs, now, HOUR);
        assert_eq!(
            (names(&plan.first), names(&plan.then)),
            (vec!["n1", "n2"], vec!["m1"])
        );
        let later = Timestamp::from_second(3601).unwrap();
        assert_eq!(
            names(&plan_removal(&indexes, &logs, later, HOUR).then),
            ["m1", "m2"]
        );
        let plan = plan_removal(&indexes, &logs, now, Duration::ZERO);
        assert_eq!(
            (names(&plan.first), names(&plan.then)),
            (vec!["n1", "n2", "n3", "n4", "n5"], vec!["m1", "m2", "m3"])
        );
    }

    #[test]
    fn the_last_copy_of_an_entry_is_never_deleted() {
        let now = Timestamp::from_second(3600).unwrap();
        // The output went away, and nothing says that it was merged further: the input counts again.
        let lost = [(blob("m1", 1, 0), log(&["n1"], &["n2"]))];
        let plan = plan_removal(&[blob("n1", 1, 0)], &lost, now, HOUR);
        assert_eq!(plan, CleanupPlan::default());
        // Without inputs the log only takes up room.
        assert_eq!(names(&plan_removal(&[], &lost, now, HOUR).then), ["m1"]);
        // An output of a younger log is in use.
        let turned = [
            (blob("m1", 1, 0), log(&["n1"], &["n2"])),
            (blob("m2", 1, 3599), log(&["n2"], &["n1"])),
        ];
        let both = [blob("n1", 1, 0), blob("n2", 1, 0)];
        assert_eq!(plan_removal(&both, &turned, now, HOUR).first, []);
    }

    #[test]
    fn logs_are_deleted_an_hour_after_they_were_named() {
        let entry = |second| CleanupEntry {
            blob_ids: Some(vec![format!("m{second}")]),
            cleanup_schedule_time: Timestamp::from_second(second).unwrap(),
        };
        let entries = [
            (blob("l1", 1, 7200), entry(3600)),
            (blob("l2", 1, 7200), entry(3601)),
        ];
        let plan = plan_cleanup(&entries, Timestamp::from_second(7200).unwrap(), HOUR);
        assert_eq!(
            (names(&plan.first), names(&plan.then)),
            (vec!["m3600"], vec!["l1"])
        );
    }
}
