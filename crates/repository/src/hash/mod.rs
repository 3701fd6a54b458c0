//! Keyed hashes of contents (format 1 §3.1), one at a time, many small ones at once, or large ones in lanes.

mod lanes;

pub use lanes::HashState;

use blake2b_simd::many::HashManyJob;
use hmac::{Hmac, KeyInit, SimpleHmac};
use sha2::{Sha224, Sha256};
use sha3::{Sha3_224, Sha3_256};
use zeroize::Zeroizing;

use crate::content_id::ContentId;
use crate::error::{Error, Result};

/// Context in which a short secret becomes a BLAKE3 key (format 1 §3.1).
const BLAKE3_CONTEXT: &str = "kopia blake3 derived key v1";

/// Hash algorithms of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "named exactly as in the format")]
pub enum HashAlgorithm {
    #[default]
    Blake2b256_128,
    Blake2b256,
    Blake2s128,
    Blake2s256,
    Blake3_256,
    Blake3_256_128,
    HmacSha256,
    HmacSha256_128,
    HmacSha224,
    HmacSha3_224,
    HmacSha3_256,
}

impl HashAlgorithm {
    /// Every algorithm of the format.
    pub const ALL: [Self; 11] = [
        Self::Blake2b256_128,
        Self::Blake2b256,
        Self::Blake2s128,
        Self::Blake2s256,
        Self::Blake3_256,
        Self::Blake3_256_128,
        Self::HmacSha256,
        Self::HmacSha256_128,
        Self::HmacSha224,
        Self::HmacSha3_224,
        Self::HmacSha3_256,
    ];

    /// Name in the format blob.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Blake2b256_128 => "BLAKE2B-256-128",
            Self::Blake2b256 => "BLAKE2B-256",
            Self::Blake2s128 => "BLAKE2S-128",
            Self::Blake2s256 => "BLAKE2S-256",
            Self::Blake3_256 => "BLAKE3-256",
            Self::Blake3_256_128 => "BLAKE3-256-128",
            Self::HmacSha256 => "HMAC-SHA256",
            Self::HmacSha256_128 => "HMAC-SHA256-128",
            Self::HmacSha224 => "HMAC-SHA224",
            Self::HmacSha3_224 => "HMAC-SHA3-224",
            Self::HmacSha3_256 => "HMAC-SHA3-256",
        }
    }

    /// Finds an algorithm by its name in the format blob.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    /// Length of the hash in bytes.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::Blake2b256_128
            | Self::Blake2s128
            | Self::Blake3_256_128
            | Self::HmacSha256_128 => 16,
            Self::HmacSha224 | Self::HmacSha3_224 => 28,
            Self::Blake2b256
            | Self::Blake2s256
            | Self::Blake3_256
            | Self::HmacSha256
            | Self::HmacSha3_256 => 32,
        }
    }
}

/// A hash of up to 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashOutput {
    bytes: [u8; 32],
    length: usize,
}

impl HashOutput {
    fn new(full: &[u8], length: usize) -> Self {
        let mut bytes = [0; 32];
        bytes[..length].copy_from_slice(&full[..length]);
        Self { bytes, length }
    }

    /// The hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// The content id with this hash.
    fn content_id(&self, prefix: Option<u8>) -> ContentId {
        ContentId::new(prefix, self.as_bytes()).unwrap_or_else(|| {
            unreachable!("prefixes are checked letters, hashes have 16 to 32 bytes")
        })
    }
}

impl std::fmt::Debug for HashOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.as_bytes()))
    }
}

/// Hashes under the secret of one repository.
#[derive(Clone)]
pub struct Hasher {
    algorithm: HashAlgorithm,
    keyed: Keyed,
}

/// An algorithm with its key, ready to be started for each content.
#[derive(Clone)]
enum Keyed {
    Blake2b(Box<blake2b_simd::Params>),
    Blake2s(Box<blake2s_simd::Params>),
    Blake3(Box<blake3::Hasher>),
    HmacSha224(Box<Hmac<Sha224>>),
    HmacSha256(Box<Hmac<Sha256>>),
    HmacSha3_224(Box<SimpleHmac<Sha3_224>>),
    HmacSha3_256(Box<SimpleHmac<Sha3_256>>),
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hasher")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// An HMAC over any hash; it takes keys of every length.
fn hmac<M: KeyInit>(secret: &[u8]) -> Box<M> {
    Box::new(
        M::new_from_slice(secret).unwrap_or_else(|_| unreachable!("HMAC takes keys of any length")),
    )
}

/// The key of BLAKE3: the start of the secret, or one derived from a secret that is too short.
fn blake3_key(secret: &[u8]) -> Zeroizing<[u8; blake3::KEY_LEN]> {
    Zeroizing::new(
        secret
            .first_chunk()
            .copied()
            .unwrap_or_else(|| blake3::derive_key(BLAKE3_CONTEXT, secret)),
    )
}

fn check_key(secret: &[u8], limit: usize, algorithm: HashAlgorithm) -> Result<()> {
    if secret.len() <= limit {
        return Ok(());
    }
    Err(Error::InvalidFormat {
        blob: crate::blob_names::FORMAT,
        reason: format!(
            "the secret has {} bytes, {} takes at most {limit}",
            secret.len(),
            algorithm.name()
        ),
    })
}

impl Hasher {
    /// Prepares an algorithm with the secret of a repository (may be empty).
    ///
    /// # Errors
    /// [`Error::InvalidFormat`] when the secret is too long for the algorithm.
    pub fn new(algorithm: HashAlgorithm, secret: &[u8]) -> Result<Self> {
        let keyed = match algorithm {
            HashAlgorithm::Blake2b256_128 | HashAlgorithm::Blake2b256 => {
                check_key(secret, blake2b_simd::KEYBYTES, algorithm)?;
                let mut parameters = blake2b_simd::Params::new();
                parameters.hash_length(32).key(secret);
                Keyed::Blake2b(Box::new(parameters))
            }
            HashAlgorithm::Blake2s128 | HashAlgorithm::Blake2s256 => {
                check_key(secret, blake2s_simd::KEYBYTES, algorithm)?;
                let mut parameters = blake2s_simd::Params::new();
                // The length is a parameter of the hash, so the short form is no cut of the long one.
                parameters.hash_length(algorithm.length()).key(secret);
                Keyed::Blake2s(Box::new(parameters))
            }
            HashAlgorithm::Blake3_256 | HashAlgorithm::Blake3_256_128 => {
                Keyed::Blake3(Box::new(blake3::Hasher::new_keyed(&blake3_key(secret))))
            }
            HashAlgorithm::HmacSha256 | HashAlgorithm::HmacSha256_128 => {
                Keyed::HmacSha256(hmac(secret))
            }
            HashAlgorithm::HmacSha224 => Keyed::HmacSha224(hmac(secret)),
            HashAlgorithm::HmacSha3_224 => Keyed::HmacSha3_224(hmac(secret)),
            HashAlgorithm::HmacSha3_256 => Keyed::HmacSha3_256(hmac(secret)),
        };
        Ok(Self { algorithm, keyed })
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// Hash of `data`.
    #[must_use]
    pub fn hash(&self, data: &[u8]) -> HashOutput {
        if let Keyed::Blake2b(parameters) = &self.keyed {
            return HashOutput::new(parameters.hash(data).as_bytes(), self.algorithm.length());
        }
        let mut state = self.start();
        state.update(data);
        self.finish(&state)
    }

    /// Id of a content; `prefix` must be a letter `g`..`z`.
    ///
    /// # Panics
    /// When the prefix is no such letter.
    #[must_use]
    pub fn content_id(&self, prefix: Option<u8>, data: &[u8]) -> ContentId {
        check_prefix(prefix);
        self.hash(data).content_id(prefix)
    }

    /// Ids of many contents at once, several hashed side by side where the processor can; best for items
    /// below about 1 MiB. The result has the order of the items.
    ///
    /// # Panics
    /// When a prefix is no letter `g`..`z`.
    #[must_use]
    pub fn hash_many(&self, items: &[(Option<u8>, &[u8])]) -> Vec<ContentId> {
        for (prefix, _) in items {
            check_prefix(*prefix);
        }
        let Keyed::Blake2b(parameters) = &self.keyed else {
            return items
                .iter()
                .map(|(prefix, data)| self.content_id(*prefix, data))
                .collect();
        };
        // Jobs that run side by side should have similar lengths, so that no lane idles.
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_unstable_by_key(|&i| std::cmp::Reverse(items[i].1.len()));
        let mut jobs: Vec<HashManyJob<'_>> = order
            .iter()
            .map(|&i| HashManyJob::new(parameters, items[i].1))
            .collect();
        blake2b_simd::many::hash_many(jobs.iter_mut());
        let length = self.algorithm.length();
        let mut ids: Vec<Option<ContentId>> = vec![None; items.len()];
        for (&i, job) in order.iter().zip(&jobs) {
            ids[i] = Some(HashOutput::new(job.to_hash().as_bytes(), length).content_id(items[i].0));
        }
        ids.into_iter().flatten().collect()
    }
}

fn check_prefix(prefix: Option<u8>) {
    assert!(
        prefix.is_none_or(|p| p.is_ascii_lowercase() && p >= b'g'),
        "a content prefix is a letter g to z"
    );
}
