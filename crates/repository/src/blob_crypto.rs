//! Whole encrypted blobs: index blobs, session markers, logs (format 1 §3.4).

use bytes::Bytes;
use holdfast_storage::BlobId;

use crate::blob_names;
use crate::crypto::ContentCipher;
use crate::error::{Error, Result};
use crate::hash::{HashOutput, Hasher};

/// Encrypts `plaintext` as the blob `prefix || hash || suffix`; the suffix, if any, begins with `-`.
///
/// # Errors
/// [`Error::Random`], [`Error::InvalidParameter`] for a suffix that makes no blob name.
pub fn seal(
    hasher: &Hasher,
    cipher: &ContentCipher,
    prefix: &str,
    plaintext: &[u8],
    suffix: &str,
) -> Result<(BlobId, Bytes)> {
    let name = format!(
        "{prefix}{}{suffix}",
        hex::encode(hasher.hash(plaintext).as_bytes())
    );
    let item = blob_names::encryption_id(&name).ok_or_else(|| Error::InvalidParameter {
        what: "blob name",
        reason: format!("{name} carries no hash"),
    })?;
    let sealed = cipher.seal(&item, plaintext)?;
    Ok((blob_names::blob_id(name)?, Bytes::from(sealed)))
}

/// Decrypts a blob and checks that its name carries the hash of what it holds.
///
/// # Errors
/// [`Error::Damaged`] naming the blob.
pub fn open(
    hasher: &Hasher,
    cipher: &ContentCipher,
    id: &BlobId,
    sealed: Vec<u8>,
) -> Result<Bytes> {
    let name = id.as_str();
    let damaged =
        |reason: &dyn std::fmt::Display| Error::damaged(format_args!("blob {id}"), reason);
    let item =
        blob_names::encryption_id(name).ok_or_else(|| damaged(&"its name carries no hash"))?;
    let mut buffer = sealed;
    let length = cipher
        .open_in_place(&item, &mut buffer)
        .map_err(|e| damaged(&e))?
        .len();
    let at = crate::crypto::NONCE_LENGTH;
    let plaintext = Bytes::from(buffer).slice(at..at + length);
    if !is_named_after(id, &hasher.hash(&plaintext)) {
        return Err(damaged(
            &"its name does not carry the hash of what it holds",
        ));
    }
    Ok(plaintext)
}

/// Whether the name of a blob carries this hash.
pub(crate) fn is_named_after(id: &BlobId, hash: &HashOutput) -> bool {
    let name = id.as_str();
    let hash = hex::encode(hash.as_bytes());
    blob_names::hash_part(name, blob_names::prefix_of(name)) == Some(hash.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::EncryptionAlgorithm;
    use crate::hash::HashAlgorithm;

    #[test]
    fn round_trip_for_every_hash_length() {
        for algorithm in [
            HashAlgorithm::Blake2b256_128,
            HashAlgorithm::HmacSha224,
            HashAlgorithm::Blake2b256,
        ] {
            let hasher = Hasher::new(algorithm, b"secret").unwrap();
            let cipher = ContentCipher::new(EncryptionAlgorithm::default(), b"master");
            for (prefix, suffix) in [
                ("xn12_", "-s0-c1"),
                ("s", "-s0"),
                ("xn0_", "--c1"),
                ("n", ""),
            ] {
                let (id, sealed) = seal(&hasher, &cipher, prefix, b"plain", suffix).unwrap();
                assert_eq!(
                    open(&hasher, &cipher, &id, sealed.to_vec()).unwrap(),
                    b"plain".as_slice()
                );
                let mut changed = sealed.to_vec();
                changed[13] ^= 1;
                assert!(open(&hasher, &cipher, &id, changed).is_err());
                let other = BlobId::new(format!("{id}").replacen(prefix, &format!("{prefix}0"), 1))
                    .unwrap();
                assert!(open(&hasher, &cipher, &other, sealed.to_vec()).is_err());
            }
        }
    }
}
