//! The Unix side.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::with_path;

/// Creates a file for writing that must not exist yet, with the permission bits `mode`.
pub fn create_new_file(path: &Path, mode: u32) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(|error| with_path(error, "create", path))
}

/// Moves `from` over `to` in one step. It survives a power cut once the directory is synced too.
pub fn replace_file(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to).map_err(|error| with_path(error, "rename to", to))
}

/// Makes the entries of a directory durable: what was created in it, renamed into it or removed.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)
        .and_then(|directory| match directory.sync_all() {
            // Some network and FUSE file systems cannot sync a directory and say so.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            result => result,
        })
        .map_err(|error| with_path(error, "sync directory", path))
}

/// Fills `buffer` with the bytes from `offset` on, wherever the file's own position is; a file that
/// ends earlier is the error `UnexpectedEof`.
pub fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    FileExt::read_exact_at(file, buffer, offset)
}
