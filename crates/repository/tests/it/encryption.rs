//! Vector `encryption.json`.

use holdfast_repository::crypto::{ContentCipher, EncryptionAlgorithm, OVERHEAD};
use serde::Deserialize;

use crate::vectors::{Data, hex, load};

#[derive(Deserialize)]
struct Encryption {
    algorithms: Vec<Algorithm>,
    default: String,
}

#[derive(Deserialize)]
struct Algorithm {
    name: String,
    overhead: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    master_key: String,
    #[serde(rename = "contentID")]
    content_id: String,
    nonce: String,
    plaintext: Data,
    ciphertext: String,
}

#[test]
fn both_ciphers_seal_and_open() {
    let vectors: Encryption = load("encryption.json");
    assert_eq!(EncryptionAlgorithm::default().name(), vectors.default);
    assert_eq!(vectors.algorithms.len(), EncryptionAlgorithm::ALL.len());
    for vector in &vectors.algorithms {
        let algorithm =
            EncryptionAlgorithm::by_name(&vector.name).expect("every name of the format is known");
        assert_eq!(vector.overhead, OVERHEAD);
        for case in &vector.cases {
            let cipher = ContentCipher::new(algorithm, &hex(&case.master_key));
            let item = hex(&case.content_id);
            let nonce: [u8; 12] = hex(&case.nonce).try_into().expect("a nonce has 12 bytes");
            let plaintext = case.plaintext.bytes();
            let mut data = plaintext.clone();
            let tag = cipher.seal_in_place(&item, nonce, &mut data);
            let mut sealed = [nonce.as_slice(), &data, &tag].concat();
            assert_eq!(hex::encode(&sealed), case.ciphertext);

            let own = cipher.seal(&item, &plaintext).expect("random bytes");
            assert_ne!(own, sealed);
            assert_eq!(
                cipher
                    .open_in_place(&item, &mut own.clone())
                    .expect("authentic"),
                plaintext
            );
            assert_eq!(
                cipher
                    .open_in_place(&item, &mut sealed.clone())
                    .expect("authentic"),
                plaintext
            );
            assert!(
                cipher
                    .open_in_place(b"another item....", &mut sealed.clone())
                    .is_err()
            );
            assert!(
                cipher
                    .open_in_place(&item, &mut sealed[..27].to_vec())
                    .is_err()
            );
            let last = sealed.len() - 1;
            sealed[last] ^= 1;
            assert!(cipher.open_in_place(&item, &mut sealed).is_err());
        }
    }
}
