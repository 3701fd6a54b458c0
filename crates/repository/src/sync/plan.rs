//! What to copy in which order, and what to delete, from two listings alone.

use std::collections::{HashMap, HashSet};

use holdfast_storage::{BlobId, BlobInfo};
use jiff::Timestamp;

use super::{BlobTally, SyncReport};
use crate::blob_names::{BlobFamily, EPOCH_MARKER, EPOCH_WATERMARK, encryption_id};
use crate::epoch::{EpochNumber, epoch_of, range_of};

/// When a blob is copied. Blobs of one stage may be copied together only in [`Stage::Packs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Stage {
    /// Packs, and logs, which nothing depends on.
    Packs,
    Markers,
    Indexes,
    /// Which indexes were merged, and which deleted contents are forgotten.
    Records,
    Settings,
    /// Blob configuration and format blob, which depend on each other.
    Format,
}

/// The stage of a blob; nothing for those that are not copied: session markers, the record of maintenance, and what is no
/// part of a repository.
pub(super) fn stage(name: &str) -> Option<Stage> {
    let family = BlobFamily::of(name)?;
    let hashed = encryption_id(name).is_some();
    match family {
        BlobFamily::DataPack | BlobFamily::MetadataPack => hashed.then_some(Stage::Packs),
        BlobFamily::Log => Some(Stage::Packs),
        BlobFamily::EpochMarker => is_numbered(name, EPOCH_MARKER).then_some(Stage::Markers),
        BlobFamily::EpochIndex
        | BlobFamily::EpochSingle
        | BlobFamily::EpochRange
        | BlobFamily::LegacyIndex => hashed.then_some(Stage::Indexes),
        BlobFamily::LegacyCompaction | BlobFamily::LegacyCleanup => {
            hashed.then_some(Stage::Records)
        }
        BlobFamily::EpochWatermark => is_numbered(name, EPOCH_WATERMARK).then_some(Stage::Records),
        BlobFamily::FormatBackup | BlobFamily::Poison => Some(Stage::Settings),
        BlobFamily::BlobConfiguration | BlobFamily::Format => Some(Stage::Format),
        BlobFamily::Maintenance | BlobFamily::SessionMarker => None,
    }
}

/// Whether a name is a prefix and a number, and nothing more.
fn is_numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether the blob may change under its name, so that an equal length proves nothing.
pub(super) fn is_mutable(name: &str) -> bool {
    matches!(stage(name), Some(Stage::Settings | Stage::Format))
}

/// Whether a blob has one content for ever. Of markers and watermarks only the names count.
fn never_changes(name: &str) -> bool {
    let written_once = matches!(
        stage(name),
        Some(Stage::Packs | Stage::Indexes | Stage::Records)
    );
    written_once && BlobFamily::of(name) != Some(BlobFamily::EpochWatermark)
}

/// Whether a blob of the destination that the source does not have may be deleted.
fn is_deletable(name: &str) -> bool {
    let marker =
        BlobFamily::of(name) == Some(BlobFamily::SessionMarker) && encryption_id(name).is_some();
    marker || !matches!(stage(name), None | Some(Stage::Format))
}

/// The order within a stage: by the last epoch that an index covers, then by age.
fn order(blob: &BlobInfo) -> (EpochNumber, Timestamp, &BlobId) {
    let name = blob.id.as_str();
    let last = range_of(name)
        .map(|(_, last)| last)
        .or_else(|| epoch_of(name))
        .filter(|_| name.starts_with('x'));
    (last.unwrap_or(0), blob.modified, &blob.id)
}

/// Names that a report gives.
const EXAMPLES: usize = 20;

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Blobs to copy, in this order.
    pub(super) copy: Vec<(Stage, BlobInfo)>,
    /// Blobs to delete, in this order, after that.
    pub(super) delete: Vec<BlobInfo>,
    /// What all of that comes to.
    pub(super) report: SyncReport,
}

/// Compares two listings. `changed` are the mutable blobs that both have with different content.
pub(super) fn plan(
    source: &[BlobInfo],
    destination: &[BlobInfo],
    changed: &HashSet<BlobId>,
    delete: bool,
) -> Plan {
    let mut plan = Plan::default();
    let there: HashMap<&BlobId, u64> = destination
        .iter()
        .map(|blob| (&blob.id, blob.length))
        .collect();
    let report = &mut plan.report;
    for blob in source {
        let Some(stage) = stage(blob.id.as_str()) else {
            continue;
        };
        report.source.add(blob.length);
        match there.get(&blob.id) {
            Some(length) if *length == blob.length && !changed.contains(&blob.id) => {
                report.same.add(blob.length);
                continue;
            }
            // A source that lost the end of a blob, as by a power cut, must not take the whole one from the copy.
            Some(length) if *length > blob.length && never_changes(blob.id.as_str()) => {
                report.cut.add(blob.length);
                report.cut_names.push(blob.id.to_string());
                continue;
            }
            Some(_) => report.replaced.add(blob.length),
            None => report.copied.add(blob.length),
        }
        plan.copy.push((stage, blob.clone()));
    }
    plan.copy.sort_by(|(a, left), (b, right)| {
        let within = order(left).cmp(&order(right));
        a.cmp(b).then(match a {
            Stage::Indexes => within.reverse(),
            _ => within,
        })
    });
    let wanted: HashSet<&BlobId> = source
        .iter()
        .map(|blob| &blob.id)
        .filter(|id| stage(id.as_str()).is_some())
        .collect();
    let gone = destination
        .iter()
        .filter(|blob| is_deletable(blob.id.as_str()) && !wanted.contains(&blob.id));
    for blob in gone {
        match delete {
            true => {
                report.deleted.add(blob.length);
                plan.delete.push(blob.clone());
            }
            false => report.extra.add(blob.length),
        }
    }
    plan.delete
        .sort_by_key(|blob| (deletion_order(blob.id.as_str()), blob.id.clone()));
    let examples = plan.delete.iter().take(EXAMPLES);
    plan.report.examples = examples.map(|blob| blob.id.to_string()).collect();
    plan
}

/// Indexes go before what they name, and the records of a merge after its inputs.
fn deletion_order(name: &str) -> u8 {
    match stage(name) {
        Some(Stage::Indexes) => 0,
        Some(Stage::Records) => 1,
        Some(Stage::Markers) => 2,
        _ => 3,
    }
}

/// Whether a destination without a format blob holds an interrupted copy of the source, rather than something else: it is
/// empty, or one of its blobs is one of the source. Names are chosen by chance or are hashes, so one is proof enough.
pub(super) fn is_begun_copy(source: &[BlobInfo], destination: &[BlobInfo]) -> bool {
    let own: HashSet<(&BlobId, u64)> = source.iter().map(|blob| (&blob.id, blob.length)).collect();
    let mut parts = destination
        .iter()
        .filter(|blob| encryption_id(blob.id.as_str()).is_some() && is_deletable(blob.id.as_str()))
        .peekable();
    parts.peek().is_none() || parts.any(|blob| own.contains(&(&blob.id, blob.length)))
}

/// The tally of blobs.
pub(super) fn tally<'a>(blobs: impl IntoIterator<Item = &'a BlobInfo>) -> BlobTally {
    let mut tally = BlobTally::default();
    blobs.into_iter().for_each(|blob| tally.add(blob.length));
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef";

    fn blob(name: &str, length: u64, second: i64) -> BlobInfo {
        BlobInfo {
            id: BlobId::new(name).expect("a name"),
            length,
            modified: Timestamp::from_second(second).expect("a time"),
        }
    }

    fn names<'a>(blobs: impl IntoIterator<Item = &'a BlobInfo>) -> Vec<&'a str> {
        blobs
            .into_iter()
            .map(|blob| blob.id.as_str().split(HASH).next().unwrap_or_default())
            .collect()
    }

    #[test]
    fn what_others_depend_on_comes_first_and_the_format_last() {
        let hashed = |prefix: &str| format!("{prefix}{HASH}");
        let source = [
            blob("kopia.repository", 1, 0),
            blob("kopia.maintenance", 1, 0),
            blob("xw1700000000", 1, 0),
            blob(&hashed("xn8_"), 1, 7),
            blob(&hashed("xr0_6_"), 1, 90),
            blob(&hashed("xs7_"), 1, 80),
            blob(&hashed("xn9_"), 1, 5),
            blob(&hashed("n"), 1, 1),
            blob(&hashed("m"), 1, 2),
            blob("xe9", 1, 0),
            blob(&hashed("s"), 1, 0),
            blob(&hashed("p"), 1, 99),
            blob("photo.jpg", 1, 99),
        ];
        let plan = plan(&source, &[], &HashSet::new(), true);
        assert_eq!(
            names(plan.copy.iter().map(|(_, blob)| blob)),
            [
                "p",
                "xe9",
                "xn9_",
                "xn8_",
                "xs7_",
                "xr0_6_",
                "n",
                "m",
                "xw1700000000",
                "kopia.repository"
            ]
        );
        assert_eq!(
            plan.report.copied,
            BlobTally {
                blobs: 10,
                bytes: 10
            }
        );
    }

    #[test]
    fn equal_blobs_stay_and_different_ones_are_replaced() {
        let pack = |length| blob(&format!("p{HASH}"), length, 0);
        let format = blob("kopia.repository", 9, 0);
        let changed = HashSet::from([format.id.clone()]);
        let both = [pack(5), format.clone()];
        let same = plan(&both, &both, &HashSet::new(), true);
        assert_eq!((same.copy.len(), same.report.same.blobs), (0, 2));
        let other = plan(&both, &[pack(4), format.clone()], &changed, true);
        assert_eq!(
            other.report.replaced,
            BlobTally {
                blobs: 2,
                bytes: 14
            }
        );
        assert_eq!(other.report.copied, BlobTally::default());
    }

    #[test]
    fn of_blobs_that_never_change_the_longer_one_counts() {
        for prefix in ["p", "q", "xn3_", "xs3_", "xr0_3_", "n", "m", "l"] {
            let of = |length| [blob(&format!("{prefix}{HASH}"), length, 0)];
            let kept = plan(&of(0), &of(7), &HashSet::new(), true);
            assert_eq!((kept.copy.len(), kept.delete.len()), (0, 0), "{prefix}");
            assert_eq!(kept.report.cut, BlobTally { blobs: 1, bytes: 0 });
            assert_eq!(kept.report.cut_names, [format!("{prefix}{HASH}")]);
            let replaced = plan(&of(7), &of(0), &HashSet::new(), true);
            assert_eq!((replaced.copy.len(), replaced.report.cut.blobs), (1, 0));
        }
        // Settings follow the source, and what counts by its name.
        for name in ["kopia.repository", "xe3", "xw1700000000"] {
            let of = |length| [blob(name, length, 0)];
            let followed = plan(&of(5), &of(9), &HashSet::new(), true);
            assert_eq!((followed.copy.len(), followed.report.cut.blobs), (1, 0));
        }
    }

    #[test]
    fn only_what_belongs_to_a_repository_is_deleted_and_only_on_request() {
        let hashed = |prefix: &str| format!("{prefix}{HASH}");
        let source = [blob("kopia.repository", 1, 0)];
        let destination = [
            blob("kopia.repository", 1, 0),
            blob(&hashed("p"), 1, 0),
            blob(&hashed("xn0_"), 1, 0),
            blob(&hashed("m"), 1, 0),
            blob("xe3", 1, 0),
            blob(&hashed("s"), 1, 0),
            blob("photo.jpg", 1, 0),
            blob("notes", 1, 0),
            blob("xenon7", 1, 0),
        ];
        let kept = plan(&source, &destination, &HashSet::new(), false);
        assert_eq!((kept.delete.len(), kept.report.extra.blobs), (0, 5));
        let deleted = plan(&source, &destination, &HashSet::new(), true);
        assert_eq!(names(&deleted.delete), ["xn0_", "m", "xe3", "p", "s"]);
        assert_eq!(deleted.report.extra, BlobTally::default());
    }

    #[test]
    fn a_begun_copy_is_told_from_other_data() {
        let own = blob(&format!("p{HASH}"), 7, 0);
        let source = [own.clone()];
        let foreign = blob("pffffffffffffffffffffffffffffffff", 7, 0);
        assert!(is_begun_copy(&source, &[]));
        assert!(is_begun_copy(&source, &[blob("readme.txt", 1, 0)]));
        assert!(is_begun_copy(&source, &[foreign.clone(), own]));
        assert!(!is_begun_copy(&source, &[foreign]));
    }
}
