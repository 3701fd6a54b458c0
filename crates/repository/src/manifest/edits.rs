//! Changes of manifests in a write session.

use std::sync::Arc;

use holdfast_host::Clock;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Labels, MANIFEST_PREFIX, Manifest, ManifestId, Manifests, encode_container, gzip_container,
};
use crate::json::{UnixNanos, to_vec};
use crate::object::ContentSink;
use crate::repository::Repository;
use crate::{CompressionAlgorithm, ContentId, Error, Result};

/// Manifests put and deleted, until they are written as one container.
///
/// Write it before the index of the session is committed the last time: the container and everything it refers
/// to then become visible at once.
#[derive(Debug)]
pub struct ManifestEdits {
    clock: Arc<dyn Clock>,
    entries: Vec<Manifest>,
}

impl ManifestEdits {
    /// No changes yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            entries: Vec::new(),
        }
    }

    /// What will be written.
    #[must_use]
    pub fn entries(&self) -> &[Manifest] {
        &self.entries
    }

    /// Adds a manifest under a new random id.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for labels without a type or a payload that is no JSON; of the random source.
    pub fn put<T: Serialize + ?Sized>(
        &mut self,
        labels: Labels,
        payload: &T,
    ) -> Result<ManifestId> {
        self.put_at(labels, payload, self.clock.now().into())
    }

    /// Deletes the manifest with this id, once; nothing when there is none.
    pub fn delete_id(&mut self, known: &Manifests, id: &ManifestId) {
        let done = self
            .entries
            .iter()
            .any(|entry| entry.deleted && entry.id == *id);
        if let Some(manifest) = known.get(id).filter(|_| !done) {
            self.delete(manifest);
        }
    }

    /// Deletes a manifest.
    pub fn delete(&mut self, manifest: &Manifest) {
        // Never at or before the time of what is deleted, even if that came from a clock that is ahead.
        let time = self.later_than(manifest.modified);
        self.entries
            .push(Manifest::tombstone(manifest.id.clone(), time));
    }

    /// Puts a manifest in place of all that have the same labels.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub fn replace<T: Serialize + ?Sized>(
        &mut self,
        known: &Manifests,
        labels: Labels,
        payload: &T,
    ) -> Result<ManifestId> {
        let old = known.find(&labels);
        old.iter().for_each(|manifest| self.delete(manifest));
        let latest = old
            .last()
            .map_or(UnixNanos(i64::MIN), |manifest| manifest.modified);
        let time = self.later_than(latest);
        self.put_at(labels, payload, time)
    }

    fn put_at<T: Serialize + ?Sized>(
        &mut self,
        labels: Labels,
        payload: &T,
        modified: UnixNanos,
    ) -> Result<ManifestId> {
        if !labels.contains_key("type") {
            return Err(invalid("its labels name no type"));
        }
        let text = to_vec(payload).map_err(invalid)?;
        let data = String::from_utf8(text).map_err(invalid)?;
        let data = RawValue::from_string(data).map_err(invalid)?;
        let id = ManifestId::random()?;
        self.entries.push(Manifest {
            id: id.clone(),
            labels,
            modified,
            deleted: false,
            data,
        });
        Ok(id)
    }

    fn later_than(&self, time: UnixNanos) -> UnixNanos {
        UnixNanos::from(self.clock.now()).max(UnixNanos(time.0.saturating_add(1)))
    }

    /// Writes the container, if anything changed, and forgets the changes.
    ///
    /// # Errors
    /// Those of the sink; the changes are kept then.
    pub fn write<S: ContentSink>(&mut self, sink: &mut S) -> Result<Option<ContentId>> {
        if self.entries.is_empty() {
            return Ok(None);
        }
        let payload = gzip_container(&encode_container(&self.entries));
        let compression = Some(CompressionAlgorithm::ZstdFastest);
        let object = sink.put_chunk(Some(MANIFEST_PREFIX), &payload, compression)?;
        self.entries.clear();
        Ok(Some(object.content()))
    }

    /// Publishes the changes in a session of their own, for changes that refer to nothing new.
    ///
    /// # Errors
    /// Those of a write session.
    pub fn publish(&mut self, repository: &Arc<Repository>) -> Result<()> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let session = repository.session()?;
        let mut writer = session.writer();
        self.write(&mut writer)?;
        writer.finish_packs()?;
        session.close()?;
        Ok(())
    }
}

fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::InvalidParameter {
        what: "manifest",
        reason: reason.to_string(),
    }
}
