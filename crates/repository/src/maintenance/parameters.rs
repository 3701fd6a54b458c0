//! The parameters of maintenance, a manifest that names who may run it and how often (format 1 §9.1).

use serde::{Deserialize, Serialize};

use crate::json::from_slice;
use crate::manifest::{Labels, ManifestEdits, Manifests, labels};
use crate::{Error, Result};

/// Who runs maintenance, and how often. Durations are nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MaintenanceParameters {
    /// `user@host`; only this client may run maintenance.
    pub owner: String,
    /// The frequent, cheap run.
    pub quick: MaintenanceCycle,
    /// The thorough run.
    pub full: MaintenanceCycle,
    /// How long diagnostic logs are kept.
    pub log_retention: LogRetention,
    /// Whether object locks are extended.
    pub extend_object_locks: bool,
    /// How many listings run at once; 0 for the default.
    pub list_parallelism: i64,
}

/// One of the two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MaintenanceCycle {
    /// Whether it runs at all.
    pub enabled: bool,
    /// Distance of runs, nanoseconds.
    pub interval: i64,
}

/// Limits of diagnostic logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LogRetention {
    /// Bytes of all logs.
    pub max_total_size: i64,
    /// Number of logs.
    pub max_count: i64,
    /// Age, nanoseconds.
    pub max_age: i64,
}

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;
const LOGS: LogRetention = LogRetention {
    max_total_size: 1 << 30,
    max_count: 10_000,
    max_age: 30 * 24 * HOUR,
};

impl Default for MaintenanceParameters {
    /// The parameters of a new repository, without owner.
    fn default() -> Self {
        Self {
            owner: String::new(),
            quick: MaintenanceCycle {
                enabled: true,
                interval: HOUR,
            },
            full: MaintenanceCycle {
                enabled: true,
                interval: 24 * HOUR,
            },
            log_retention: LOGS,
            extend_object_locks: false,
            list_parallelism: 0,
        }
    }
}

impl LogRetention {
    /// These limits, or the defaults when none is set.
    #[must_use]
    pub fn or_default(self) -> Self {
        if self == Self::default() { LOGS } else { self }
    }
}

impl MaintenanceParameters {
    /// The parameters in force; nothing in a repository where nobody has set them yet.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming the manifest.
    pub fn find(manifests: &Manifests) -> Result<Option<Self>> {
        let Some(manifest) = manifests.latest(&own_labels()) else {
            return Ok(None);
        };
        from_slice(manifest.data.get().as_bytes())
            .map(Some)
            .map_err(|e| Error::damaged(format_args!("maintenance parameters {}", manifest.id), e))
    }

    /// Puts these parameters in place of those in force.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for an interval that is not positive or an owner that is not `user@host`.
    pub fn store(&self, edits: &mut ManifestEdits, known: &Manifests) -> Result<()> {
        self.check()?;
        edits.replace(known, own_labels(), self)?;
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let invalid = |what, reason: &str| {
            Err(Error::InvalidParameter {
                what,
                reason: reason.to_owned(),
            })
        };
        let named = |part: Option<&str>| part.is_some_and(|part| !part.is_empty());
        let mut parts = self.owner.splitn(2, '@');
        if !(named(parts.next()) && named(parts.next())) {
            return invalid("owner of maintenance", "it is not USER@HOST");
        }
        if self.quick.interval <= 0 || self.full.interval <= 0 {
            return invalid("interval of maintenance", "it is not above zero");
        }
        let logs = &self.log_retention;
        if logs.max_total_size < 0 || logs.max_count < 0 || logs.max_age < 0 {
            return invalid("limit of logs", "it is below zero");
        }
        Ok(())
    }
}

fn own_labels() -> Labels {
    labels([("type", "maintenance")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_that_of_a_stock_client() {
        let parameters = MaintenanceParameters {
            owner: "user@host".into(),
            ..MaintenanceParameters::default()
        };
        let text = r#"{"owner":"user@host","quick":{"enabled":true,"interval":3600000000000},"full":{"enabled":true,"interval":86400000000000},"logRetention":{"maxTotalSize":1073741824,"maxCount":10000,"maxAge":2592000000000000},"extendObjectLocks":false,"listParallelism":0}"#;
        assert_eq!(serde_json::to_string(&parameters).unwrap(), text);
        assert_eq!(
            from_slice::<MaintenanceParameters>(text.as_bytes()).unwrap(),
            parameters
        );
    }

    #[test]
    fn senseless_parameters_are_refused() {
        let good = MaintenanceParameters {
            owner: "user@host".into(),
            ..MaintenanceParameters::default()
        };
        assert!(good.check().is_ok());
        for owner in ["", "me", "@host", "user@"] {
            let bad = MaintenanceParameters {
                owner: owner.into(),
                ..good.clone()
            };
            assert!(bad.check().is_err(), "{owner}");
        }
        let mut bad = good.clone();
        bad.quick.interval = 0;
        assert!(bad.check().is_err());
        let mut bad = good;
        bad.log_retention.max_age = -1;
        assert!(bad.check().is_err());
    }

    #[test]
    fn unset_log_limits_are_the_defaults() {
        assert_eq!(LogRetention::default().or_default(), LOGS);
        let count = LogRetention {
            max_count: 3,
            ..LogRetention::default()
        };
        assert_eq!(count.or_default(), count);
    }
}
