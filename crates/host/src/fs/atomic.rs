//! Replacing a file in one step.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{create_new_file, replace_file, sync_dir, with_path};

/// Writes `data` to `path` so that readers, and a machine that loses power, see the old content or
/// the new one and nothing between. It is durable when this returns. `mode` holds the Unix
/// permission bits of the new file; Windows ignores it. The directory must exist.
pub fn atomic_write(path: &Path, data: &[u8], mode: u32) -> io::Result<()> {
    write_and_replace(path, data, mode, File::sync_all)?;
    sync_dir(parent_of(path))
}

/// As [`atomic_write`], but not durable, which is much quicker: after a power cut the file may be old, missing or garbled.
/// For what can be made again and is checked whenever it is read.
pub fn cache_write(path: &Path, data: &[u8], mode: u32) -> io::Result<()> {
    write_and_replace(path, data, mode, |_| Ok(()))
}

/// A file that is written piece by piece beside its place and takes that when it is complete, in one step. As with
/// [`cache_write`], it may be old, missing or garbled after a power cut.
#[derive(Debug)]
pub struct CacheFile {
    /// Empty once it is finished.
    file: Option<BufWriter<File>>,
    temporary: PathBuf,
    path: PathBuf,
}

/// Pieces are gathered up to this size, in bytes.
const GATHERED: usize = 1 << 20;

impl CacheFile {
    /// Begins a file with the Unix permission bits `mode`. The directory must exist.
    pub fn create(path: &Path, mode: u32) -> io::Result<Self> {
        let temporary = temporary_beside(path)?;
        let file = create_new_file(&temporary, mode)?;
        Ok(Self {
            file: Some(BufWriter::with_capacity(GATHERED, file)),
            temporary,
            path: path.to_owned(),
        })
    }

    /// Gives the file its place. Returns it for reading, which is possible also when it did not get its place; on Windows
    /// it does not as long as others have open what is there.
    pub fn finish(mut self) -> io::Result<(File, io::Result<()>)> {
        if let Some(mut file) = self.file.take() {
            file.flush()
                .map_err(|error| with_path(error, "write", &self.temporary))?;
        }
        let file = File::open(&self.temporary)
            .map_err(|error| with_path(error, "open", &self.temporary))?;
        let placed = replace_file(&self.temporary, &self.path);
        Ok((file, placed))
    }
}

impl Write for CacheFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

impl Drop for CacheFile {
    fn drop(&mut self) {
        // Closed first: Windows removes no open file.
        drop(self.file.take());
        // It is not there any more when it got its place.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

/// Writes a file beside `path`, does to it what `finish` says, and gives it the name.
fn write_and_replace(
    path: &Path,
    data: &[u8],
    mode: u32,
    finish: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = temporary_beside(path)?;
    let write = || {
        let mut file = create_new_file(&temporary, mode)?;
        file.write_all(data)
            .and_then(|()| finish(&file))
            .map_err(|error| with_path(error, "write", &temporary))?;
        drop(file);
        replace_file(&temporary, path)
    };
    let result = write();
    if result.is_err() {
        // The first error is the one worth telling.
        let _ = std::fs::remove_file(&temporary);
    }
    result
}

fn temporary_beside(path: &Path) -> io::Result<PathBuf> {
    let mut name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a file name is missing"))?
        .to_owned();
    name.push(".tmp.");
    name.push(random_suffix()?);
    Ok(path.with_file_name(name))
}

/// 16 hexadecimal digits from 8 random bytes, for the names of temporary files.
pub fn random_suffix() -> io::Result<String> {
    let number = getrandom::u64().map_err(io::Error::from)?;
    Ok(format!("{number:016x}"))
}

/// The directory that holds `path`; the current one for a bare name.
pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}
