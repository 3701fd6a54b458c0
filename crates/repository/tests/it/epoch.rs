//! Vector `epoch.json`: which index blobs count, and where new ones go.

use holdfast_repository::epoch::{EpochState, index_blob_name};
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
}

#[derive(Deserialize)]
struct Blob {
    id: String,
    length: u64,
    time: i64,
}

#[test]
fn the_expected_blobs_are_active() {
    let vectors: Vectors = load("epoch.json");
    assert!(vectors.cases.len() >= 20);
    let session: SessionId = "s0102030405060708139".parse().expect("session id");
    for case in &vectors.cases {
        let blobs: Vec<BlobInfo> = case
            .blobs
            .iter()
            .map(|blob| BlobInfo {
                id: BlobId::new(blob.id.as_str()).expect("blob id"),
                length: blob.length,
                modified: jiff::Timestamp::from_second(blob.time).expect("time"),
            })
            .collect();
        let state = EpochState::of_listing(&blobs);
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
