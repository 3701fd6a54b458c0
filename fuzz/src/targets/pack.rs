//! The ends of packs, from which a lost index is recovered.

use bytes::Bytes;
use holdfast_repository::crypto::{ContentCipher, EncryptionAlgorithm};
use holdfast_repository::pack::{Postamble, read_format_copy, read_local_index};
use holdfast_storage::{BlobId, BlobStore, MemoryStore, PutOptions};

use crate::{Flood, Target};

pub(super) const PACK: Target = Target {
    name: "pack",
    run: pack,
    floods: &[
        Flood {
            head: b"",
            unit: b"\xff",
            tail: b"\xfe",
        },
        Flood {
            head: b"\xff\xff",
            unit: b"\0",
            tail: b"\xff\xff",
        },
    ],
};

fn pack(input: &[u8]) {
    if let Some(postamble) = Postamble::find(input)
        && postamble.item.len() <= 32
    {
        assert_eq!(Postamble::find(&postamble.to_bytes()), Some(postamble));
    }
    let store = MemoryStore::new();
    let Ok(id) = BlobId::new("q0123456789abcdef0123456789abcdef-s1") else {
        return;
    };
    let put = store.put(&id, Bytes::copy_from_slice(input), &PutOptions::default());
    assert!(put.is_ok(), "the memory takes every blob");
    let cipher = ContentCipher::new(EncryptionAlgorithm::default(), b"master");
    let length = input.len() as u64;
    let _ = read_local_index(&store, &cipher, &id, length);
    let _ = read_format_copy(&store, &id, length);
}
