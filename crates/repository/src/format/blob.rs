//! `kopia.repository` itself (format 1 §2.1).

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::blobcfg::BlobConfiguration;
use super::envelope;
use super::json;
use super::parameters::RepositoryFormat;
use super::secrets::FormatKey;
use crate::blob_names::FORMAT;
use crate::crypto::NotAuthentic;
use crate::error::{Error, Result};
use crate::kdf::KeyDerivation;

/// The only envelope of the format blob.
const ENVELOPE: &str = "AES256_GCM";
/// Longest format blob that is read, in bytes; real ones have about 1.3 KiB.
pub(crate) const MAX_LENGTH: u64 = 1 << 18;

/// The clear part of the format blob with the encrypted part inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormatBlob {
    /// Who wrote it; informational.
    #[serde(flatten)]
    pub info: FormatInfo,
    /// Id of the repository and salt of many derivations; never changes.
    #[serde(rename = "uniqueID", with = "json::bytes", default)]
    pub unique_id: Vec<u8>,
    /// Name of the key derivation.
    #[serde(default)]
    pub key_algo: String,
    /// Name of the envelope.
    #[serde(default)]
    pub encryption: String,
    /// The sealed inner JSON.
    #[serde(with = "json::bytes", default)]
    pub encrypted_block_format: Vec<u8>,
    /// A copy of the sealed blob configuration, while a change of the password is on its way in a repository with
    /// object lock. No part of the format: others ignore it, and drop it when they write the blob.
    #[serde(
        rename = "holdfastBlobcfg",
        with = "json::bytes",
        default,
        skip_serializing_if = "Vec::is_empty"
    )]
    pub configuration_copy: Vec<u8>,
}

/// Who wrote a format blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FormatInfo {
    /// Name of the format's home.
    pub tool: String,
    /// Version of the program.
    pub build_version: String,
    /// Build of the program.
    pub build_info: String,
}

impl Default for FormatInfo {
    fn default() -> Self {
        Self {
            tool: "https://github.com/kopia/kopia".to_owned(),
            build_version: format!("holdfast-{}", env!("CARGO_PKG_VERSION")),
            build_info: "holdfast".to_owned(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Inner {
    format: RepositoryFormat,
}

fn invalid(reason: String) -> Error {
    Error::InvalidFormat {
        blob: FORMAT,
        reason,
    }
}

impl FormatBlob {
    /// A new format blob around `format`, sealed under `key`.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn seal(
        format: &RepositoryFormat,
        key: &FormatKey,
        unique_id: Vec<u8>,
        key_derivation: KeyDerivation,
    ) -> Result<Self> {
        let inner = inner_json(format)?;
        Ok(Self {
            info: FormatInfo::default(),
            encrypted_block_format: envelope::seal(key.secret(), &unique_id, &inner)?,
            unique_id,
            key_algo: key_derivation.name().to_owned(),
            encryption: ENVELOPE.to_owned(),
            configuration_copy: Vec::new(),
        })
    }

    /// The same blob with other parameters, sealed under the same key.
    pub(crate) fn with_format(&self, format: &RepositoryFormat, key: &FormatKey) -> Result<Self> {
        let inner = inner_json(format)?;
        Ok(Self {
            encrypted_block_format: envelope::seal(key.secret(), &self.unique_id, &inner)?,
            configuration_copy: Vec::new(),
            ..self.clone()
        })
    }

    /// The same blob with the same inner bytes, sealed under another key, and with a copy of the sealed blob
    /// configuration or nothing.
    pub(crate) fn resealed(
        &self,
        from: &FormatKey,
        to: &FormatKey,
        configuration_copy: Vec<u8>,
    ) -> Result<Self> {
        let inner = envelope::open(from.secret(), &self.unique_id, &self.encrypted_block_format)
            .map_err(|error| invalid(error.to_string()))?;
        Ok(Self {
            encrypted_block_format: envelope::seal(to.secret(), &self.unique_id, &inner)?,
            configuration_copy,
            ..self.clone()
        })
    }

    /// The blob configuration that the blob carries a copy of, if it is sealed under this key.
    pub(crate) fn configuration_copy(&self, key: &FormatKey) -> Result<Option<BlobConfiguration>> {
        if self.configuration_copy.is_empty() {
            return Ok(None);
        }
        let opened = BlobConfiguration::open(&self.configuration_copy, key, &self.unique_id)?;
        Ok(opened.ok())
    }

    /// Parses the bytes of the blob; any layout and order of keys is accepted.
    ///
    /// # Errors
    /// [`Error::InvalidFormat`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() as u64 > MAX_LENGTH {
            return Err(invalid(format!("it is longer than {MAX_LENGTH} bytes")));
        }
        serde_json::from_slice(bytes).map_err(|e| invalid(format!("not the expected JSON ({e})")))
    }

    /// The bytes of the blob: two-space indent and a trailing newline.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self)
            .unwrap_or_else(|_| unreachable!("strings and bytes always become JSON"));
        text.push(b'\n');
        text
    }

    /// How the key is derived from the password.
    ///
    /// # Errors
    /// [`Error::NewerFormat`] or [`Error::InvalidFormat`] when the blob names a derivation that is unknown, or none.
    pub fn key_derivation(&self) -> Result<KeyDerivation> {
        if self.key_algo.is_empty() {
            return Err(invalid("it names no key derivation".to_owned()));
        }
        KeyDerivation::by_name(&self.key_algo).ok_or_else(|| Error::NewerFormat {
            reason: format!("unknown key derivation {:?}", self.key_algo),
        })
    }

    /// Derives the key of this repository from a password. Takes 0.2 s and, while it runs, 64 MiB.
    ///
    /// # Errors
    /// As [`Self::key_derivation`], and [`Error::InvalidFormat`] when the repository's id is too short.
    pub fn derive_key(&self, password: &SecretString) -> Result<FormatKey> {
        self.key_derivation()?
            .derive(password, &self.unique_id)
            .map(FormatKey::new)
    }

    /// Decrypts the parameters. The outer error says that the blob makes no sense, the inner one that the key is
    /// not the right one.
    ///
    /// # Errors
    /// [`Error::InvalidFormat`], [`Error::NewerFormat`].
    pub fn open(&self, key: &FormatKey) -> Result<Result<RepositoryFormat, NotAuthentic>> {
        if self.encryption != ENVELOPE {
            return Err(Error::NewerFormat {
                reason: format!("unknown envelope {:?}", self.encryption),
            });
        }
        let plaintext =
            match envelope::open(key.secret(), &self.unique_id, &self.encrypted_block_format) {
                Ok(plaintext) => plaintext,
                Err(not_authentic) => return Ok(Err(not_authentic)),
            };
        // serde_json's messages can quote values, so only the place is passed on.
        let inner: Inner = serde_json::from_slice(&plaintext).map_err(|e| {
            invalid(format!(
                "its encrypted part is not the expected JSON (line {} column {})",
                e.line(),
                e.column()
            ))
        })?;
        Ok(Ok(inner.format))
    }
}

/// The inner JSON as it is written.
pub(crate) fn inner_json(format: &RepositoryFormat) -> Result<Zeroizing<Vec<u8>>> {
    let inner = Inner {
        format: format.clone(),
    };
    serde_json::to_vec(&inner)
        .map(Zeroizing::new)
        .map_err(|e| invalid(e.to_string()))
}
