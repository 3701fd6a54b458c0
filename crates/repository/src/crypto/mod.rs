//! Encryption of contents, local indexes and blobs (format 1 §3.3): a key per item, sealed in place.

mod random;

pub use random::RandomSource;

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use ring::aead;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::ecc::ErrorCorrection;
use crate::error::{Error, Result};
use crate::kdf;

/// Length of the nonce in front of every ciphertext, in bytes.
pub const NONCE_LENGTH: usize = 12;
/// Length of the authentication tag behind every ciphertext, in bytes.
pub const TAG_LENGTH: usize = 16;
/// How much longer a ciphertext without error correction is than its plaintext, in bytes.
pub const OVERHEAD: usize = NONCE_LENGTH + TAG_LENGTH;

/// Ciphers of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EncryptionAlgorithm {
    /// AES-256-GCM with an HMAC-SHA256 derived key per item; the default.
    #[default]
    Aes256GcmHmacSha256,
    /// ChaCha20-Poly1305 with an HMAC-SHA256 derived key per item.
    Chacha20Poly1305HmacSha256,
}

impl EncryptionAlgorithm {
    /// Every algorithm of the format.
    pub const ALL: [Self; 2] = [Self::Aes256GcmHmacSha256, Self::Chacha20Poly1305HmacSha256];

    /// Name in the format blob.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes256GcmHmacSha256 => "AES256-GCM-HMAC-SHA256",
            Self::Chacha20Poly1305HmacSha256 => "CHACHA20-POLY1305-HMAC-SHA256",
        }
    }

    /// Finds an algorithm by its name in the format blob.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    fn aead(self) -> &'static aead::Algorithm {
        match self {
            Self::Aes256GcmHmacSha256 => &aead::AES_256_GCM,
            Self::Chacha20Poly1305HmacSha256 => &aead::CHACHA20_POLY1305,
        }
    }
}

/// The bytes were changed, or belong to another item or another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not authentic: changed, cut short, or encrypted under another key")]
pub struct NotAuthentic;

/// Seals and opens items of one repository. Cloning is cheap enough for one per worker.
#[derive(Clone)]
pub struct ContentCipher {
    aead: &'static aead::Algorithm,
    /// HMAC keyed with the content encryption root, ready to be cloned for each item.
    item_keys: Hmac<Sha256>,
    /// Redundancy around every ciphertext.
    correction: Option<Arc<ErrorCorrection>>,
}

impl std::fmt::Debug for ContentCipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContentCipher(redacted)")
    }
}

impl ContentCipher {
    /// Prepares the cipher of a repository with this master key.
    #[must_use]
    pub fn new(algorithm: EncryptionAlgorithm, master_key: &[u8]) -> Self {
        let root = kdf::hkdf(master_key, b"encryption", b"");
        Self {
            aead: algorithm.aead(),
            item_keys: keyed_hmac(root.expose()),
            correction: None,
        }
    }

    /// The same cipher with redundancy around every ciphertext (format 1 §3.5).
    #[must_use]
    pub fn with_error_correction(self, correction: Option<ErrorCorrection>) -> Self {
        Self {
            correction: correction.map(Arc::new),
            ..self
        }
    }

    /// Whether ciphertexts carry redundancy, so that no plaintext can be sealed where it lies.
    #[must_use]
    pub fn corrects_errors(&self) -> bool {
        self.correction.is_some()
    }

    /// How many bytes are stored for `length` bytes of plaintext.
    #[must_use]
    pub fn sealed_length(&self, length: usize) -> usize {
        match &self.correction {
            Some(correction) => correction.encoded_length(length + OVERHEAD),
            None => length + OVERHEAD,
        }
    }

    fn item_key(&self, item: &[u8]) -> aead::LessSafeKey {
        let mut mac = self.item_keys.clone();
        mac.update(item);
        let key = Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()));
        less_safe_key(self.aead, key.as_slice())
    }

    /// Encrypts `data` in place and returns the tag; the ciphertext is nonce, data, tag. Without error correction
    /// it is what is stored.
    ///
    /// `item` is the item id of format 1 §3.2, `nonce` must be fresh random bytes.
    pub fn seal_in_place(
        &self,
        item: &[u8],
        nonce: [u8; NONCE_LENGTH],
        data: &mut [u8],
    ) -> [u8; TAG_LENGTH] {
        seal(&self.item_key(item), nonce, item, data)
    }

    /// Appends to `out` what is stored for `plaintext`.
    ///
    /// `item` is the item id of format 1 §3.2, `nonce` must be fresh random bytes.
    pub fn append_sealed(
        &self,
        item: &[u8],
        nonce: [u8; NONCE_LENGTH],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) {
        match &self.correction {
            Some(correction) => {
                let mut ciphertext = Vec::new();
                self.append_ciphertext(item, nonce, plaintext, &mut ciphertext);
                correction.encode(&ciphertext, out);
            }
            None => self.append_ciphertext(item, nonce, plaintext, out),
        }
    }

    fn append_ciphertext(
        &self,
        item: &[u8],
        nonce: [u8; NONCE_LENGTH],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) {
        out.reserve(plaintext.len() + OVERHEAD);
        out.extend_from_slice(&nonce);
        let at = out.len();
        out.extend_from_slice(plaintext);
        let tag = self.seal_in_place(item, nonce, &mut out[at..]);
        out.extend_from_slice(&tag);
    }

    /// What is stored for `plaintext`, in a buffer of its own.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn seal(&self, item: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LENGTH];
        random_bytes(&mut nonce)?;
        let mut sealed = Vec::new();
        self.append_sealed(item, nonce, plaintext, &mut sealed);
        Ok(sealed)
    }

    /// Corrects, checks and decrypts what is stored, in place. The plaintext lies behind the first
    /// [`NONCE_LENGTH`] bytes.
    ///
    /// # Errors
    /// [`NotAuthentic`]; `sealed` then holds nothing of use.
    pub fn open_in_place<'a>(
        &self,
        item: &[u8],
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], NotAuthentic> {
        let length = match &self.correction {
            Some(correction) => {
                correction
                    .decode(sealed)
                    .map_err(|_uncorrectable| NotAuthentic)?
                    .length
            }
            None => sealed.len(),
        };
        open(&self.item_key(item), item, &mut sealed[..length])
    }
}

/// An HMAC-SHA256 keyed with `key`, which may have any length.
pub(crate) fn keyed_hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"))
}

/// A ring key of 32 bytes, which both ciphers have.
pub(crate) fn less_safe_key(algorithm: &'static aead::Algorithm, key: &[u8]) -> aead::LessSafeKey {
    let key = aead::UnboundKey::new(algorithm, key)
        .unwrap_or_else(|_| unreachable!("both ciphers take 32 bytes"));
    aead::LessSafeKey::new(key)
}

/// Seals `data` in place and returns the tag.
pub(crate) fn seal(
    key: &aead::LessSafeKey,
    nonce: [u8; NONCE_LENGTH],
    aad: &[u8],
    data: &mut [u8],
) -> [u8; TAG_LENGTH] {
    let nonce = aead::Nonce::assume_unique_for_key(nonce);
    let tag = key
        .seal_in_place_separate_tag(nonce, aead::Aad::from(aad), data)
        .unwrap_or_else(|_| unreachable!("contents are far below the 64 GiB limit of the ciphers"));
    let mut out = [0; TAG_LENGTH];
    out.copy_from_slice(tag.as_ref());
    out
}

/// Seals a copy of `plaintext` with a random nonce: nonce, data, tag.
pub(crate) fn seal_to_vec(
    key: &aead::LessSafeKey,
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE_LENGTH];
    random_bytes(&mut nonce)?;
    let mut out = Vec::with_capacity(plaintext.len() + OVERHEAD);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(plaintext);
    let tag = seal(key, nonce, aad, &mut out[NONCE_LENGTH..]);
    out.extend_from_slice(&tag);
    Ok(out)
}

/// Opens nonce, data and tag in place.
pub(crate) fn open<'a>(
    key: &aead::LessSafeKey,
    aad: &[u8],
    sealed: &'a mut [u8],
) -> Result<&'a mut [u8], NotAuthentic> {
    if sealed.len() < OVERHEAD {
        return Err(NotAuthentic);
    }
    let (nonce, data) = sealed.split_at_mut(NONCE_LENGTH);
    let nonce = aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotAuthentic)?;
    key.open_in_place(nonce, aead::Aad::from(aad), data)
        .map_err(|_| NotAuthentic)
}

/// Fills `bytes` from the operating system.
pub(crate) fn random_bytes(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|e| Error::Random {
        reason: e.to_string(),
    })
}
