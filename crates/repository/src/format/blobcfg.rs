//! `kopia.blobcfg`, the object-lock settings (format 1 §2.5).

use std::time::Duration;

use holdfast_storage::RetentionMode;
use serde::{Deserialize, Serialize};

use super::envelope;
use super::secrets::FormatKey;
use crate::blob_names::BLOBCFG;
use crate::crypto::NotAuthentic;
use crate::error::{Error, Result};

/// Object lock of all data of a repository, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlobConfiguration {
    /// How long and how strictly new blobs are locked.
    pub retention: Option<RetentionSetting>,
}

/// How new blobs are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionSetting {
    /// Who may end the lock early.
    pub mode: RetentionMode,
    /// How long each blob is locked, at least 24 hours.
    pub period: Duration,
}

impl RetentionSetting {
    /// Shortest period, 24 hours.
    pub const MIN_PERIOD: Duration = Duration::from_secs(24 * 3600);

    /// Fails when the lock is too short for the format.
    pub(crate) fn check(&self) -> Result<()> {
        if self.period >= Self::MIN_PERIOD {
            return Ok(());
        }
        Err(Error::InvalidParameter {
            what: "period of object locks",
            reason: "it is shorter than 24 hours".to_owned(),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    retention_mode: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    retention_period: i64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde wants"
)]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::InvalidFormat {
        blob: BLOBCFG,
        reason: reason.to_string(),
    }
}

impl BlobConfiguration {
    /// Decrypts and checks the blob. The outer error says that it makes no sense, the inner one that the key is not
    /// the right one, or that it was damaged.
    ///
    /// # Errors
    /// [`Error::InvalidFormat`].
    pub fn open(
        sealed: &[u8],
        key: &FormatKey,
        unique_id: &[u8],
    ) -> Result<Result<Self, NotAuthentic>> {
        match envelope::open(key.secret(), unique_id, sealed) {
            Ok(plaintext) => Self::parse(&plaintext).map(Ok),
            Err(not_authentic) => Ok(Err(not_authentic)),
        }
    }

    /// Checks the decrypted blob.
    ///
    /// # Errors
    /// [`Error::InvalidFormat`].
    pub fn parse(plaintext: &[u8]) -> Result<Self> {
        let document: Document = serde_json::from_slice(plaintext).map_err(invalid)?;
        if document.retention_mode.is_empty() && document.retention_period == 0 {
            return Ok(Self { retention: None });
        }
        let mode = match document.retention_mode.as_str() {
            "" => return Err(invalid("a retention period without a mode")),
            name => RetentionMode::by_name(name)
                .ok_or_else(|| invalid(format_args!("unknown retention mode {name:?}")))?,
        };
        let period = u64::try_from(document.retention_period)
            .map(Duration::from_nanos)
            .unwrap_or_default();
        if period < RetentionSetting::MIN_PERIOD {
            return Err(invalid("the retention period is shorter than 24 hours"));
        }
        Ok(Self {
            retention: Some(RetentionSetting { mode, period }),
        })
    }

    /// Seals the blob.
    ///
    /// # Errors
    /// [`Error::Random`], [`Error::InvalidFormat`].
    pub fn seal(&self, key: &FormatKey, unique_id: &[u8]) -> Result<Vec<u8>> {
        let document = match self.retention {
            None => Document {
                retention_mode: String::new(),
                retention_period: 0,
            },
            Some(setting) => Document {
                retention_mode: setting.mode.name().to_owned(),
                retention_period: i64::try_from(setting.period.as_nanos()).map_err(invalid)?,
            },
        };
        envelope::seal(
            key.secret(),
            unique_id,
            &serde_json::to_vec(&document).map_err(invalid)?,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kdf::SecretKey;

    #[test]
    fn round_trip() {
        let key = FormatKey::new(SecretKey::new([5; 32]));
        let none = BlobConfiguration::default();
        let sealed = none.seal(&key, b"unique").unwrap();
        assert_eq!(sealed.len(), 30);
        assert_eq!(
            BlobConfiguration::open(&sealed, &key, b"unique").unwrap(),
            Ok(none)
        );
        let other = BlobConfiguration::open(&sealed, &key, b"other").unwrap();
        assert_eq!(other, Err(NotAuthentic));
        let period = Duration::from_secs(86400 * 30);
        let locked = BlobConfiguration {
            retention: Some(RetentionSetting {
                mode: RetentionMode::Compliance,
                period,
            }),
        };
        let sealed = locked.seal(&key, b"unique").unwrap();
        assert_eq!(
            BlobConfiguration::open(&sealed, &key, b"unique").unwrap(),
            Ok(locked)
        );
    }

    #[test]
    fn half_settings_are_refused() {
        for text in [
            r#"{"retentionMode":"GOVERNANCE"}"#,
            r#"{"retentionPeriod":86400000000000}"#,
            r#"{"retentionMode":"X","retentionPeriod":86400000000000}"#,
            "[]x",
        ] {
            assert!(BlobConfiguration::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
