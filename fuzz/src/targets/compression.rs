//! Compressed contents of every algorithm.

use holdfast_repository::compress::{decompress, decompress_object};

use crate::{Flood, Target};

pub(super) const CONTENT: Target = Target {
    name: "compression",
    run: content,
    floods: &[
        Flood {
            head: b"\x0f\xff\xff\xff\0\0\x11\0",
            unit: b"\x28\xb5\x2f\xfd\x20\0\x01\0\0",
            tail: b"",
        },
        Flood {
            head: b"\x7f\xff\xff\xff\0\0\x12\0\xff\x06\0\0S2sTwO",
            unit: b"\0\xff\xff\xff",
            tail: b"",
        },
    ],
};

/// The first four bytes are the length that an index would say.
fn content(input: &[u8]) {
    let Some((length, data)) = input.split_first_chunk::<4>() else {
        return;
    };
    let id = data
        .first_chunk()
        .map_or(0, |header| u32::from_be_bytes(*header));
    let length = u32::from_be_bytes(*length) as usize;
    let mut out = Vec::new();
    if decompress(&"content", id, data, length, &mut out).is_ok() {
        assert_eq!(out.len(), length);
    }
}

pub(super) const OBJECT: Target = Target {
    name: "compression_object",
    run: |data| {
        let _ = decompress_object(&"object", data, &mut Vec::new());
    },
    floods: &[Flood {
        head: b"\0\0\x14\0\x04\x22\x4d\x18",
        unit: b"\x70\x73\xff\xff",
        tail: b"",
    }],
};
