//! Vector `compression.json`.

use base64::Engine as _;
use holdfast_repository::CompressionAlgorithm;
use holdfast_repository::compress::decompress;
use serde::Deserialize;

use crate::vectors::{Data, load};

#[derive(Deserialize)]
struct Vectors {
    algorithms: Vec<Algorithm>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Algorithm {
    name: String,
    #[serde(rename = "headerID")]
    header_id: String,
    supported: bool,
    #[serde(default)]
    cases: Option<Vec<Case>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    plaintext: Data,
    #[serde(default)]
    blob_base64: Option<String>,
}

#[test]
fn blobs_give_their_plaintext() {
    let vectors: Vectors = load("compression.json");
    assert_eq!(vectors.algorithms.len(), CompressionAlgorithm::ALL.len());
    let mut read = 0;
    for vector in &vectors.algorithms {
        let algorithm =
            CompressionAlgorithm::by_name(&vector.name).expect("every name of the format is known");
        assert_eq!(format!("{:08x}", algorithm.id()), vector.header_id);
        assert_eq!(CompressionAlgorithm::by_id(algorithm.id()), Some(algorithm));
        for case in vector.cases.iter().flatten() {
            let Some(blob) = &case.blob_base64 else {
                continue;
            };
            let blob = base64::engine::general_purpose::STANDARD
                .decode(blob)
                .expect("base64");
            let plaintext = case.plaintext.bytes();
            let mut data = Vec::new();
            decompress(
                &vector.name,
                algorithm.id(),
                &blob,
                plaintext.len(),
                &mut data,
            )
            .unwrap_or_else(|error| panic!("{}: {error}", vector.name));
            assert_eq!(data, plaintext, "{}", vector.name);
            read += 1;
        }
        assert_eq!(algorithm.is_writable(), vector.supported);
    }
    // Some cases give a length only, because their blobs are large.
    assert!(read >= 75, "{read}");
}
