//! Vector `ecc.json`, and damage.

use holdfast_repository::ecc::{ErrorCorrection, REED_SOLOMON_CRC32};
use proptest::prelude::*;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::vectors::{Data, load};

#[derive(Deserialize)]
struct Vectors {
    algorithm: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    percent: u32,
    input: Data,
    output_len: usize,
    #[serde(default)]
    output: Option<String>,
    output_sha256: String,
}

fn correction(percent: u32) -> ErrorCorrection {
    ErrorCorrection::new(percent).expect("percent")
}

fn encode(correction: &ErrorCorrection, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    correction.encode(data, &mut out);
    assert_eq!(out.len(), correction.encoded_length(data.len()));
    out
}

fn decode(correction: &ErrorCorrection, stored: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut stored = stored.to_vec();
    let decoded = correction.decode(&mut stored).ok()?;
    Some((stored[..decoded.length].to_vec(), decoded.repaired))
}

#[test]
fn encodings_are_the_expected_ones() {
    let vectors: Vectors = load("ecc.json");
    assert_eq!(vectors.algorithm, REED_SOLOMON_CRC32);
    assert!(!vectors.cases.is_empty());
    for case in &vectors.cases {
        let correction = correction(case.percent);
        let data = case.input.bytes();
        let stored = encode(&correction, &data);
        let name = format!("{} % of {} bytes", case.percent, data.len());
        assert_eq!(stored.len(), case.output_len, "{name}");
        if let Some(output) = &case.output {
            assert_eq!(hex::encode(&stored), *output, "{name}");
        }
        assert_eq!(
            hex::encode(Sha256::digest(&stored)),
            case.output_sha256,
            "{name}"
        );
        assert_eq!(decode(&correction, &stored), Some((data, 0)), "{name}");
    }
}

#[test]
fn absurd_overheads_are_refused() {
    for percent in [0, 101, 1000, u32::MAX] {
        let error = ErrorCorrection::new(percent).expect_err("refused");
        assert!(error.to_string().contains("1 to 100"), "{error}");
    }
}

#[test]
fn a_stretch_of_damage_in_every_block_is_made_good() {
    let data: Vec<u8> = (0..300_000u32)
        .map(|i| (i.wrapping_mul(i) >> 7) as u8)
        .collect();
    for percent in [1, 2, 3, 5, 10, 50, 100] {
        let correction = correction(percent);
        let whole = encode(&correction, &data);
        // A part has at most 1,028 bytes, so a stretch of so many bytes touches two at most.
        for start in (0..whole.len() - 30).step_by(20_011) {
            let mut stored = whole.clone();
            for byte in &mut stored[start..start + 30] {
                *byte = !*byte;
            }
            let (decoded, repaired) = decode(&correction, &stored).expect("correctable");
            assert_eq!(decoded, data, "{percent} % at {start}");
            assert!(repaired <= 2);
        }
        let mut stored = whole;
        stored.fill(7);
        assert_eq!(decode(&correction, &stored), None, "{percent} %");
    }
}

#[test]
fn damage_beyond_the_redundancy_is_noticed() {
    let data = vec![9; 5000];
    let correction = correction(5);
    let whole = encode(&correction, &data);
    // Two parts of a block may be lost.
    let (mut repaired, mut lost) = (0, 0);
    for damaged in 1..6 {
        let mut stored = whole.clone();
        let count = stored.len();
        for at in 1..=damaged {
            stored[count - at * 100] ^= 1;
        }
        match decode(&correction, &stored) {
            Some((decoded, parts)) => {
                assert_eq!(decoded, data);
                assert_eq!(parts, damaged);
                repaired += 1;
            }
            None => lost += 1,
        }
    }
    assert_eq!((repaired, lost), (2, 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn data_comes_back_with_a_bit_flipped(percent in 1u32..=100, data in proptest::collection::vec(any::<u8>(), 0..20_000), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let correction = correction(percent);
        let mut stored = encode(&correction, &data);
        prop_assert_eq!(decode(&correction, &stored), Some((data.clone(), 0)));
        let at = at.index(stored.len());
        stored[at] ^= 1 << bit;
        let (decoded, repaired) = decode(&correction, &stored).expect("correctable");
        prop_assert_eq!(decoded, data);
        prop_assert!(repaired <= 1);
    }

    #[test]
    fn any_bytes_never_panic(percent in 1u32..=100, stored in proptest::collection::vec(any::<u8>(), 0..3000), cut in 0usize..40_000) {
        let correction = correction(percent);
        let _ = decode(&correction, &stored);
        let mut long = encode(&correction, &vec![1; 30_000]);
        long.truncate(cut);
        if let Some((data, _)) = decode(&correction, &long) {
            prop_assert!(data.len() <= 30_000);
        }
    }
}
