//! Changes of the parameters that may change (format 1 §2.4, §2.5, §8.3), and what they must keep to.

use std::ops::RangeInclusive;
use std::time::Duration;

use holdfast_storage::RetentionMode;

use super::blobcfg::{BlobConfiguration, RetentionSetting};
use super::parameters::{EpochParameters, RepositoryFormat};
use crate::error::{Error, Result};

/// Pack sizes that may be set, bytes.
pub(crate) const PACK_SIZES: RangeInclusive<u64> = 10 << 20..=120 << 20;
/// Shortest epoch.
const MIN_EPOCH: Duration = Duration::from_secs(10 * 60);
const MIN_COUNT_THRESHOLD: i64 = 10;
const MIN_SIZE_THRESHOLD: i64 = 1 << 20;
const NEWEST_INDEX: u32 = 2;

/// Parameters to be changed; those without a value stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParameterChanges {
    /// When packs are finished, bytes, 10 to 120 MiB.
    pub max_pack_size: Option<u64>,
    /// Version of index blobs that are written. It is never lowered.
    pub index_version: Option<u32>,
    /// Object lock of new blobs.
    pub retention: Option<RetentionChange>,
    /// Parameters of the epochs.
    pub epochs: EpochChanges,
}

/// A change of the object lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionChange {
    /// New blobs are not locked any more.
    Off,
    /// New blobs are locked; what is not given stays.
    On {
        /// Who may end a lock early.
        mode: Option<RetentionMode>,
        /// How long a blob is locked, at least 24 hours.
        period: Option<Duration>,
    },
}

/// Changes of [`EpochParameters`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EpochChanges {
    /// How long a snapshot of the epochs may be used: at most a third of the shortest epoch and of the safety margin.
    pub refresh_frequency: Option<Duration>,
    /// Shortest time between two epochs, at least 10 minutes.
    pub min_duration: Option<Duration>,
    /// Age after which superseded blobs may be deleted.
    pub cleanup_safety_margin: Option<Duration>,
    /// Number of index blobs that ends an epoch, at least 10.
    pub advance_on_count: Option<u32>,
    /// Bytes of index blobs that end an epoch, at least 1 MiB.
    pub advance_on_size: Option<u64>,
    /// After how many epochs a range checkpoint is made.
    pub checkpoint_frequency: Option<u32>,
    /// Deletions at once.
    pub delete_parallelism: Option<u32>,
}

fn refused(what: &'static str, reason: impl Into<String>) -> Error {
    Error::InvalidParameter {
        what,
        reason: reason.into(),
    }
}

impl ParameterChanges {
    /// The parameters after the changes.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] naming the parameter and the rule that it breaks.
    pub fn apply(
        &self,
        format: &RepositoryFormat,
        blobs: &BlobConfiguration,
    ) -> Result<(RepositoryFormat, BlobConfiguration)> {
        let mut format = format.clone();
        if let Some(size) = self.max_pack_size {
            if !PACK_SIZES.contains(&size) {
                return Err(refused("pack size", "it is not within 10 to 120 MiB"));
            }
            format.max_pack_size = size;
        }
        if let Some(version) = self.index_version {
            if version < format.index_version() {
                return Err(refused("index version", "it can only be raised"));
            }
            if version > NEWEST_INDEX {
                return Err(refused("index version", "there are versions 1 and 2"));
            }
            if version > format.index_version() {
                format.index_version = version;
            }
        }
        if self.epochs != EpochChanges::default() {
            if !format.epoch_parameters.enabled {
                return Err(refused(
                    "epoch parameter",
                    "the repository keeps no epochs; upgrade it first",
                ));
            }
            self.epochs.apply(&mut format.epoch_parameters)?;
            check_epochs(&format.epoch_parameters)?;
        }
        let blobs = match self.retention {
            None => *blobs,
            Some(RetentionChange::Off) => BlobConfiguration { retention: None },
            Some(RetentionChange::On { mode, period }) => {
                let present = blobs.retention;
                let mode = mode.or(present.map(|setting| setting.mode));
                let period = period.or(present.map(|setting| setting.period));
                let (Some(mode), Some(period)) = (mode, period) else {
                    return Err(refused("object lock", "it needs both a mode and a period"));
                };
                let setting = RetentionSetting { mode, period };
                setting.check()?;
                BlobConfiguration {
                    retention: Some(setting),
                }
            }
        };
        Ok((format, blobs))
    }
}

impl EpochChanges {
    fn apply(&self, parameters: &mut EpochParameters) -> Result<()> {
        let durations = [
            (
                self.refresh_frequency,
                &mut parameters.epoch_refresh_frequency,
            ),
            (self.min_duration, &mut parameters.min_epoch_duration),
            (
                self.cleanup_safety_margin,
                &mut parameters.cleanup_safety_margin,
            ),
        ];
        for (given, kept) in durations {
            if let Some(duration) = given {
                *kept = i64::try_from(duration.as_nanos())
                    .map_err(|_| refused("epoch parameter", "a time is longer than 292 years"))?;
            }
        }
        let numbers = [
            (
                self.advance_on_count,
                &mut parameters.epoch_advance_on_count_threshold,
            ),
            (
                self.checkpoint_frequency,
                &mut parameters.full_checkpoint_frequency,
            ),
            (self.delete_parallelism, &mut parameters.delete_parallelism),
        ];
        for (given, kept) in numbers {
            if let Some(number) = given {
                *kept = number.into();
            }
        }
        if let Some(size) = self.advance_on_size {
            parameters.epoch_advance_on_total_size_bytes_threshold = i64::try_from(size)
                .map_err(|_| refused("epoch parameter", "a size is larger than 2^63 bytes"))?;
        }
        Ok(())
    }
}

/// The rules of format 1 §8.3. Breaking one makes other clients wait for ever or lose index blobs.
fn check_epochs(parameters: &EpochParameters) -> Result<()> {
    let refresh = i128::from(parameters.epoch_refresh_frequency);
    let minimum = i128::from(parameters.min_epoch_duration);
    let rules = [
        (refresh > 0, "the refresh frequency must not be 0"),
        (
            minimum >= MIN_EPOCH.as_nanos() as i128,
            "an epoch must last at least 10 minutes",
        ),
        (
            3 * refresh <= minimum,
            "the refresh frequency must be at most a third of the shortest epoch",
        ),
        (
            i128::from(parameters.cleanup_safety_margin) >= 3 * refresh,
            "the safety margin must be at least three times the refresh frequency",
        ),
        (
            parameters.full_checkpoint_frequency > 0,
            "the checkpoint frequency must not be 0",
        ),
        (
            parameters.epoch_advance_on_count_threshold >= MIN_COUNT_THRESHOLD,
            "an epoch must have room for at least 10 index blobs",
        ),
        (
            parameters.epoch_advance_on_total_size_bytes_threshold >= MIN_SIZE_THRESHOLD,
            "an epoch must have room for at least 1 MiB of index blobs",
        ),
        (
            parameters.delete_parallelism > 0,
            "at least one blob must be deleted at a time",
        ),
    ];
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, rule)) => Err(refused("epoch parameter", *rule)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::SecretBytes;
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn format() -> RepositoryFormat {
        RepositoryFormat::new(SecretBytes::new(vec![1; 32]), SecretBytes::new(vec![2; 32]))
    }

    fn apply(changes: &ParameterChanges) -> Result<(RepositoryFormat, BlobConfiguration)> {
        changes.apply(&format(), &BlobConfiguration::default())
    }

    fn epochs(epochs: EpochChanges) -> Result<EpochParameters> {
        let changes = ParameterChanges {
            epochs,
            ..ParameterChanges::default()
        };
        Ok(apply(&changes)?.0.epoch_parameters)
    }

    #[test]
    fn nothing_given_changes_nothing() {
        let (changed, blobs) = apply(&ParameterChanges::default()).unwrap();
        assert_eq!((changed, blobs), (format(), BlobConfiguration::default()));
    }

    #[test]
    fn sizes_and_versions_have_limits() {
        for (mebibytes, good) in [(9, false), (10, true), (120, true), (121, false)] {
            let changes = ParameterChanges {
                max_pack_size: Some(mebibytes << 20),
                ..ParameterChanges::default()
            };
            assert_eq!(apply(&changes).is_ok(), good, "{mebibytes}");
        }
        for (version, good) in [(1, false), (2, true), (3, false)] {
            let changes = ParameterChanges {
                index_version: Some(version),
                ..ParameterChanges::default()
            };
            assert_eq!(apply(&changes).is_ok(), good, "{version}");
        }
        let changes = ParameterChanges {
            index_version: Some(2),
            ..ParameterChanges::default()
        };
        let old = format().with_version(1);
        let (raised, _) = changes.apply(&old, &BlobConfiguration::default()).unwrap();
        assert_eq!((raised.version, raised.index_version), (1, 2));
    }

    #[test]
    fn epochs_keep_to_the_rules() {
        let changed = epochs(EpochChanges {
            refresh_frequency: Some(5 * MINUTE),
            min_duration: Some(15 * MINUTE),
            cleanup_safety_margin: Some(15 * MINUTE),
            advance_on_count: Some(10),
            advance_on_size: Some(1 << 20),
            checkpoint_frequency: Some(1),
            delete_parallelism: Some(1),
        });
        let changed = changed.unwrap();
        assert_eq!(changed.epoch_refresh_frequency, 300_000_000_000);
        assert_eq!(changed.min_epoch_duration, 900_000_000_000);
        let none = EpochChanges::default;
        for broken in [
            EpochChanges {
                refresh_frequency: Some(Duration::ZERO),
                ..none()
            },
            EpochChanges {
                refresh_frequency: Some(81 * MINUTE),
                ..none()
            },
            EpochChanges {
                min_duration: Some(59 * MINUTE),
                ..none()
            },
            EpochChanges {
                refresh_frequency: Some(MINUTE),
                min_duration: Some(9 * MINUTE),
                ..none()
            },
            EpochChanges {
                cleanup_safety_margin: Some(59 * MINUTE),
                ..none()
            },
            EpochChanges {
                advance_on_count: Some(9),
                ..none()
            },
            EpochChanges {
                advance_on_size: Some((1 << 20) - 1),
                ..none()
            },
            EpochChanges {
                checkpoint_frequency: Some(0),
                ..none()
            },
            EpochChanges {
                delete_parallelism: Some(0),
                ..none()
            },
        ] {
            assert!(epochs(broken.clone()).is_err(), "{broken:?}");
        }
        let changes = ParameterChanges {
            epochs: EpochChanges {
                advance_on_count: Some(20),
                ..none()
            },
            ..ParameterChanges::default()
        };
        let old = format().with_version(1);
        assert!(changes.apply(&old, &BlobConfiguration::default()).is_err());
    }

    #[test]
    fn a_lock_needs_mode_and_period() {
        let day = Duration::from_secs(24 * 3600);
        let locked = BlobConfiguration {
            retention: Some(RetentionSetting {
                mode: RetentionMode::Governance,
                period: day,
            }),
        };
        let change = |mode, period, before: &BlobConfiguration| {
            let changes = ParameterChanges {
                retention: Some(RetentionChange::On { mode, period }),
                ..ParameterChanges::default()
            };
            Ok::<_, Error>(changes.apply(&format(), before)?.1)
        };
        let none = BlobConfiguration::default();
        let governance = Some(RetentionMode::Governance);
        assert_eq!(change(governance, Some(day), &none).unwrap(), locked);
        assert!(change(governance, None, &none).is_err());
        assert!(change(None, Some(day), &none).is_err());
        assert!(change(governance, Some(day - MINUTE), &none).is_err());
        let longer = change(None, Some(2 * day), &locked).unwrap();
        assert_eq!(longer.retention.unwrap().period, 2 * day);
        let off = ParameterChanges {
            retention: Some(RetentionChange::Off),
            ..ParameterChanges::default()
        };
        assert_eq!(off.apply(&format(), &locked).unwrap().1, none);
    }
}
