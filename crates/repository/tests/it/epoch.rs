//! Vector `epoch.json`: which index blobs count, and where new ones go.

use holdfast_repository::epoch::{EpochState, Merge, index_blob_name, merged_blob_prefix};
use holdfast_repository::format::EpochParameters;
use holdfast_repository::session::SessionId;
use holdfast_storage::{BlobId, BlobInfo};
use proptest::prelude::*;
use serde::Deserialize;

use crate::vectors::load;

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    name: String,
    blobs: Vec<Blob>,
    write_epoch: u64,
    deletion_watermark: u64,
    active_index_blobs: Vec<String>,
    longest_range_chain: Vec<(u64, u64)>,
    index_written_as: String,
    single_epoch_compaction: Option<Output>,
    range_checkpoint: Option<Output>,
    epoch_marker_written: String,
    cleanup_markers_deletes: Vec<String>,
    cleanup_superseded_deletes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    inputs: Vec<String>,
    output_prefix: String,
}

#[derive(Deserialize)]
struct Blob {
    id: String,
    length: u64,
    time: i64,
}

impl Case {
    fn state(&self) -> EpochState {
        let blobs: Vec<BlobInfo> = self
            .blobs
            .iter()
            .map(|blob| BlobInfo {
                id: BlobId::new(blob.id.as_str()).expect("blob id"),
                length: blob.length,
                modified: jiff::Timestamp::from_second(blob.time).expect("time"),
            })
            .collect();
        EpochState::of_listing(&blobs)
    }
}

fn sorted<'a>(blobs: impl IntoIterator<Item = &'a BlobId>) -> Vec<String> {
    let mut names: Vec<String> = blobs.into_iter().map(BlobId::to_string).collect();
    names.sort();
    names
}

#[test]
fn the_expected_upkeep_is_planned() {
    let vectors: Vectors = load("epoch.json");
    let parameters = EpochParameters::defaults();
    let mut planned = [0; 5];
    for case in &vectors.cases {
        let state = case.state();
        let name = &case.name;
        let merged = |merge: Option<Merge>, expected: &Option<Output>| match (merge, expected) {
            (None, None) => 0,
            (Some(merge), Some(expected)) => {
                let inputs = sorted(merge.inputs.iter().map(|blob| &blob.id));
                assert_eq!(inputs, expected.inputs, "{name}");
                let prefix = merged_blob_prefix(merge.first, merge.last);
                assert_eq!(prefix, expected.output_prefix, "{name}");
                1
            }
            (merge, _) => panic!("{name}: {merge:?}"),
        };
        planned[0] += merged(state.plan_single(), &case.single_epoch_compaction);
        planned[1] += merged(state.plan_range(&parameters), &case.range_checkpoint);
        let marker = state
            .plan_advance(&parameters)
            .map_or_else(String::new, |epoch| format!("xe{epoch}"));
        assert_eq!(marker, case.epoch_marker_written, "{name}");
        planned[2] += usize::from(!marker.is_empty());
        let obsolete = state.plan_marker_cleanup(&parameters);
        let markers = sorted(obsolete.epochs.iter().chain(&obsolete.watermarks));
        assert_eq!(markers, case.cleanup_markers_deletes, "{name}");
        planned[3] += markers.len();
        let superseded = state
            .plan_superseded(&parameters)
            .map_or_else(Vec::new, |superseded| superseded.blobs);
        let superseded = sorted(superseded.iter().map(|blob| &blob.id));
        // The one place where the reference implementation deletes what its own readers still need.
        if name == "compaction of unsettled epoch 1 ignored" {
            assert!(superseded.is_empty(), "{superseded:?}");
        } else {
            assert_eq!(superseded, case.cleanup_superseded_deletes, "{name}");
        }
        planned[4] += superseded.len();
    }
    assert!(planned.iter().all(|count| *count > 1), "{planned:?}");
}

#[test]
fn the_expected_blobs_are_active() {
    let vectors: Vectors = load("epoch.json");
    assert!(vectors.cases.len() >= 20);
    let session: SessionId = "s0102030405060708139".parse().expect("session id");
    for case in &vectors.cases {
        let state = case.state();
        assert_eq!(state.write_epoch, case.write_epoch, "{}", case.name);
        assert_eq!(state.watermark, case.deletion_watermark, "{}", case.name);
        let mut active: Vec<String> = state
            .active_set()
            .iter()
            .map(|blob| blob.id.to_string())
            .collect();
        active.sort();
        assert_eq!(active, case.active_index_blobs, "{}", case.name);
        let chain: Vec<(u64, u64)> = state
            .chain
            .iter()
            .map(|range| (range.first, range.last))
            .collect();
        assert_eq!(chain, case.longest_range_chain, "{}", case.name);
        let (prefix, suffix) = index_blob_name(state.write_epoch, &session, 1);
        assert_eq!(
            format!("{prefix}00112233445566778899aabbccddeeff{suffix}"),
            case.index_written_as
        );
    }
}

fn name_strategy() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        (0u64..6).prop_map(|n| n.to_string()),
        Just(u64::MAX.to_string()),
        Just(String::new()),
        Just("18446744073709551616".to_owned()),
    ];
    let family = proptest::sample::select(vec!["xe", "xw", "xs", "xr", "xn", "x", "n"]);
    (
        family,
        number.clone(),
        number.clone(),
        number,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(family, a, b, size, second, suffix)| {
            let second = if second {
                format!("_{b}")
            } else {
                String::new()
            };
            let suffix = if suffix {
                format!("-s{b}-c{size}")
            } else {
                String::new()
            };
            format!("{family}{a}{second}_ab{suffix}")
        })
}

proptest! {
    #[test]
    fn any_names_are_planned_without_panic(names in proptest::collection::vec(name_strategy(), 0..20)) {
        let blobs: Vec<BlobInfo> = names
            .iter()
            .map(|name| BlobInfo {
                id: BlobId::new(name.as_str()).expect("blob id"),
                length: 1,
                modified: jiff::Timestamp::UNIX_EPOCH,
            })
            .collect();
        let state = EpochState::of_listing(&blobs);
        let active = state.active_set();
        prop_assert!(active.iter().all(|blob| blobs.contains(blob)));
        // Ranges of the chain follow each other from 0.
        let mut next = Some(0);
        for range in &state.chain {
            prop_assert_eq!(Some(range.first), next);
            next = range.last.checked_add(1);
        }
    }
}
