//! The inner JSON: algorithms, secrets and limits of a repository (format 1 §2.4).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::json::SecretBytes;
use super::lock::UpgradeLock;
use crate::blob_names::FORMAT;
use crate::crypto::EncryptionAlgorithm;
use crate::ecc::{self, ErrorCorrection};
use crate::error::{Error, Result};
use crate::hash::HashAlgorithm;
use crate::splitter::{DEFAULT_SPLITTER, SplitterKind};

/// Versions of the format that are read and written.
pub const VERSIONS: std::ops::RangeInclusive<u32> = 1..=3;
/// Features whose meaning is known.
const KNOWN_FEATURES: [&str; 2] = ["index-v1", "index-v2"];
const MIB: u64 = 1 << 20;
/// Pack size when none is given, in bytes.
pub(crate) const DEFAULT_MAX_PACK_SIZE: u64 = 20 * MIB;

/// Everything the encrypted part of the format blob says. Unknown keys are not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryFormat {
    /// Name of the content hash.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hash: String,
    /// Name of the content encryption.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub encryption: String,
    /// Name of the error correction, if any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ecc: String,
    /// Redundancy of the error correction; off when 0.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ecc_overhead_percent: u32,
    /// Key of the content hash.
    #[serde(default, skip_serializing_if = "SecretBytes::is_empty")]
    pub secret: SecretBytes,
    /// Root of content encryption.
    #[serde(default, skip_serializing_if = "SecretBytes::is_empty")]
    pub master_key: SecretBytes,
    /// Version of the repository, 1 to 3.
    #[serde(default, skip_serializing_if = "is_default")]
    pub version: u32,
    /// Packs are finished when they reach so many bytes; 0 means 20 MiB.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_pack_size: u64,
    /// Version of index blobs that are written; 0 means 1.
    #[serde(default, skip_serializing_if = "is_default")]
    pub index_version: u32,
    /// Parameters of the epoch scheme.
    #[serde(default)]
    pub epoch_parameters: EpochParameters,
    /// Whether keys are independent of the password.
    #[serde(default)]
    pub enable_password_change: bool,
    /// Name of the default splitter.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub splitter: String,
    /// Held while another client upgrades the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade_lock: Option<UpgradeLock>,
    /// What a client must understand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_features: Option<Vec<RequiredFeature>>,
}

/// Parameters of the epoch scheme (format 1 §8.3); durations in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub struct EpochParameters {
    /// Whether index blobs are kept in epochs; otherwise in the legacy scheme.
    pub enabled: bool,
    /// How long a snapshot of the epoch state may be used.
    pub epoch_refresh_frequency: i64,
    /// After how many epochs a range checkpoint is made.
    pub full_checkpoint_frequency: i64,
    /// Age after which superseded blobs may be deleted.
    pub cleanup_safety_margin: i64,
    /// Shortest time between two epochs.
    pub min_epoch_duration: i64,
    /// Number of index blobs that ends an epoch.
    pub epoch_advance_on_count_threshold: i64,
    /// Bytes of index blobs that end an epoch.
    pub epoch_advance_on_total_size_bytes_threshold: i64,
    /// Deletions at once.
    pub delete_parallelism: i64,
}

impl EpochParameters {
    /// What new repositories get.
    #[must_use]
    pub fn defaults() -> Self {
        const MINUTE: i64 = 60_000_000_000;
        Self {
            enabled: true,
            epoch_refresh_frequency: 20 * MINUTE,
            full_checkpoint_frequency: 7,
            cleanup_safety_margin: 4 * 60 * MINUTE,
            min_epoch_duration: 24 * 60 * MINUTE,
            epoch_advance_on_count_threshold: 20,
            epoch_advance_on_total_size_bytes_threshold: 10 << 20,
            delete_parallelism: 4,
        }
    }
}

/// Something that a client must understand, or obey the fallback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequiredFeature {
    /// Name of the feature.
    #[serde(default)]
    pub feature: String,
    /// What to do when it is unknown.
    #[serde(default)]
    pub if_not_understood: FeatureFallback,
}

/// What a client does that does not know a required feature.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FeatureFallback {
    /// Warn and go on, instead of refusing.
    pub warn: bool,
    /// Explanation for the user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Page with an explanation.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Version that understands it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub upgrade_to_version: String,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What [`RepositoryFormat::check`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Algorithms {
    pub(crate) hash: HashAlgorithm,
    pub(crate) encryption: EncryptionAlgorithm,
}

fn invalid(reason: String) -> Error {
    Error::InvalidFormat {
        blob: FORMAT,
        reason,
    }
}

impl RepositoryFormat {
    /// Parameters of a new repository with default algorithms and these secrets.
    #[must_use]
    pub fn new(secret: SecretBytes, master_key: SecretBytes) -> Self {
        Self {
            hash: HashAlgorithm::default().name().to_owned(),
            encryption: EncryptionAlgorithm::default().name().to_owned(),
            ecc: String::new(),
            ecc_overhead_percent: 0,
            secret,
            master_key,
            version: *VERSIONS.end(),
            max_pack_size: DEFAULT_MAX_PACK_SIZE,
            index_version: 2,
            epoch_parameters: EpochParameters::defaults(),
            enable_password_change: true,
            splitter: DEFAULT_SPLITTER.to_owned(),
            upgrade_lock: None,
            required_features: None,
        }
    }

    /// When packs are finished, in bytes.
    #[must_use]
    pub fn max_pack_size(&self) -> u64 {
        if self.max_pack_size == 0 {
            DEFAULT_MAX_PACK_SIZE
        } else {
            self.max_pack_size
        }
    }

    /// Turns the parameters of [`Self::new`] into those of a new repository of an older version (format 1 §2.4).
    pub(crate) fn with_version(self, version: u32) -> Self {
        if version > 1 {
            return Self { version, ..self };
        }
        Self {
            version,
            index_version: 1,
            epoch_parameters: EpochParameters::default(),
            enable_password_change: false,
            ..self
        }
    }

    /// Index version for writing, 1 or 2.
    #[must_use]
    pub fn index_version(&self) -> u32 {
        self.index_version.max(1)
    }

    /// The refusal rules of format 1 §2.4 and the upgrade lock of §2.6.
    pub(crate) fn check(&self, now: Timestamp) -> Result<Algorithms> {
        if self.version > *VERSIONS.end() {
            let known = VERSIONS.end();
            return Err(Error::NewerFormat {
                reason: format!(
                    "it has format version {}, this program knows versions up to {known}",
                    self.version
                ),
            });
        }
        if !VERSIONS.contains(&self.version) {
            return Err(invalid(format!(
                "format version {} does not exist",
                self.version
            )));
        }
        self.check_features()?;
        if let Some(lock) = &self.upgrade_lock
            && lock.holds(now)
        {
            let message = if lock.message.is_empty() {
                String::new()
            } else {
                format!(" ({})", lock.message)
            };
            return Err(Error::UpgradeLocked {
                owner: lock.owner_id.clone(),
                message,
            });
        }
        if self.index_version() > 2 {
            return Err(Error::NewerFormat {
                reason: format!("unknown index version {}", self.index_version),
            });
        }
        if SplitterKind::by_name(&self.splitter).is_none() {
            return Err(Error::NewerFormat {
                reason: format!("unknown splitter {:?}", self.splitter),
            });
        }
        if self.epoch_parameters.enabled && self.epoch_parameters.epoch_refresh_frequency <= 0 {
            return Err(invalid(
                "epochs are enabled with a refresh frequency of 0".to_owned(),
            ));
        }
        self.check_error_correction()?;
        let hash = HashAlgorithm::by_name(&self.hash).ok_or_else(|| Error::NewerFormat {
            reason: format!("unknown hash {:?}", self.hash),
        })?;
        let encryption =
            EncryptionAlgorithm::by_name(&self.encryption).ok_or_else(|| Error::NewerFormat {
                reason: format!("unknown encryption {:?}", self.encryption),
            })?;
        Ok(Algorithms { hash, encryption })
    }

    fn check_features(&self) -> Result<()> {
        for required in self.required_features.iter().flatten() {
            if KNOWN_FEATURES.contains(&required.feature.as_str()) {
                continue;
            }
            let fallback = &required.if_not_understood;
            if fallback.warn {
                tracing::warn!(feature = %required.feature, "the repository uses a feature this program does not know");
                continue;
            }
            let mut reason = format!("unknown required feature {:?}", required.feature);
            for detail in [
                &fallback.message,
                &fallback.url,
                &fallback.upgrade_to_version,
            ] {
                if !detail.is_empty() {
                    reason.push_str("; ");
                    reason.push_str(detail);
                }
            }
            return Err(Error::NewerFormat { reason });
        }
        Ok(())
    }

    /// Whether ciphertexts carry redundancy.
    #[must_use]
    pub fn corrects_errors(&self) -> bool {
        !self.ecc.is_empty() && self.ecc_overhead_percent > 0
    }

    /// The redundancy of ciphertexts, if any.
    ///
    /// # Errors
    /// [`Error::NewerFormat`] for an unknown name, [`Error::InvalidFormat`] for a redundancy that cannot be.
    pub fn error_correction(&self) -> Result<Option<ErrorCorrection>> {
        self.check_error_correction()?;
        self.corrects_errors()
            .then(|| ErrorCorrection::new(self.ecc_overhead_percent))
            .transpose()
    }

    fn check_error_correction(&self) -> Result<()> {
        if !self.corrects_errors() {
            return Ok(());
        }
        if self.ecc != ecc::REED_SOLOMON_CRC32 {
            return Err(Error::NewerFormat {
                reason: format!("unknown error correction {:?}", self.ecc),
            });
        }
        if !ecc::OVERHEAD_PERCENT.contains(&self.ecc_overhead_percent) {
            return Err(invalid(format!(
                "error correction with {} % of overhead does not exist",
                self.ecc_overhead_percent
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format() -> RepositoryFormat {
        RepositoryFormat::new(SecretBytes::new(vec![1; 32]), SecretBytes::new(vec![2; 32]))
    }

    fn check(change: impl FnOnce(&mut RepositoryFormat)) -> Result<Algorithms> {
        let mut format = format();
        change(&mut format);
        format.check(Timestamp::from_second(1_700_000_000).unwrap())
    }

    fn feature(name: &str, warn: bool) -> Option<Vec<RequiredFeature>> {
        let if_not_understood = FeatureFallback {
            warn,
            ..FeatureFallback::default()
        };
        Some(vec![RequiredFeature {
            feature: name.to_owned(),
            if_not_understood,
        }])
    }

    #[test]
    fn defaults_are_accepted() {
        assert!(check(|_| ()).is_ok());
        assert!(check(|f| f.required_features = feature("index-v2", false)).is_ok());
        assert!(check(|f| f.required_features = feature("quantum", true)).is_ok());
    }

    #[test]
    fn what_is_newer_asks_for_an_update() {
        for result in [
            check(|f| f.version = 4),
            check(|f| f.index_version = 3),
            check(|f| "NEW".clone_into(&mut f.hash)),
            check(|f| "NEW".clone_into(&mut f.encryption)),
            check(|f| "NEW".clone_into(&mut f.splitter)),
            check(|f| f.required_features = feature("quantum", false)),
        ] {
            assert!(
                matches!(result, Err(Error::NewerFormat { .. })),
                "{result:?}"
            );
        }
        assert!(matches!(
            check(|f| f.version = 0),
            Err(Error::InvalidFormat { .. })
        ));
    }

    #[test]
    fn error_correction_is_known_or_refused() {
        let check_ecc = |name: &str, percent| {
            check(|f| {
                name.clone_into(&mut f.ecc);
                f.ecc_overhead_percent = percent;
            })
        };
        assert!(check_ecc(ecc::REED_SOLOMON_CRC32, 0).is_ok());
        assert!(check_ecc("", 5).is_ok());
        assert!(check_ecc(ecc::REED_SOLOMON_CRC32, 1).is_ok());
        assert!(check_ecc(ecc::REED_SOLOMON_CRC32, 100).is_ok());
        for percent in [101, u32::MAX] {
            assert!(matches!(
                check_ecc(ecc::REED_SOLOMON_CRC32, percent),
                Err(Error::InvalidFormat { .. })
            ));
        }
        let unknown = check_ecc("TURBO", 5).unwrap_err();
        assert!(matches!(unknown, Error::NewerFormat { .. }));
        assert!(unknown.to_string().contains("TURBO"));
    }

    #[test]
    fn secrets_are_not_printed() {
        let printed = format!("{:?}", format());
        assert!(
            printed.contains("redacted") && !printed.contains("[1, 1"),
            "{printed}"
        );
    }
}
