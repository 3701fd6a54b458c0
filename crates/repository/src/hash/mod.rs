//! Keyed hashes of contents (format 1 §3.1), one at a time, many small ones at once, or large ones in lanes.

mod lanes;

pub use lanes::HashState;

use blake2b_simd::many::HashManyJob;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha224, Sha256};

use crate::content_id::ContentId;
use crate::error::{Error, Result};

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

#[derive(Clone)]
enum Keyed {
    Blake2b(Box<blake2b_simd::Params>),
    HmacSha256(Box<Hmac<Sha256>>),
    HmacSha224(Box<Hmac<Sha224>>),
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hasher")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Hasher {
    /// Prepares an algorithm with the secret of a repository (may be empty).
    ///
    /// # Errors
    /// [`Error::NotSupportedYet`] for an algorithm this version does not have;
    /// [`Error::InvalidFormat`] when the secret is too long for the algorithm.
    pub fn new(algorithm: HashAlgorithm, secret: &[u8]) -> Result<Self> {
        let keyed = match algorithm {
            HashAlgorithm::Blake2b256_128 | HashAlgorithm::Blake2b256 => {
                if secret.len() > blake2b_simd::KEYBYTES {
                    return Err(Error::InvalidFormat {
                        blob: crate::blob_names::FORMAT,
                        reason: format!(
                            "the secret has {} bytes, BLAKE2b takes at most 64",
                            secret.len()
                        ),
                    });
                }
                let mut parameters = blake2b_simd::Params::new();
                parameters.hash_length(32).key(secret);
                Keyed::Blake2b(Box::new(parameters))
            }
            HashAlgorithm::HmacSha256 | HashAlgorithm::HmacSha256_128 => {
                Keyed::HmacSha256(Box::new(crate::crypto::keyed_hmac(secret)))
            }
            HashAlgorithm::HmacSha224 => Keyed::HmacSha224(Box::new(
                Hmac::new_from_slice(secret)
                    .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length")),
            )),
            HashAlgorithm::Blake2s128
            | HashAlgorithm::Blake2s256
            | HashAlgorithm::Blake3_256
            | HashAlgorithm::Blake3_256_128
            | HashAlgorithm::HmacSha3_224
            | HashAlgorithm::HmacSha3_256 => {
                return Err(Error::NotSupportedYet {
                    kind: "hash",
                    name: algorithm.name().to_owned(),
                });
            }
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
        let length = self.algorithm.length();
        match &self.keyed {
            Keyed::Blake2b(parameters) => HashOutput::new(parameters.hash(data).as_bytes(), length),
            Keyed::HmacSha256(keyed) => {
                let mut mac = keyed.as_ref().clone();
                mac.update(data);
                HashOutput::new(&mac.finalize().into_bytes(), length)
            }
            Keyed::HmacSha224(keyed) => {
                let mut mac = keyed.as_ref().clone();
                mac.update(data);
                HashOutput::new(&mac.finalize().into_bytes(), length)
            }
        }
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
