//! The first manifests of a new repository.

use std::sync::Arc;

use holdfast_storage::BlobStore;
use secrecy::SecretString;

use super::MaintenanceParameters;
use crate::manifest::{ManifestEdits, Manifests};
use crate::policy::{self, PolicyTarget, default_policy};
use crate::repository::Repository;
use crate::{CreateOptions, OpenOptions, Result};

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
        let parameters = MaintenanceParameters {
            owner: repository.identity(),
            ..MaintenanceParameters::default()
        };
        parameters.store(&mut edits, &none)?;
        edits.publish(&repository)?;
        Ok(repository)
    }
}
