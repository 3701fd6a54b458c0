//! Vector `hashes.json`.

use holdfast_repository::{Error, HashAlgorithm, Hasher};
use serde::Deserialize;

use crate::vectors::{Data, hex, load};

#[derive(Deserialize)]
struct Hashes {
    algorithms: Vec<Algorithm>,
    default: String,
}

#[derive(Deserialize)]
struct Algorithm {
    name: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    key: String,
    data: Data,
    output: String,
}

#[test]
fn every_supported_hash_gives_the_expected_output() {
    let vectors: Hashes = load("hashes.json");
    assert_eq!(HashAlgorithm::default().name(), vectors.default);
    let mut supported = Vec::new();
    for vector in &vectors.algorithms {
        let algorithm =
            HashAlgorithm::by_name(&vector.name).expect("every name of the format is known");
        for case in &vector.cases {
            let hasher = match Hasher::new(algorithm, &hex(&case.key)) {
                Ok(hasher) => hasher,
                Err(Error::NotSupportedYet { kind: "hash", name }) => {
                    assert_eq!(name, vector.name);
                    continue;
                }
                Err(e) => panic!("{}: {e}", vector.name),
            };
            let data = case.data.bytes();
            assert_eq!(
                hex::encode(hasher.hash(&data).as_bytes()),
                case.output,
                "{}",
                vector.name
            );
            assert_eq!(
                hasher.hash_many(&[(None, &data)])[0].to_string(),
                case.output
            );
            if !supported.contains(&algorithm) {
                supported.push(algorithm);
            }
        }
    }
    assert_eq!(vectors.algorithms.len(), HashAlgorithm::ALL.len());
    for needed in [
        HashAlgorithm::Blake2b256_128,
        HashAlgorithm::Blake2b256,
        HashAlgorithm::HmacSha256,
    ] {
        assert!(supported.contains(&needed), "{needed:?}");
    }
}
