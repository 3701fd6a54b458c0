//! Vector `compression.json`.

use base64::Engine as _;
use holdfast_repository::compress::decompress;
use holdfast_repository::{CompressionAlgorithm, Error};
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
fn blobs_give_their_plaintext_or_name_what_is_missing() {
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
            match decompress(
                &vector.name,
                algorithm.id(),
                &blob,
                plaintext.len(),
                &mut data,
            ) {
                Ok(()) => {
                    assert_eq!(data, plaintext, "{}", vector.name);
                    read += 1;
                }
                Err(Error::NotSupportedYet {
                    kind: "compression",
                    name,
                }) => {
                    assert_eq!(name, vector.name);
                    assert_eq!(name, "lz4");
                }
                Err(e) => panic!("{}: {e}", vector.name),
            }
        }
    }
    assert!(read >= 75, "{read}");
}
