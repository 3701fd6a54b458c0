//! Keys from passwords and keys from keys (format 1 §2.2 to §2.4).

use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// 32 secret bytes, wiped when dropped, never printed.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; 32]>);

impl SecretKey {
    /// Takes over 32 bytes.
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Compares with other bytes in constant time.
    #[must_use]
    pub fn matches(&self, other: &[u8]) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_slice(), other).into()
    }

    /// The bytes themselves; the caller must not keep a copy.
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(redacted)")
    }
}

/// How the key of the format blob is derived from the password (format 1 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyDerivation {
    /// scrypt with N = 65536, r = 8, p = 1; needs 64 MiB while it runs.
    #[default]
    Scrypt65536_8_1,
    /// PBKDF2-HMAC-SHA256 with 600,000 iterations.
    Pbkdf2Sha256_600000,
}

/// Shortest salt that is accepted, in bytes.
const MIN_SALT_LENGTH: usize = 16;

impl KeyDerivation {
    /// Every algorithm of the format.
    pub const ALL: [Self; 2] = [Self::Scrypt65536_8_1, Self::Pbkdf2Sha256_600000];

    /// Name in the format blob.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scrypt65536_8_1 => "scrypt-65536-8-1",
            Self::Pbkdf2Sha256_600000 => "pbkdf2-sha256-600000",
        }
    }

    /// Finds an algorithm by its name in the format blob.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    /// Derives the 32-byte key. The password is taken as its UTF-8 bytes, without normalisation.
    ///
    /// All working memory is returned before this function does.
    ///
    /// # Errors
    /// [`Error::InvalidFormat`] when the salt has fewer than 16 bytes.
    pub fn derive(self, password: &SecretString, salt: &[u8]) -> Result<SecretKey> {
        let invalid = |reason: String| Error::InvalidFormat {
            blob: crate::blob_names::FORMAT,
            reason,
        };
        if salt.len() < MIN_SALT_LENGTH {
            return Err(invalid(format!(
                "uniqueID has {} bytes, at least {MIN_SALT_LENGTH} are needed",
                salt.len()
            )));
        }
        let mut key = [0; 32];
        let password = password.expose_secret().as_bytes();
        match self {
            Self::Scrypt65536_8_1 => {
                let parameters =
                    scrypt::Params::new(16, 8, 1).map_err(|e| invalid(e.to_string()))?;
                scrypt::scrypt(password, salt, &parameters, &mut key)
                    .map_err(|e| invalid(e.to_string()))?;
            }
            Self::Pbkdf2Sha256_600000 => {
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, 600_000, &mut key)
            }
        }
        Ok(SecretKey::new(key))
    }
}

/// HKDF-SHA256, extract and expand, into `out` (at most 32 bytes are ever asked for).
pub(crate) fn hkdf_into(key: &[u8], salt: &[u8], info: &[u8], out: &mut [u8]) {
    assert!(out.len() <= 32, "derived keys have at most 32 bytes");
    let expanded = Hkdf::<Sha256>::new(Some(salt), key).expand(info, out);
    // Expansion fails only for outputs above 255 hashes.
    expanded.unwrap_or_else(|_| unreachable!("32 bytes are within the range of HKDF"));
}

/// HKDF-SHA256 of 32 bytes.
pub(crate) fn hkdf(key: &[u8], salt: &[u8], info: &[u8]) -> SecretKey {
    let mut out = [0; 32];
    hkdf_into(key, salt, info, &mut out);
    SecretKey::new(out)
}
