//! Changing the parameters of a repository (format 1 §2.6).

use std::sync::Arc;

use bytes::Bytes;

use super::Repository;
use super::settings::{self, Settings, StoredFormat, put_options};
use crate::blob_names::{BLOBCFG, FORMAT};
use crate::error::Result;
use crate::format::{BlobConfiguration, ParameterChanges, RepositoryFormat};
use crate::maintenance::MaintenanceParameters;

impl Repository {
    /// The object lock of new blobs, as last read.
    #[must_use]
    pub fn blob_configuration(&self) -> BlobConfiguration {
        self.settings().blobs
    }

    /// Changes parameters; `false` when they are so already. Other clients learn of it within 15 minutes.
    ///
    /// # Errors
    /// As [`ParameterChanges::apply`] and [`MaintenanceParameters::check_locks`]; [`crate::Error::LockNotKept`]; those of
    /// the store, which may refuse an object lock.
    pub fn set_parameters(&self, changes: &ParameterChanges) -> Result<bool> {
        self.settle_configuration()?;
        self.reread_settings()?;
        let settings = self.settings();
        let (format, blobs) = changes.apply(&settings.format, &settings.blobs)?;
        if (&format, blobs) == (settings.format.as_ref(), settings.blobs) {
            return Ok(false);
        }
        if blobs != settings.blobs && blobs.retention.is_some() {
            self.try_lock(&blobs)?;
        }
        self.write_settings(format, blobs)?;
        Ok(true)
    }

    /// Fails when a lock like this is not to be had, or cannot be extended in time. Locks the format blob, which is there
    /// already, so a refusal leaves nothing behind.
    fn try_lock(&self, blobs: &BlobConfiguration) -> Result<()> {
        if let Some(parameters) = MaintenanceParameters::find(&self.manifests()?)? {
            parameters.check_locks(blobs)?;
        }
        let id = settings::known_id(FORMAT)?;
        if let Some(lock) = put_options(blobs, &id, self.clock.now())?.retention {
            self.store.extend_retention(&id, lock)?;
            settings::require_lock(self.store.as_ref(), &id)?;
        }
        Ok(())
    }

    /// Writes blob configuration, if it is another, and format blob, and works by them from now on.
    pub(super) fn write_settings(
        &self,
        format: RepositoryFormat,
        blobs: BlobConfiguration,
    ) -> Result<()> {
        let before = self.settings();
        let stored = settings::read_format_blob(self.store.as_ref())?;
        let blob = stored.blob.with_format(&format, &self.key)?;
        let stored = StoredFormat {
            bytes: Bytes::from(blob.to_bytes()),
            blob,
        };
        let put = |name, bytes| -> Result<()> {
            let id = settings::known_id(name)?;
            let options = put_options(&blobs, &id, self.clock.now())?;
            Ok(self.store.put(&id, bytes, &options)?)
        };
        if blobs != before.blobs {
            put(
                BLOBCFG,
                Bytes::from(blobs.seal(&self.key, &self.unique_id)?),
            )?;
        }
        put(FORMAT, stored.bytes.clone())?;
        *self.settings.write() = Arc::new(Settings {
            format: Arc::new(format),
            format_bytes: stored.bytes,
            blobs,
            configuration_settled: true,
            read_at: self.clock.monotonic(),
        });
        Ok(())
    }
}
