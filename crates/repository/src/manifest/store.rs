//! Loading the manifests of a repository.

use super::{MANIFEST_PREFIX, Manifest, Manifests, merge, read_container};
use crate::repository::{ContentFilter, Repository};
use crate::{ContentId, Error, Result};

/// How often loading starts over when containers vanish, because another client compacts them.
const ATTEMPTS: usize = 5;

impl Repository {
    /// All live manifests in the present view of the index; [`Repository::refresh`] shows what others published
    /// since.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming a container that cannot be read, and those of reading contents.
    pub fn manifests(&self) -> Result<Manifests> {
        let mut attempt = 1;
        loop {
            match self.load_manifests() {
                Err(Error::ContentMissing { .. } | Error::PackMissing { .. })
                    if attempt < ATTEMPTS =>
                {
                    attempt += 1;
                    self.refresh()?;
                }
                other => return other,
            }
        }
    }

    fn load_manifests(&self) -> Result<Manifests> {
        let mut entries = Vec::new();
        for id in self.manifest_containers()? {
            entries.extend(self.read_manifest_container(&id)?);
        }
        Ok(merge(entries))
    }

    /// The contents that hold manifests, in the order of their ids.
    pub(crate) fn manifest_containers(&self) -> Result<Vec<ContentId>> {
        let filter = ContentFilter {
            include_deleted: false,
            prefix: Some(MANIFEST_PREFIX),
        };
        let mut ids = Vec::new();
        self.for_each_content(filter, &mut |info| {
            ids.push(info.id);
            Ok(())
        })?;
        Ok(ids)
    }

    fn read_manifest_container(&self, id: &ContentId) -> Result<Vec<Manifest>> {
        let payload = self.read_content(id)?;
        read_container(&payload)
            .map_err(|error| Error::damaged(format_args!("manifest container {id}"), error))
    }
}
