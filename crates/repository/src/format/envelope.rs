//! The AES-256-GCM envelope of the format blob and the blob configuration (format 1 §2.3).

use ring::aead::AES_256_GCM;
use zeroize::Zeroizing;

use crate::crypto::{self, NotAuthentic};
use crate::error::Result;
use crate::kdf::{self, SecretKey};

const KEY_PURPOSE: &[u8] = b"AES";
const AAD_PURPOSE: &[u8] = b"CHECKSUM";

/// Encrypts `plaintext` under the password's key with a fresh nonce.
pub(super) fn seal(key: &SecretKey, unique_id: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
    let aes = kdf::hkdf(key.expose(), unique_id, KEY_PURPOSE);
    let aad = kdf::hkdf(key.expose(), unique_id, AAD_PURPOSE);
    crypto::seal_to_vec(
        &crypto::less_safe_key(&AES_256_GCM, aes.expose()),
        aad.expose(),
        plaintext,
    )
}

/// Decrypts; failure is how a wrong password shows.
pub(super) fn open(
    key: &SecretKey,
    unique_id: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
    let aes = kdf::hkdf(key.expose(), unique_id, KEY_PURPOSE);
    let aad = kdf::hkdf(key.expose(), unique_id, AAD_PURPOSE);
    let mut buffer = Zeroizing::new(sealed.to_vec());
    let length = crypto::open(
        &crypto::less_safe_key(&AES_256_GCM, aes.expose()),
        aad.expose(),
        &mut buffer,
    )?
    .len();
    // ring leaves the plaintext where the ciphertext was, behind the nonce.
    buffer.drain(..crypto::NONCE_LENGTH);
    buffer.truncate(length);
    Ok(buffer)
}
