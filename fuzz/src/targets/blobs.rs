//! Names of blobs, what a listing of them says, markers, and whole encrypted blobs.

use std::str::from_utf8;

use holdfast_repository::blob_crypto;
use holdfast_repository::blob_names::{BlobFamily, encryption_id, session_of};
use holdfast_repository::crypto::{ContentCipher, EncryptionAlgorithm};
use holdfast_repository::epoch::{EpochState, epoch_of, range_of, watermark_of};
use holdfast_repository::format::EpochParameters;
use holdfast_repository::session::{SessionId, SessionInfo};
use holdfast_repository::{HashAlgorithm, Hasher};
use holdfast_storage::{BlobId, BlobInfo, StoreLocation};
use jiff::Timestamp;

use crate::{Flood, Target};

pub(super) const BLOB_NAMES: Target = Target {
    name: "blob_names",
    run: blob_names,
    floods: &[Flood::new("xn", "0", "_a-s1-c1"), Flood::new("q", "-s", "")],
};

fn blob_names(input: &[u8]) {
    let Ok(name) = from_utf8(input) else { return };
    let _ = BlobFamily::of(name);
    let _ = encryption_id(name);
    let _ = session_of(name);
    let _ = epoch_of(name);
    let _ = watermark_of(name);
    if let Some((first, last)) = range_of(name) {
        assert!(first <= last, "a range that is turned around");
    }
    if let Ok(id) = BlobId::new(name) {
        assert_eq!(id.as_str(), name);
    }
    if let Ok(session) = name.parse::<SessionId>() {
        assert_eq!(session.as_str(), name);
    }
}

pub(super) const EPOCHS: Target = Target {
    name: "epochs",
    run: epochs,
    floods: &[
        Flood::new("", "xn1_\n", ""),
        Flood::new("", "xr0_18446744073709551615_a-s1-c1\n", ""),
        Flood::new("", "xe18446744073709551615\nxw9\n", ""),
    ],
};

/// Every line is the name of a blob of one listing.
fn epochs(input: &[u8]) {
    let blobs: Vec<BlobInfo> = String::from_utf8_lossy(input)
        .lines()
        .filter_map(|line| BlobId::new(line).ok())
        .enumerate()
        .map(|(number, id)| BlobInfo {
            id,
            length: number as u64,
            modified: Timestamp::UNIX_EPOCH,
        })
        .collect();
    let state = EpochState::of_listing(&blobs);
    let parameters = EpochParameters::defaults();
    assert!(state.active_set().len() <= blobs.len());
    let _ = state.is_settled(u64::MAX);
    let _ = state.first_after_chain();
    let _ = state.plan_advance(&parameters);
    let _ = state.plan_single();
    let _ = state.plan_range(&parameters);
    let _ = state.plan_marker_cleanup(&parameters);
    let _ = state.plan_superseded(&parameters);
}

pub(super) const SEALED_BLOB: Target = Target {
    name: "sealed_blob",
    run: sealed_blob,
    floods: &[Flood::new("n0123456789abcdef0123456789abcdef\n", "\0", "")],
};

/// The first line is the name, the rest the blob.
fn sealed_blob(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (name, sealed) = input.split_at(end.unwrap_or(input.len()));
    let Ok(hasher) = Hasher::new(HashAlgorithm::Blake2b256_128, b"secret") else {
        return;
    };
    let cipher = ContentCipher::new(EncryptionAlgorithm::default(), b"master");
    if let Some(id) = from_utf8(name).ok().and_then(|name| BlobId::new(name).ok()) {
        let _ = blob_crypto::open(
            &hasher,
            &cipher,
            &id,
            sealed.get(1..).unwrap_or_default().to_vec(),
        );
    }
}

pub(super) const SESSION_MARKER: Target = Target {
    name: "session_marker",
    run: |input| super::json::round_trip::<SessionInfo>(input),
    floods: &[Flood::new("{\"id\":[", "[", "")],
};

pub(super) const STORE_LOCATION: Target = Target {
    name: "store_location",
    run: |input| {
        if let Ok(text) = from_utf8(input) {
            let _ = StoreLocation::parse(text);
        }
    },
    floods: &[
        Flood::new("s3://", "%41", ""),
        Flood::new("s3://b/?", "prefix=&", ""),
    ],
};
