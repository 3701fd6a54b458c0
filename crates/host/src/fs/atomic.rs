//! Replacing a file in one step.

use std::fs::File;
use std::io::{self, Write};
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
