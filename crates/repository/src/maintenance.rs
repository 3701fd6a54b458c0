//! The parameters of maintenance, a manifest that names who may run it (format 1 §9.1), and the first manifests
//! of a new repository.

use std::sync::Arc;

use holdfast_storage::BlobStore;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::manifest::{ManifestEdits, Manifests, labels};
use crate::policy::{self, PolicyTarget, default_policy};
use crate::repository::Repository;
use crate::{CreateOptions, OpenOptions, Result};

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
            log_retention: LogRetention {
                max_total_size: 1 << 30,
                max_count: 10_000,
                max_age: 30 * 24 * HOUR,
            },
            extend_object_locks: false,
            list_parallelism: 0,
        }
    }
}

impl Repository {
    /// Creates a repository with its first manifests: the defaults as global policy, and maintenance owned by this
    /// client (format 1 §14 A).
    ///
    /// # Errors
    /// As [`Repository::initialize`], and those of a write session. When only the manifests failed the repository
    /// is usable without them.
    pub fn create(
        store: Arc<dyn BlobStore>,
        password: &SecretString,
        options: &CreateOptions,
        open: &OpenOptions,
    ) -> Result<Arc<Self>> {
        let repository = Self::initialize(store, password, options, open)?;
        let none = Manifests::default();
        let mut edits = ManifestEdits::new(repository.clock().clone());
        policy::set(
            &mut edits,
            &none,
            &PolicyTarget::default(),
            &default_policy(),
        )?;
        let owner = format!("{}@{}", repository.user(), repository.host());
        let parameters = MaintenanceParameters {
            owner,
            ..MaintenanceParameters::default()
        };
        edits.put(labels([("type", "maintenance")]), &parameters)?;
        edits.publish(&repository)?;
        Ok(repository)
    }
}
