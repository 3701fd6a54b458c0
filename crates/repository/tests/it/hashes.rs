//! Vector `hashes.json`.

use holdfast_repository::{HashAlgorithm, Hasher};
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
fn every_hash_gives_the_expected_output() {
    let vectors: Hashes = load("hashes.json");
    assert_eq!(HashAlgorithm::default().name(), vectors.default);
    assert_eq!(vectors.algorithms.len(), HashAlgorithm::ALL.len());
    for vector in &vectors.algorithms {
        let algorithm =
            HashAlgorithm::by_name(&vector.name).expect("every name of the format is known");
        assert!(!vector.cases.is_empty());
        for case in &vector.cases {
            let hasher = Hasher::new(algorithm, &hex(&case.key)).expect("key");
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
        }
    }
}

#[test]
fn secrets_that_are_too_long_are_refused() {
    for algorithm in HashAlgorithm::ALL {
        let limit = match algorithm {
            HashAlgorithm::Blake2b256 | HashAlgorithm::Blake2b256_128 => 64,
            HashAlgorithm::Blake2s128 | HashAlgorithm::Blake2s256 => 32,
            _ => continue,
        };
        assert!(Hasher::new(algorithm, &vec![1; limit]).is_ok());
        let error = Hasher::new(algorithm, &vec![1; limit + 1]).expect_err("too long");
        assert!(error.to_string().contains(algorithm.name()), "{error}");
    }
}
