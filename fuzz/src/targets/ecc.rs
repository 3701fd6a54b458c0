//! Items with redundancy.

use holdfast_repository::ecc::ErrorCorrection;

use crate::{Flood, Target};

pub(super) const ECC: Target = Target {
    name: "ecc",
    run: ecc,
    floods: &[
        Flood {
            head: b"\x01",
            unit: b"\0",
            tail: b"",
        },
        Flood {
            head: b"\x05",
            unit: b"\xff\0\xd2",
            tail: b"",
        },
        Flood {
            head: b"\x63",
            unit: b"\xd2\x02\xef\x8d\0",
            tail: b"",
        },
    ],
};

/// The first byte chooses the overhead; the rest is decoded, and also encoded and decoded again.
fn ecc(input: &[u8]) {
    let Some((percent, data)) = input.split_first() else {
        return;
    };
    let Ok(correction) = ErrorCorrection::new(u32::from(percent % 100) + 1) else {
        return;
    };
    let mut stored = data.to_vec();
    if let Ok(decoded) = correction.decode(&mut stored) {
        assert!(decoded.length <= stored.len());
    }
    let mut encoded = Vec::new();
    correction.encode(data, &mut encoded);
    assert_eq!(encoded.len(), correction.encoded_length(data.len()));
    let middle = encoded.len() / 2;
    if let Some(byte) = encoded.get_mut(middle) {
        *byte ^= 1;
    }
    match correction.decode(&mut encoded) {
        Ok(decoded) => assert_eq!(&encoded[..decoded.length], data),
        Err(_) => panic!("one flipped bit was not made good"),
    }
}
