//! Finding blobs by walking the directories. The walk does not ask how blobs are spread: a name is
//! what its directories and its file name give together (format 1 §1.3).

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use super::info_of;
use super::shards::{BLOB_SUFFIX, Sharding};
use crate::{BlobId, BlobInfo};

/// A walk over the blobs of a store.
pub(crate) struct Walk<'a> {
    /// How the store spreads its blobs.
    pub(crate) sharding: &'a Sharding,
    /// What the names begin with.
    pub(crate) prefix: &'a str,
}

impl Walk<'_> {
    /// Calls `each` for the blobs below `root`.
    pub(crate) fn run(
        &self,
        root: &Path,
        each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>,
    ) -> io::Result<ControlFlow<()>> {
        self.below(root, "", 0, each)
    }

    /// Calls `each` for the blobs below `directory`, which is that many levels below the root and whose own part of their
    /// names is `above`.
    fn below(
        &self,
        directory: &Path,
        above: &str,
        level: usize,
        each: &mut dyn FnMut(BlobInfo) -> ControlFlow<()>,
    ) -> io::Result<ControlFlow<()>> {
        let prefix = self.prefix;
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            // Blob names are ASCII, so whatever is not text is not ours.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if entry.file_type()?.is_dir() {
                let full = format!("{above}{name}");
                if !full.starts_with(prefix) && !prefix.starts_with(&full) {
                    continue;
                }
                match self.below(&entry.path(), &full, level + 1, each) {
                    Ok(ControlFlow::Continue(())) => {}
                    Ok(ControlFlow::Break(())) => return Ok(ControlFlow::Break(())),
                    // Removed since the directory above was read.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    // Such as `lost+found` of a disk of its own, or what another system keeps there. Blobs are never looked for
                    // in a directory of that name, so none is overlooked.
                    Err(error)
                        if error.kind() == io::ErrorKind::PermissionDenied
                            && !self.sharding.may_lead_to_blobs(level, &name) =>
                    {
                        tracing::debug!(directory = %entry.path().display(), "left out of the listing: it cannot be read, and holds no blobs");
                    }
                    Err(error) => return Err(error),
                }
                continue;
            }
            let Some(stem) = name.strip_suffix(BLOB_SUFFIX) else {
                continue;
            };
            let Ok(id) = BlobId::new(format!("{above}{stem}")) else {
                continue;
            };
            if !id.as_str().starts_with(prefix) {
                continue;
            }
            match std::fs::metadata(entry.path()) {
                Ok(metadata) if metadata.is_file() => {
                    if each(info_of(id, &metadata)).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
