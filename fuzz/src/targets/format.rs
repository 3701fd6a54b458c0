//! The format blob, its encrypted part, and the names of algorithms in it.

use std::str::from_utf8;

use holdfast_repository::crypto::EncryptionAlgorithm;
use holdfast_repository::ecc::ErrorCorrection;
use holdfast_repository::format::{BlobConfiguration, FormatBlob, RepositoryFormat};
use holdfast_repository::kdf::KeyDerivation;
use holdfast_repository::{CompressionAlgorithm, HashAlgorithm, Hasher, Splitter};

use crate::{Flood, Target};

pub(super) const FORMAT_BLOB: Target = Target {
    name: "format_blob",
    run: format_blob,
    floods: &[
        Flood::new("{\"a\":[", "[],", "[]]}"),
        Flood::new("{\"a\":[", "[[[[1]]]],", "[]]}"),
        Flood::new("{\"a\":[", "{\"\":{\"\":{\"\":1}}},", "{}]}"),
        Flood::new("{\"uniqueID\":\"", "AAAA", "\"}"),
    ],
};

fn format_blob(input: &[u8]) {
    let Ok(blob) = FormatBlob::parse(input) else {
        return;
    };
    let _ = blob.key_derivation();
    assert_eq!(FormatBlob::parse(&blob.to_bytes()).ok(), Some(blob));
}

pub(super) const FORMAT_PARAMETERS: Target = Target {
    name: "format_parameters",
    run: |input| {
        // A format blob has no room for more.
        let input = &input[..input.len().min(256 << 10)];
        super::json::round_trip::<RepositoryFormat>(input);
        if let Ok(format) = serde_json::from_slice::<RepositoryFormat>(input) {
            let _ = format.max_pack_size();
            let _ = format.index_version();
            let _ = format.error_correction();
        }
        let _ = BlobConfiguration::parse(input);
    },
    floods: &[
        Flood::new(
            "{\"requiredFeatures\":[",
            "{\"feature\":\"\"},",
            "{\"feature\":\"\"}]}",
        ),
        Flood::new("{\"requiredFeatures\":[", "{},", "{}]}"),
    ],
};

pub(super) const ALGORITHMS: Target = Target {
    name: "algorithms",
    run: algorithms,
    floods: &[Flood::new("DYNAMIC-", "1", "M-BUZHASH")],
};

fn algorithms(input: &[u8]) {
    let Ok(name) = from_utf8(input) else { return };
    if let Ok(mut splitter) = Splitter::new(name) {
        assert!(splitter.min_length() <= splitter.max_length());
        let _ = splitter.next_cut(input);
    }
    if let Some(algorithm) = HashAlgorithm::by_name(name) {
        assert_eq!(algorithm.name(), name);
        let _ = Hasher::new(algorithm, input);
    }
    if let Some(algorithm) = EncryptionAlgorithm::by_name(name) {
        assert_eq!(algorithm.name(), name);
    }
    if let Some(algorithm) = CompressionAlgorithm::by_name(name) {
        assert_eq!(algorithm.name(), name);
    }
    if let Some(derivation) = KeyDerivation::by_name(name) {
        assert_eq!(derivation.name(), name);
    }
    if let Ok(percent) = name.parse() {
        let _ = ErrorCorrection::new(percent);
    }
}
