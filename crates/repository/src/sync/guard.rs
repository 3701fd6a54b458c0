//! What a copy must not do without being told to, from the two listings alone.

use std::collections::{BTreeSet, HashSet};

use holdfast_storage::{BlobId, BlobInfo};

use super::plan::{Plan, Stage, stage};
use crate::blob_names::BlobFamily;
use crate::epoch::{EpochNumber, EpochState, epoch_of, range_of};

/// So many packs may be deleted in any case.
const FEW: usize = 10;
/// So many packs may be deleted as long as they are at most half of all.
const SOME: usize = 100;

/// Whether the copy was maintained by itself: in words how that shows. Merged index blobs hide what is copied into the
/// epochs that they stand for, an epoch of its own hides what is written into the present one of the source, and a
/// watermark what the source deleted and took back.
///
/// Epochs and watermarks of a source only rise, a merge of one epoch goes only once a range has it, and ranges stay: what
/// else only the copy has is its own.
pub(super) fn maintained(source: &[BlobInfo], destination: &[BlobInfo]) -> Option<String> {
    let [own, copy] = [source, destination].map(EpochState::of_listing);
    if copy.write_epoch > own.write_epoch {
        return Some(format!(
            "it is in epoch {}, the source in epoch {}",
            copy.write_epoch, own.write_epoch
        ));
    }
    if copy.watermark > own.watermark {
        return Some("it forgot deleted contents that the source still knows".to_owned());
    }
    let known: HashSet<&BlobId> = source.iter().map(|blob| &blob.id).collect();
    let foreign = destination.iter().find(|blob| {
        let name = blob.id.as_str();
        !known.contains(&blob.id)
            && match BlobFamily::of(name) {
                Some(BlobFamily::EpochSingle) => {
                    epoch_of(name).is_some_and(|epoch| epoch >= own.first_after_chain())
                }
                Some(BlobFamily::EpochRange) => range_of(name).is_some(),
                _ => false,
            }
    });
    foreign.map(|blob| {
        format!(
            "it has the merged index blob {}, which the source never had",
            blob.id
        )
    })
}

/// Why the deletions of a plan need a confirmation; nothing when they do not.
pub(super) fn confirmation(
    plan: &Plan,
    source: &[BlobInfo],
    destination: &[BlobInfo],
) -> Option<String> {
    let is_pack = |blob: &&BlobInfo| is_pack(blob);
    let all = destination.iter().filter(is_pack).count();
    let gone = plan.delete.iter().filter(is_pack).count();
    if gone > FEW.max(SOME.min(all / 2)).max(all / 10) {
        return Some(format!(
            "{gone} of the {all} packs of the copy would be deleted"
        ));
    }
    let merged = merged_epochs(source);
    let own = plan.delete.iter().find(|blob| {
        let name = blob.id.as_str();
        BlobFamily::of(name) == Some(BlobFamily::EpochIndex)
            && epoch_of(name).is_some_and(|epoch| !merged.contains(epoch))
    });
    own.map(|blob| {
        format!(
            "the copy holds data that was stored in it and is in no other place (index blob {})",
            blob.id
        )
    })
}

/// Whether a source has nothing of what its copy has packs for: it was emptied, or is not listed to its end.
pub(super) fn is_emptied(source: &[BlobInfo], destination: &[BlobInfo]) -> bool {
    let has = |blobs: &[BlobInfo], what: fn(&BlobInfo) -> bool| blobs.iter().any(what);
    has(destination, is_pack) && !(has(source, is_pack) && has(source, is_index))
}

fn is_pack(blob: &BlobInfo) -> bool {
    BlobFamily::of(blob.id.as_str()).is_some_and(BlobFamily::is_pack)
        && stage(blob.id.as_str()) == Some(Stage::Packs)
}

fn is_index(blob: &BlobInfo) -> bool {
    stage(blob.id.as_str()) == Some(Stage::Indexes)
}

/// Epochs whose single index blobs a source may have deleted because it merged them.
struct Merged {
    below: EpochNumber,
    singles: BTreeSet<EpochNumber>,
}

impl Merged {
    fn contains(&self, epoch: EpochNumber) -> bool {
        epoch < self.below || self.singles.contains(&epoch)
    }
}

fn merged_epochs(source: &[BlobInfo]) -> Merged {
    let state = EpochState::of_listing(source);
    Merged {
        below: state.first_after_chain(),
        singles: state.singles.into_keys().collect(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::plan::plan;
    use super::*;

    fn blobs<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Vec<BlobInfo> {
        names
            .into_iter()
            .map(|name| BlobInfo {
                id: BlobId::new(name.as_ref()).expect("a name"),
                length: 1,
                modified: Timestamp::UNIX_EPOCH,
            })
            .collect()
    }

    /// A name with a hash made from a number.
    fn hashed(prefix: &str, number: usize) -> String {
        format!("{prefix}{number:032x}")
    }

    #[test]
    fn a_copy_that_was_maintained_is_told_from_one_that_is_behind() {
        let range = hashed("xr0_6_", 1);
        let source = blobs([
            "xe7",
            "xe9",
            "xw100",
            &range,
            &hashed("xs7_", 2),
            &hashed("xn8_", 3),
        ]);
        for (copy, expected) in [
            (vec![], None),
            // What the source merged and deleted since.
            (
                vec![
                    "xe5".to_owned(),
                    "xw50".into(),
                    hashed("xs5_", 9),
                    hashed("xn5_", 4),
                ],
                None,
            ),
            (vec![hashed("xs7_", 2), range.clone()], None),
            (vec!["xe10".to_owned()], Some("epoch 10")),
            (vec!["xw101".to_owned()], Some("forgot")),
            (vec![hashed("xs7_", 9)], Some("xs7_")),
            (vec![hashed("xs8_", 9)], Some("xs8_")),
            (vec![hashed("xr0_6_", 9)], Some("xr0_6_")),
            (vec![hashed("xr0_5_", 9)], Some("xr0_5_")),
        ] {
            let found = maintained(&source, &blobs(&copy));
            match (&found, expected) {
                (None, None) => {}
                (Some(found), Some(part)) => assert!(found.contains(part), "{found}"),
                _ => panic!("{copy:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn many_deletions_need_a_word() {
        for (all, gone, asks) in [
            (10, 10, false),
            (11, 11, true),
            (40, 20, false),
            (40, 21, true),
            (1000, 100, false),
            (1000, 101, true),
            (5000, 500, false),
            (5000, 501, true),
        ] {
            let copy: Vec<String> = (0..all).map(|number| hashed("p", number)).collect();
            let source = blobs(copy[gone..].iter().chain(&["kopia.repository".to_owned()]));
            let copy = blobs(&copy);
            let plan = plan(&source, &copy, &HashSet::new(), true);
            assert_eq!(plan.delete.len(), gone);
            let found = confirmation(&plan, &source, &copy);
            assert_eq!(found.is_some(), asks, "{gone} of {all}: {found:?}");
        }
    }

    #[test]
    fn data_of_the_copy_alone_needs_a_word() {
        let source = blobs(["xe7".to_owned(), hashed("xr0_4_", 1), hashed("xs5_", 1)]);
        for (index, asks) in [
            ("xn4_", false),
            ("xn5_", false),
            ("xn6_", true),
            ("xn7_", true),
        ] {
            let copy = blobs([hashed(index, 8)]);
            let plan = plan(&source, &copy, &HashSet::new(), true);
            let found = confirmation(&plan, &source, &copy);
            assert_eq!(found.is_some(), asks, "{index}: {found:?}");
        }
    }

    #[test]
    fn an_emptied_source_is_told() {
        let whole = blobs([hashed("p", 1), hashed("xn0_", 1)]);
        assert!(!is_emptied(&whole, &whole));
        assert!(!is_emptied(&[], &[]));
        assert!(!is_emptied(&[], &blobs([hashed("xn0_", 1)])));
        assert!(is_emptied(&[], &whole));
        assert!(is_emptied(&blobs([hashed("p", 1)]), &whole));
        assert!(is_emptied(&blobs([hashed("xn0_", 1)]), &whole));
    }
}
