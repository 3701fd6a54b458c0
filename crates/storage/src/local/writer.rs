//! A blob's file in the making: a temporary file beside its final name, synced, renamed, and the
//! directory synced after it.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_host::fs::{create_new_file, random_suffix, replace_file, sync_dir};

use super::{FILE_MODE, Inner};
use crate::{BlobId, BlobWriter, Result};

pub(super) struct LocalWriter {
    inner: Arc<Inner>,
    id: BlobId,
    file: Option<File>,
    temporary: PathBuf,
    path: PathBuf,
}

impl LocalWriter {
    pub(super) fn start(inner: &Arc<Inner>, id: &BlobId) -> Result<Self> {
        let relative = inner.relative_path(id)?;
        let path = inner.root.join(&relative);
        let (file, temporary) = inner
            .prepare_directory(&relative)
            .and_then(|()| create_temporary(&path))
            .map_err(|error| inner.blob_error("write", id, error))?;
        Ok(Self {
            inner: Arc::clone(inner),
            id: id.clone(),
            file: Some(file),
            temporary,
            path,
        })
    }

    fn finish(&mut self) -> io::Result<()> {
        if let Some(file) = self.file.take() {
            file.sync_all()?;
        }
        replace_file(&self.temporary, &self.path)?;
        // From here on there is no temporary file to remove.
        self.temporary.clear();
        sync_dir(self.path.parent().unwrap_or(&self.inner.root))
    }
}

fn create_temporary(path: &Path) -> io::Result<(File, PathBuf)> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp.");
    temporary.push(random_suffix()?);
    let temporary = PathBuf::from(temporary);
    Ok((create_new_file(&temporary, FILE_MODE)?, temporary))
}

impl BlobWriter for LocalWriter {
    fn write(&mut self, parts: &[IoSlice<'_>]) -> Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let mut parts = parts.to_vec();
        let count = write_all_parts(file, &mut parts)
            .map_err(|error| self.inner.blob_error("write", &self.id, error))?;
        self.inner.counters.add_uploaded(count);
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<()> {
        self.finish()
            .map_err(|error| self.inner.blob_error("write", &self.id, error))?;
        self.inner.counters.add_puts(1);
        Ok(())
    }
}

impl Drop for LocalWriter {
    fn drop(&mut self) {
        if !self.temporary.as_os_str().is_empty() {
            // Windows removes no open file.
            self.file = None;
            if let Err(error) = std::fs::remove_file(&self.temporary) {
                tracing::warn!(path = %self.temporary.display(), %error, "a temporary file stays behind; it is harmless");
            }
        }
    }
}

fn write_all_parts(file: &mut File, mut parts: &mut [IoSlice<'_>]) -> io::Result<u64> {
    let mut total = 0;
    // Skips empty parts at the front, so that a write of nothing is not taken for a full disk.
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        match file.write_vectored(parts) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                total += count as u64;
                IoSlice::advance_slices(&mut parts, count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}
